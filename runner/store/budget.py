"""What a run may spend. Checked in the transaction that notes the intent, so that racing shots cannot overdraw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import BudgetStop
from runner.money import dollars

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.store.attempt import Attempt


class Spend(NamedTuple):
    """What a scope has at risk: attempts that may cost, and their money in millionths of a US dollar.

    `reserved` is the part of the money that is not settled yet; `unpriced` counts attempts of unknown price.
    """

    attempts: int = 0
    micros: int = 0
    reserved: int = 0
    unpriced: int = 0

    @classmethod
    def sum(cls, parts: Iterable[Spend]) -> Spend:
        """All of them together."""
        return cls(*(sum(figures) for figures in zip(cls(), *parts, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one scope. `max_cost` is in millionths of a US dollar; `None` is no limit."""

    max_cost: int | None = None
    max_shots: int | None = None

    @property
    def limited(self) -> bool:
        return self.max_cost is not None or self.max_shots is not None

    def check(self, attempt: Attempt, spend: Spend) -> None:
        """Raise `BudgetStop` when this attempt, on top of what the scope has at risk, would break a limit."""
        if self.max_shots is not None and spend.attempts + 1 > self.max_shots:
            raise BudgetStop(f"the budget of {self.max_shots} shots is used up", where=attempt.name)
        if self.max_cost is None:
            return
        if attempt.reserved is None or spend.unpriced:
            raise BudgetStop(
                "the budget cannot be kept: the price of a shot is unknown",
                where=attempt.name,
                why=f"{attempt.generator} {attempt.model}".strip() + " states no price",
                hint="choose a model or a resolution with a known price",
            )
        if spend.micros + attempt.reserved > self.max_cost:
            raise BudgetStop(
                f"the budget of {dollars(self.max_cost)} would be exceeded",
                where=attempt.name,
                why=f"{dollars(spend.micros)} are spent or reserved, this shot costs {dollars(attempt.reserved)}",
            )
