"""How deep a value of JSON is nested: what strangers send may exhaust the stack of whoever walks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST: Final = 200
_LEAVES: Final = frozenset({str, int, float, bool, type(None)})


def is_shallow(value: object) -> bool:
    """Whether a value can be compared, copied and printed without exhausting the stack."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return True
    return False


def _within(value: object) -> Iterable[object]:
    # The exact types first: whole journals and manifests are looked at, and an abstract class is slow to ask.
    kind = type(value)
    if kind in _LEAVES:
        return ()
    if isinstance(value, dict | Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()
