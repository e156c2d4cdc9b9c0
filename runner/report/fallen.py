"""Clips that were made from their prompt alone where they should have started from a frame, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.plan import PlannedShot

NAMED: Final = 5
"""How many names stand in one line."""


def retakes(fallen: Sequence[PlannedShot]) -> str:
    """The overrides that ask for these clips once more. A take of a shot asks for all that chain from it as well."""
    keys = {planned.key for planned in fallen}
    first = [one for one in fallen if one.previous is None or one.previous.key not in keys]
    return few([f"{one.shot.at}.take={one.request.take + 1}" for one in first], " ")


def few(names: Sequence[str], between: str = ", ") -> str:
    """Some of the names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(name.replace("\n", " ") for name in names[:NAMED]) + more
