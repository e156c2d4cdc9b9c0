"""Names as people type them: made safe for disks, and the nearest known one."""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import TYPE_CHECKING, Final

from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST: Final = 48
# Windows keeps these for itself, with any ending.
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
)


def slug(text: str, *, longest: int = LONGEST) -> str:
    """A readable lower-case ASCII name for any text: letters, digits, `-` and `_`, at most `longest` long.

    Other scripts are transliterated, secrets left out. The result may be empty, and two texts may share one; `slugs`
    settles that.
    """
    from anyascii import anyascii

    plain = anyascii(scrubbed(text)[: 4 * longest]).lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:longest].rstrip("-_")


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug for each name, no two alike and none longer than `LONGEST`.

    A name whose plain slug is taken, empty or reserved gets a digest on.
    """
    plain = {name: slug(name) for name in names}
    found: dict[str, str] = {}
    taken: set[str] = set()
    # A name that is its own slug keeps it, whatever else maps there.
    for name in sorted(plain, key=lambda name: plain[name] != name):
        wanted = plain[name]
        if not wanted or wanted in _RESERVED or wanted in taken:
            wanted = next(text for text in _told_apart(name, wanted) if text not in taken)
        found[name] = wanted
        taken.add(wanted)
    return {name: found[name] for name in plain}


def _told_apart(name: str, plain: str) -> Iterator[str]:
    """`plain` with more and more of the name's digest on it."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    for length in range(6, LONGEST):
        kept = plain[: LONGEST - length - 1].rstrip("-_")
        yield f"{kept}-{digest[:length]}" if kept else digest[:length]


def nearest(word: str, among: Iterable[str]) -> str:
    """`did you mean X?` where one of `among` is close to `word`, else nothing."""
    found = difflib.get_close_matches(word, list(among), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""
