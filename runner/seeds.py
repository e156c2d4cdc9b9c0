"""Seeds that are asked for and not sent, since the model takes none: said aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.plan import Plan, PlannedShot


def notes(plan: Plan) -> tuple[str, ...]:
    """One line for each generator or model that gets a seed and takes none.

    Such a seed is no part of a shot's identity: requests that differ in nothing else are one request, paid for once.
    """
    unsent: dict[str, list[PlannedShot]] = {}
    for planned in plan.shots:
        if planned.seed_unsent:
            unsent.setdefault(planned.who, []).append(planned)
    return tuple(
        f"{who} takes no seed: {_listed(shots)} not sent, and changes nothing; another clip of the same request is "
        f"another take of the shot: take={max(shot.request.take for shot in shots) + 1}"
        for who, shots in unsent.items()
    )


def _listed(shots: list[PlannedShot]) -> str:
    seeds = sorted({planned.request.seed for planned in shots if planned.request.seed is not None})
    if len(seeds) > 3:
        return f"each of {len(seeds)} seeds is"
    return f"seed {seeds[0]} is" if len(seeds) == 1 else f"each of the seeds {', '.join(map(str, seeds))} is"
