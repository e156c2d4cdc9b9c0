"""What others name: media types and files. Anyone may write anything there: length and characters are bounded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_NAME: Final = 100
_PART: Final = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
"""RFC 6838, 4.2."""
_MEDIA_TYPE: Final = re.compile(f"{_PART}/{_PART}")
_NOT_IN_NAMES: Final = re.compile(r'[/\\:*?"<>|]')


def media_type(headers: Mapping[str, str]) -> str:
    """The media type that an answer claims, in lower case, without parameters; empty where it is none.

    `headers` are httpx's: they find a name in any case.
    """
    claimed = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return claimed if _MEDIA_TYPE.fullmatch(claimed) else ""


def file_name(text: str) -> str:
    """What somebody else calls a file, as one printable name of at most 100 characters; empty where nothing is left."""
    name = _NOT_IN_NAMES.sub("_", text.strip())
    name = "".join(one for one in name if one.isprintable())
    if len(name) > _LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        ending = f"{dot}{ending}" if dot and len(ending) <= 8 else ""
        name = f"{(stem if ending else name)[: _LONGEST_NAME - len(ending)]}{ending}"
    return "" if not name.strip(". ") else name
