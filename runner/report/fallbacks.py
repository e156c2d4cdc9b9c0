"""Clips that were made from their prompt alone where they should have started from a frame, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runner.planning.plan import Plan

NAMED: Final = 5
"""How many names stand in one line."""


def retakes(plan: Plan, fallen: Collection[str]) -> str:
    """How the shots with these keys are asked for once more, and for how many clips that pays.

    A take of a shot asks for all that chain from it as well.
    """
    overrides, clips = [], 0
    for sequence in plan.sequences:
        for chain in sequence.chains:
            first = next((at for at, shot in enumerate(chain) if shot.key in fallen), None)
            if first is not None:
                overrides.append(f"{chain[first].shot.at}.take={chain[first].request.take + 1}")
                clips += len(chain) - first
    paid = "1 clip" if clips == 1 else f"{clips} clips"
    return f"{few(overrides, ' ')} (pays for {paid})"


def few(names: Sequence[str], between: str = ", ") -> str:
    """Some of the names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return between.join(name.replace("\n", " ") for name in names[:NAMED]) + more
