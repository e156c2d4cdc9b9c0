"""What a plan will cost, given what the journal says is paid for already. Nothing is contacted or written."""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner import store
from runner.money import from_usd
from runner.planning import beam, takes
from runner.store.attempt import OPEN, Attempt, Phase, decisive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from runner.api import MetricSpec
    from runner.planning.plan import Plan, PlannedShot
    from runner.store.interface import ObjectStore


class Standing(enum.StrEnum):
    """Where a shot stands before the run."""

    TO_DO = "to do"
    PAID = "paid already"
    RUNNING = "running"
    UNKNOWN = "outcome unknown"
    LOST = "lost"
    MISSING = "paid, its file is missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The standing of each key, and what is ahead: the keys to do, each with its price.

    `fallbacks` are those whose clip was generated from its prompt alone where it should start from a frame.
    Money is in millionths of a US dollar; a price of `None` is unknown.
    """

    standing: Mapping[str, Standing]
    ahead: Mapping[str, int | None]
    fallbacks: frozenset[str] = frozenset()
    further: Mapping[str, int | None] = field(default_factory=dict)
    """What further takes may cost, where every clip that is to do ignores its first frame, or a beam needs all of
    them: by key, for all of them."""
    beam: Mapping[str, PlannedShot] = field(default_factory=dict)
    """The requests of beams at worst: by key, or by a name where it is not known yet what they start from."""

    def of(self, plan: Plan) -> Estimate:
        """The same for one of the plans that it was made for."""
        if plan.project.beam.is_on:
            return estimate(plan)
        # Each of a thousand jobs asks: what all of them have in common is not gone through.
        keys = dict.fromkeys(shot.key for shot in plan.shots)
        return Estimate(
            standing={key: self.standing[key] for key in keys},
            ahead={key: self.ahead[key] for key in keys if key in self.ahead},
            fallbacks=frozenset(key for key in keys if key in self.fallbacks),
            further={key: self.further[key] for key in keys if key in self.further},
        )

    @property
    def to_do(self) -> int:
        return len(self.ahead)

    @property
    def to_spend(self) -> int:
        """The sum of the prices that are known."""
        return sum(price for price in self.ahead.values() if price is not None)

    @property
    def at_worst(self) -> int:
        """What is to be spent where every further take is needed, as far as prices are known."""
        return self.to_spend + sum(price for price in self.further.values() if price is not None)

    @property
    def unpriced(self) -> int:
        return sum(price is None for price in self.ahead.values())


def estimate(*plans: Plan) -> Estimate:
    """Ask the journal of an outputs root, which all plans have; a shot that several have counts once.

    Raises `JournalError`.
    """
    root = plans[0].project.output_root
    shots: dict[str, PlannedShot] = {}
    for plan in plans:
        shots |= {shot.key: shot for shot in plan.shots if shot.key not in shots}
    beams = [plan for plan in plans if plan.project.beam.is_on]
    if beams:
        return _with_beams(root, beams, [plan for plan in plans if plan not in beams], shots)
    return _of_shots(root, plans, shots)


def _of_shots(root: Path, plans: Sequence[Plan], shots: Mapping[str, PlannedShot]) -> Estimate:
    in_force = {**shots, **_standing_in(root, plans)}
    prices = {shot.key: micros(shot) for shot in in_force.values()}
    found = of_keys(root, prices)
    ahead = {key: prices[shot.key] for key, shot in in_force.items() if shot.key in found.ahead}
    return Estimate(
        standing={key: found.standing[shot.key] for key, shot in in_force.items()},
        ahead=ahead,
        fallbacks=frozenset(key for key, shot in in_force.items() if shot.key in found.fallbacks),
        further={key: _together(in_force[key].retakes) for key in ahead if in_force[key].retakes},
    )


def _with_beams(
    root: Path, beams: Sequence[Plan], others: Sequence[Plan], shots: Mapping[str, PlannedShot]
) -> Estimate:
    """The same where takes are tried side by side: what is ahead of a beam are the takes that come next."""
    found = _of_shots(root, others, shots)
    of_beams = {shot.key for plan in beams for shot in plan.shots}
    next_ones: dict[str, PlannedShot] = {}
    requests: dict[str, PlannedShot] = {}
    reader = store.read_journal(root)
    with contextlib.ExitStack() as opened:
        read = opened.enter_context(reader) if reader is not None else None

        def attempts(key: str) -> Attempt | None:
            return decisive(read.by_keys([key]).get(key, [])) if read is not None else None

        def numbers(subject: str, metric: MetricSpec) -> float | None:
            found = read.measurements([subject]) if read is not None else []
            own = (one for one in found if (one.metric, one.version) == (metric.name, metric.version))
            return next((one.value for one in own), None)

        for plan in beams:
            for chain in (chain for sequence in plan.sequences for chain in sequence.chains):
                at = beam.frontier(chain, plan.project, attempts, numbers)
                next_ones |= {take.key: take for take in at.ahead}
                requests |= {f"{shot.key} {n}": shot for shot, most in at.further for n in range(most)}
    prices = {key: micros(shot) for key, shot in next_ones.items()}
    of_next = of_keys(root, prices)
    to_do = {key: next_ones[key] for key in of_next.ahead}
    return Estimate(
        standing={**found.standing, **of_next.standing},
        ahead={key: price for key, price in found.ahead.items() if key not in of_beams} | dict(of_next.ahead),
        fallbacks=found.fallbacks | of_next.fallbacks,
        further={**found.further, **{name: micros(shot) for name, shot in requests.items()}},
        beam={**to_do, **requests},
    )


def _standing_in(root: Path, plans: Sequence[Plan]) -> dict[str, PlannedShot]:
    """The takes in force in place of planned ones, by the keys of those."""
    wanted = [plan for plan in plans if any(shot.retakes for shot in plan.shots)]
    reader = store.read_journal(root) if wanted else None
    if reader is None:
        return {}
    with reader:
        return {key: shot for plan in wanted for key, shot in takes.standing_in(plan, reader).items()}


def _together(shots: Iterable[PlannedShot]) -> int | None:
    """The prices of all of them; `None` where one is unknown."""
    prices = [micros(shot) for shot in shots]
    return None if None in prices else sum(price for price in prices if price is not None)


def by_root(plans: Iterable[Plan]) -> dict[Path, list[Plan]]:
    """The plans of each outputs root. Roots share nothing: what one has paid for is paid for again in another."""
    found: dict[Path, list[Plan]] = {}
    for plan in plans:
        found.setdefault(plan.project.output_root, []).append(plan)
    return found


def of_keys(root: Path, prices: Mapping[str, int | None]) -> Estimate:
    """The same for any shots, by their keys and prices. Raises `JournalError`."""
    known: dict[str, list[Attempt]] = {}
    reader = store.read_journal(root)
    if reader is not None:
        with reader:
            known = reader.by_keys(prices)
    objects = store.object_store(root)
    standing = {key: _standing(known.get(key, []), objects) for key in prices}
    fallbacks = frozenset(
        key
        for key, attempts in known.items()
        if any(one.phase is Phase.FETCHED and one.record.fallback for one in attempts)
    )
    ahead = {key: prices[key] for key in prices if standing[key] is Standing.TO_DO}
    return Estimate(standing=standing, ahead=ahead, fallbacks=fallbacks)


def micros(planned: PlannedShot) -> int | None:
    """The expected price of a shot in millionths of a dollar; `None` is unknown."""
    price = planned.price
    return from_usd(price.usd if price is not None else None)


def _standing(attempts: list[Attempt], objects: ObjectStore) -> Standing:
    phases = {attempt.phase for attempt in attempts}
    if Phase.FETCHED in phases:
        digests = [attempt.digest for attempt in attempts if attempt.phase is Phase.FETCHED]
        return Standing.PAID if objects.exists(digests[-1]) else Standing.MISSING
    if Phase.UNKNOWN in phases or Phase.INTENDED in phases:
        return Standing.UNKNOWN
    if phases & OPEN:
        return Standing.RUNNING
    return Standing.LOST if attempts and attempts[-1].phase is Phase.LOST else Standing.TO_DO
