"""What a composition really gives: without keys left to be filled in, and text that cannot be written anywhere."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.config.convert import Reader

_TO_FILL_IN: Final = "???"


def given(config: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """`config` without the keys that no one can use; each is noted as a problem."""
    return _mapping(config, "", reader)


def _mapping(config: Mapping[str, Any], at: str, reader: Reader) -> dict[str, Any]:
    found = {}
    for name, value in config.items():
        key = f"{at}.{name}" if at else str(name)
        if value == _TO_FILL_IN:
            reader.problem(key, "has to be filled in", value=value, allowed=f"{key}=... on the command line")
        elif not _is_text(value):
            reader.problem(key, "holds bytes that are not text", value=value, allowed="UTF-8")
        else:
            found[name] = _mapping(value, key, reader) if isinstance(value, dict) else value
    return found


def _is_text(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_text(inner) for inner in value)
    return not isinstance(value, str) or not any(unicodedata.category(sign) == "Cs" for sign in value)
