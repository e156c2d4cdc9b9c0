"""Seeds that are asked for and not sent, since the model takes none: said aloud, and no reason to pay twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import identity

if TYPE_CHECKING:
    from runner.config.convert import Reader
    from runner.plan import Plan, PlannedShot


def notes(plan: Plan) -> tuple[str, ...]:
    """One line for each generator or model that gets a seed and takes none."""
    unsent: dict[str, list[PlannedShot]] = {}
    for planned in plan.shots:
        if planned.seed_unsent:
            unsent.setdefault(planned.who, []).append(planned)
    return tuple(f"{who} takes no seed: {_listed(shots)} not sent" for who, shots in unsent.items())


class Seeds:
    """What the jobs of a sweep ask for. Jobs that differ in nothing but a seed that is not sent ask for the same."""

    def __init__(self) -> None:
        self._asked: dict[str, int | None] = {}

    def check(self, plan: Plan, reader: Reader) -> None:
        """Note a job that would pay again for the request of an earlier one."""
        digests: dict[str, str] = {}
        asked: dict[str, int | None] = {}
        for planned in plan.shots:
            digests[planned.key] = digest = _sent(planned, digests)
            if not planned.seed_unsent:
                continue
            asked.setdefault(digest, planned.request.seed)
            before = self._asked.get(digest, planned.request.seed)
            if before != planned.request.seed:
                reader.problem(
                    planned.shot.set_by("seed"),
                    f"{planned.who} takes no seed: this job would pay again for the request of seed {before}",
                    value=planned.request.seed,
                    allowed="to see more clips of one request: shot.take=1,2",
                )
        for digest, seed in asked.items():
            self._asked.setdefault(digest, seed)


def _sent(planned: PlannedShot, digests: dict[str, str]) -> str:
    """What tells a request from others at the provider: its identity, but for a seed that is not sent."""
    fields = dict(planned.identity)
    if planned.seed_unsent:
        del fields["seed"]
    if planned.previous is not None:
        fields["starts_from"] = digests[planned.previous.key]
    return identity.digest(fields)


def _listed(shots: list[PlannedShot]) -> str:
    seeds = sorted({planned.request.seed for planned in shots if planned.request.seed is not None})
    if len(seeds) > 3:
        return f"{len(seeds)} seeds are"
    return f"seed {seeds[0]} is" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))} are"
