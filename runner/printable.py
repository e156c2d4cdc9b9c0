"""What leaves the process as text: without secrets, and without characters that make a terminal do something."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import IO, TYPE_CHECKING, Any, Final, TextIO, cast

from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterator

# C0 but for tab and line feed, DEL, C1, line and paragraph separators, what turns the direction of text, surrogates.
# Joiners, variation selectors and combining marks stay: they are a part of how people write.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    r"""`text` with control characters and marks of direction as `\u001b`, which is also how JSON writes them."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def outgoing(text: str) -> str:
    """`text` as it may be printed or logged."""
    return printable(scrubbed(text))


def log_line(text: str) -> str:
    """A message as one line of a log."""
    return outgoing(text.rstrip("\n")).replace("\n", "\\n")


class _Outlet(io.TextIOBase):
    """A text stream that writes `outgoing` text to another one."""

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        self.raw.write(outgoing(text))
        return len(text)

    def flush(self) -> None:
        self.raw.flush()

    def close(self) -> None:
        self.raw.close()

    def isatty(self) -> bool:
        return self.raw.isatty()

    def fileno(self) -> int:
        return self.raw.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)

    def __del__(self) -> None:
        """The other stream stays open."""


@contextlib.contextmanager
def outlets() -> Iterator[None]:
    """Standard output and standard error print nothing but `outgoing` text while this is open."""
    outer = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Outlet(raw_stream(one))) for one in outer)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = outer


def raw_stream(stream: IO[str]) -> TextIO:
    """The stream behind an outlet, for what filters its text itself and adds colours and cursor moves of its own."""
    return stream.raw if isinstance(stream, _Outlet) else cast("TextIO", stream)
