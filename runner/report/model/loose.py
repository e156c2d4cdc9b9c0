"""Fields of JSON that may be anybody's: a value of another kind than expected is a missing one."""

from __future__ import annotations

import math
from typing import Any, Final

_LARGEST: Final = 1e15
"""Nothing that is measured, counted or paid for is greater: a larger number is a mistake or a trap."""


def text(found: object, name: str) -> str:
    """A text, or a number as it is written; empty where there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return value if isinstance(value, str) else ""


def number(found: object, name: str) -> float | None:
    """A finite number, `None` where there is none."""
    return as_number(found.get(name)) if isinstance(found, dict) else None


def as_number(value: object) -> float | None:
    """A finite number, or `None`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < _LARGEST and math.isfinite(value) else None


def whole(found: object, name: str) -> int | None:
    """A whole number, `None` where there is none."""
    value = number(found, name)
    return int(value) if value is not None and value == int(value) else None


def flag(found: object, name: str) -> bool:
    """Whether a field is true."""
    return isinstance(found, dict) and found.get(name) is True


def mapping(found: object, name: str) -> dict[str, Any]:
    """A mapping; empty where there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, dict) else {}


def items(found: object, name: str) -> list[Any]:
    """A list; empty where there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, list) else []


def texts(found: object, name: str) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(one for one in items(found, name) if isinstance(one, str))


def numbers(found: object, name: str) -> dict[str, float]:
    """The numbers of a mapping, by their names."""
    values = {key: as_number(value) for key, value in mapping(found, name).items()}
    return {key: value for key, value in values.items() if value is not None}
