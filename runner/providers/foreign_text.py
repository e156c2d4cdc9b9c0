"""Text that a provider wrote, made safe to show: one printable line, without the key that it may echo."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from runner import outgoing
from runner.redaction import HIDDEN, scrubbed, spellings

_TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,300})", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def one_line(text: str, key: str = "", most: int = 300) -> str:
    """`text` as one printable line of at most `most` characters, without any spelling of `key` or of a known secret."""
    for spelling in spellings(key):
        text = text.replace(spelling, HIDDEN)
    line = outgoing.one_line(" ".join(scrubbed(text).split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def describe(problem: BaseException, key: str = "") -> str:
    """An exception as one line. One about a malformed answer quotes it, and may hold the key."""
    return one_line(f"{type(problem).__name__}: {problem}".removesuffix(": "), key)


def page_text(text: str) -> str:
    """The title of an HTML page, else its text without tags; other text as it is."""
    if text.lstrip()[:1] != "<":
        return text
    title = _TITLE.search(text)
    return unescape(title.group(1) if title is not None else _TAG.sub(" ", text))
