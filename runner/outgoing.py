"""The last step of all text that leaves the process: it is made printable, and secrets are taken out of it.

It is taken where text leaves (the two standard streams, logs, files), not where it is put together. Text of strangers,
such as names, messages of providers or header comments, could otherwise steer a terminal, or look like other text.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Controls of C0 and C1 but tab and line feed, line separators, what changes the direction of writing, half characters.
# What joins emoji, and marks that combine with letters, is ordinary text.
_UNPRINTABLE: Final = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
_BREAKS: Final = re.compile("[\t\n\r]+")


def printable(text: str) -> str:
    """`text` with what steers a terminal made visible: `\\x1b`, `\\u202e`. Lines stay; text in JSON stays JSON."""
    return _UNPRINTABLE.sub(_visible, text)


def one_line(text: str) -> str:
    """`text` made printable, on one line."""
    return printable(_BREAKS.sub(" ", text.strip("\t\n\r")))


def outgoing(text: str) -> str:
    """`text` as it may leave the process: printable, and without any secret that was read."""
    return printable(scrubbed(text))


def _visible(found: re.Match[str]) -> str:
    # JSON has no raw character below a space in its strings, and knows only the longer form.
    number = ord(found.group())
    return f"\\x{number:02x}" if number < 0x20 else f"\\u{number:04x}"


class OutgoingStream:
    """A text stream behind the filter. `beneath` is the stream itself, for whoever filters before it adds colours."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        self.beneath.write(outgoing(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


def filter_streams() -> None:
    """Put both standard streams behind the filter, for as long as the process lives."""
    sys.stdout = cast("TextIO", OutgoingStream(sys.stdout))
    sys.stderr = cast("TextIO", OutgoingStream(sys.stderr))


@contextlib.contextmanager
def filtered_streams() -> Iterator[None]:
    """Have both standard streams behind the filter while this is open."""
    before = sys.stdout, sys.stderr
    filter_streams()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def beneath(stream: TextIO) -> TextIO:
    """The stream behind the filter."""
    while isinstance(stream, OutgoingStream):
        stream = stream.beneath
    return stream


class LogFormatter(logging.Formatter):
    """A record on one line. The lines of a traceback follow it indented: none of them looks like a record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return outgoing(super().format(record)).replace("\n", "\n    ")
