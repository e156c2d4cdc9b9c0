"""How deep a value of JSON is nested: what strangers send may exhaust the stack of whoever walks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST: Final = 200


def is_shallow(value: object) -> bool:
    """Whether a value can be compared, copied and printed without exhausting the stack."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return True
    return False


def _within(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()
