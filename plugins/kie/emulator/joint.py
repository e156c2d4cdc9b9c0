"""What must hold between several fields of an input. The wording is ours: none was recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Rule = Callable[[Mapping[str, Any]], str]
"""What is wrong with an input whose fields are fine by themselves and whose defaults are filled in; "" if nothing."""
_PLACES: Final = 6


def not_both(one: str, other: str) -> Rule:
    """Two fields of which only one may be there."""

    def rule(given: Mapping[str, Any]) -> str:
        both = given.get(one) and given.get(other)
        return f"{one} and {other} cannot be used together" if both else ""

    return rule


def at_most_when(most: int, name: str, field: str, value: object) -> Rule:
    """`most` elements in the list `name`, where `field` has this value."""

    def rule(given: Mapping[str, Any]) -> str:
        long = given.get(field) == value and len(given.get(name) or ()) > most
        return f"{name}: the length must not exceed {most}" if long else ""

    return rule


def at_most_together(most: int, *names: str) -> Rule:
    """`most` elements in all these lists."""

    def rule(given: Mapping[str, Any]) -> str:
        long = sum(len(given.get(name) or ()) for name in names) > most
        return f"{' and '.join(names)}: the length must not exceed {most} together" if long else ""

    return rule


def durations_within(name: str, limit: str) -> Rule:
    """The seconds of all objects in the list `name` fit into those that the field `limit` tells."""

    def rule(given: Mapping[str, Any]) -> str:
        # As floats 0.3, 8.3 and 6.4 are a little more than 15.
        total = round(sum(one.get("duration") or 0 for one in given.get(name) or ()), _PLACES)
        long = total > int(given[limit])
        return f"{name}: the durations must not exceed {given[limit]} together" if long else ""

    return rule
