"""The names that a project gives: to its sequences, its shots, its generators, and itself."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from runner.config.convert import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.config.convert import Reader


def read(at: str, raw: Mapping[Any, Any], reader: Reader) -> dict[str, Any]:
    """The mapping at a dotted key, by names; each that is none is noted."""
    for name in raw:
        if not isinstance(name, str):
            written = reader.origins.written(at, name)
            reader.problem(
                f"{at}.{written or name}",
                f"YAML reads this name as {_as_yaml(name)}",
                allowed=f'the name in quotes: "{written}"' if written else "the name in quotes",
            )
    _check_added(at, [str(name) for name in raw], reader)
    return {str(name): value for name, value in raw.items()}


def check(at: str, names: Mapping[str, object], reader: Reader) -> None:
    """Note the names at a dotted key that no one can use, or tell apart."""
    known: dict[str, str] = {}
    for name in names:
        check_one(f"{at}.{name}", name, reader)
        folded = unicodedata.normalize("NFKC", name).casefold().strip()
        if folded in known:
            reader.problem(f"{at}.{name}", f"looks the same as {known[folded]!r}")
        known[folded] = name


def check_one(key: str, name: str, reader: Reader) -> None:
    """Note what is wrong with one name, at its dotted key."""
    if not name.strip() or name.strip(".") == "":
        reader.problem(key, "a name needs letters", value=name)
    elif any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        reader.problem(key, "a name cannot hold control characters", value=name)
    elif len(name) > 200:
        reader.problem(key, "a name is at most 200 characters long", value=name)


def _check_added(at: str, names: list[str], reader: Reader) -> None:
    """A name that only the command line has is most often typed wrong, and would be paid for."""
    origins = reader.origins
    if at.endswith(".shots") and origins.added_by(at.removesuffix(".shots")):
        return
    added = [name for name in names if origins.added_by(f"{at}.{name}")]
    known = [name for name in names if name not in added]
    for name in added:
        allowed = f"{nearest(name, known) or f'there are: {listed(known)};'} a + before the key adds it"
        reader.problem(f"{at}.{name}", "no file has this name", allowed=allowed)


def _as_yaml(value: object) -> str:
    return "null" if value is None else str(value).lower()
