"""What a plan will cost, given what the journal says is paid for already. Nothing is contacted or written."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner import store
from runner.money import from_usd
from runner.store.attempt import OPEN, Attempt, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

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

    def of(self, plan: Plan) -> Estimate:
        """The same for one of the plans that it was made for."""
        keys = {shot.key for shot in plan.shots}
        return Estimate(
            standing={key: self.standing[key] for key in keys},
            ahead={key: price for key, price in self.ahead.items() if key in keys},
            fallbacks=self.fallbacks & keys,
        )

    @property
    def to_do(self) -> int:
        return len(self.ahead)

    @property
    def to_spend(self) -> int:
        """The sum of the prices that are known."""
        return sum(price for price in self.ahead.values() if price is not None)

    @property
    def unpriced(self) -> int:
        return sum(price is None for price in self.ahead.values())


def estimate(*plans: Plan) -> Estimate:
    """Ask the journal of an outputs root, which all plans have; a shot that several have counts once.

    Raises `JournalError`.
    """
    prices: dict[str, int | None] = {}
    for plan in plans:
        prices |= {shot.key: micros(shot) for shot in plan.shots if shot.key not in prices}
    return of_keys(plans[0].project.output_root, prices)


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
