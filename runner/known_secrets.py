"""The secrets that this process has read, and text without any of them, in whatever form it may have them."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN: Final = "(hidden)"
SHORTEST: Final = 8
"""Characters. A shorter value of a secret field is hidden in its place only: as a word it may stand anywhere."""
_SHORTEST_WORD: Final = 16
"""Characters of a number, or of a word in lower case: a shorter one may be a date, or a part of a digest or a path."""
_CUT: Final = ("...", "\N{HORIZONTAL ELLIPSIS}")
"""What stands where a text was cut off, maybe in the middle of a secret."""
_MOST_LINES: Final = 200
_URL_SAFE: Final = str.maketrans("+/", "-_")
_ESCAPED: Final = re.compile("%[0-9A-F]{2}")
_LARGEST_KEY_FILE: Final = 65_536
_IN_KEY_FILE: Final = ("private_key", "private_key_id", "client_secret", "refresh_token", "api_key")


class _Known:
    """The secrets that this process has read. It is the process, and not a run, that must not show them: its terminal
    and the logs of its plugins are shared."""

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._sorted: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add(self, secret: str) -> None:
        with self._lock:
            if secret not in self._found:
                self._found.update(one for one in spellings(secret) if len(one) >= SHORTEST)
                self._sorted = ()

    @property
    def spellings(self) -> tuple[str, ...]:
        """The longest first: one may be a part of another."""
        with self._lock:
            if not self._sorted:
                self._sorted = tuple(sorted(self._found, key=lambda one: (-len(one), one)))
            return self._sorted


_known: Final = _Known()


def remember(secret: str) -> None:
    """Have `scrubbed` hide a secret from now on; of one with several lines, such as a private key, each line."""
    for line in map(str.strip, secret.splitlines()[:_MOST_LINES]):
        is_word = line.isdecimal() or (line.isalpha() and line.islower())
        shortest = _SHORTEST_WORD if is_word else SHORTEST
        if len(line) >= shortest and not line.startswith("-----") and line != HIDDEN:
            _known.add(line)


def remember_file(file: str) -> None:
    """Remember the secret in a key file: its one line, or what Google's JSON files and PEM files hold.

    Blocking. A file that cannot be read is left to whoever needs it.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError, RuntimeError):
        path = Path(file).expanduser()
        if not path.is_file() or path.stat().st_size > _LARGEST_KEY_FILE:
            return
        text = path.read_text(encoding="utf-8").strip()
        if text.startswith("{"):
            found = json.loads(text)
            for name in _IN_KEY_FILE:
                remember(str(found.get(name, "")))
        elif text.startswith("-----BEGIN") or "\n" not in text:
            remember(text)


def scrubbed(text: str) -> str:
    """`text` without any secret that this process has read, and without the beginning of one that was cut off."""
    found = [spelling for spelling in _known.spellings if spelling[:SHORTEST] in text]
    for spelling in found:
        text = text.replace(spelling, HIDDEN)
    for spelling in found:
        text = _without_beginnings(spelling, text)
    return text


def scrubbed_json(value: Any, *, keys: bool = True) -> Any:
    """A value of JSON, of any depth, with all its texts `scrubbed`; the keys of its mappings only where `keys`."""
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, (list, tuple)):
        return [scrubbed_json(inner, keys=keys) for inner in value]
    if isinstance(value, Mapping):
        return {
            scrubbed(str(name)) if keys else name: scrubbed_json(inner, keys=keys)
            for name, inner in value.items()
        }
    return value


def _without_beginnings(spelling: str, text: str) -> str:
    """`text` without any half of a spelling, and without less of it where the text was cut off."""
    head, parts, done = spelling[:SHORTEST], [], 0
    at = text.find(head)
    while at >= 0:
        end = at + _common(spelling, text[at : at + len(spelling)])
        if 2 * (end - at) >= len(spelling) or end == len(text) or text.startswith(_CUT, end):
            parts += [text[done:at], HIDDEN]
            done = end
        at = text.find(head, end)
    return "".join((*parts, text[done:]))


def _common(one: str, other: str) -> int:
    """The length of what two texts begin with."""
    differs = (at for at, signs in enumerate(zip(one, other, strict=False)) if len(set(signs)) > 1)
    return next(differs, min(len(one), len(other)))


def spellings(secret: str) -> tuple[str, ...]:
    """A secret in the forms in which it may be written: as it is, in a URL, in a page, in JSON, in base64, in hex."""
    if not secret:
        return ()
    raw = secret.encode("utf-8", "surrogateescape")
    quoted = [quote(raw, safe=safe) for safe in ("", "/", "/:?=&+,;@")]
    in_json = json.dumps(secret)[1:-1]
    escaped = (in_json, in_json.replace("/", "\\/"), repr(secret)[1:-1])
    encoded = (*_in_base64(raw), raw.hex())
    found = (
        *(secret, html.escape(secret), *quoted, *(_ESCAPED.sub(_lower, one) for one in quoted)),
        # What was quoted in JSON is often written into JSON once more.
        *(*escaped, *(json.dumps(one)[1:-1] for one in escaped)),
        *(*encoded, *(one.translate(_URL_SAFE) for one in encoded), raw.hex().upper()),
    )
    return tuple(dict.fromkeys(found))


def _lower(found: re.Match[str]) -> str:
    return found.group().lower()


def _in_base64(raw: bytes) -> Iterator[str]:
    """The characters that some bytes alone decide, at each place that they may have in what was encoded."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]
