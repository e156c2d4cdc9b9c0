"""What a plan will cost, given what the journal says is paid for already. Nothing is contacted or written."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.store.attempt import OPEN, Attempt, Phase
from runner.store.budget import MICROS
from runner.store.reading import attempts_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.planning.plan import Plan, PlannedShot

_AT_A_TIME: Final = 500


class Standing(enum.StrEnum):
    """Where a shot stands before the run."""

    TO_DO = "to do"
    PAID = "paid already"
    RUNNING = "running"
    UNKNOWN = "outcome unknown"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The standing of each key, and what is ahead: the keys to do, each with its price.

    `fell_back` are those whose clip is there, and was made from its prompt alone where it should start from a frame.
    Money is in millionths of a US dollar; a price of `None` is unknown.
    """

    standing: Mapping[str, Standing]
    ahead: Mapping[str, int | None]
    fell_back: frozenset[str] = frozenset()

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


def forecast(plan: Plan) -> Forecast:
    """Ask the journal of the plan's outputs root. Raises `JournalError`."""
    return of_keys(plan.project.output_root, {shot.key: micros(shot) for shot in plan.shots})


def of_keys(root: Path, prices: Mapping[str, int | None]) -> Forecast:
    """The same for any shots, by their keys and prices. Raises `JournalError`."""
    keys = list(prices)
    known: dict[str, list[Attempt]] = {}
    for start in range(0, len(keys), _AT_A_TIME):
        some = keys[start : start + _AT_A_TIME]
        marks = ", ".join("?" * len(some))
        for attempt in attempts_in(root, f"key IN ({marks})", *some):
            known.setdefault(attempt.key, []).append(attempt)
    standing = {key: _standing(known.get(key, [])) for key in keys}
    fell_back = frozenset(
        key
        for key, attempts in known.items()
        if any(one.phase is Phase.FETCHED and one.facts.get("fell_back") for one in attempts)
    )
    ahead = {key: prices[key] for key in keys if standing[key] is Standing.TO_DO}
    return Forecast(standing=standing, ahead=ahead, fell_back=fell_back)


def micros(planned: PlannedShot) -> int | None:
    """The expected price of a shot in millionths of a dollar; `None` is unknown."""
    price = planned.price
    return None if price is None else round(price.usd * MICROS)


def _standing(attempts: list[Attempt]) -> Standing:
    phases = {attempt.phase for attempt in attempts}
    if Phase.FETCHED in phases:
        return Standing.PAID
    if Phase.UNKNOWN in phases or Phase.INTENDED in phases:
        return Standing.UNKNOWN
    if phases & OPEN:
        return Standing.RUNNING
    return Standing.LOST if attempts and attempts[-1].phase is Phase.LOST else Standing.TO_DO
