"""Names as people type them, made safe for disks."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST: Final = 48
# Windows keeps these for itself, with any ending.
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
)


def slug(text: str, *, longest: int = LONGEST) -> str:
    """A readable lower-case ASCII name for any text: letters, digits, `-` and `_`, at most `longest` long.

    Other scripts are transliterated. The result may be empty, and two texts may share one; `slugs` settles that.
    """
    from anyascii import anyascii

    plain = anyascii(text[: 4 * longest]).lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:longest].rstrip("-_")


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug for each name, no two alike. A name whose plain slug is taken, empty or reserved gets a digest on."""
    names = list(names)
    plain = {name: slug(name) for name in names}
    taken: dict[str, str] = {}
    # A name that is its own slug keeps it, whatever else maps there.
    for name in sorted(names, key=lambda name: (plain[name] != name, names.index(name))):
        wanted = plain[name]
        if not wanted or wanted in _RESERVED or wanted in taken.values():
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
            length = 6
            wanted = f"{plain[name]}-{digest[:length]}".lstrip("-")
            while wanted in taken.values():
                length += 1
                wanted = f"{plain[name]}-{digest[:length]}".lstrip("-")
        taken[name] = wanted
    return {name: taken[name] for name in names}
