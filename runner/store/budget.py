"""What a run may spend. Checked in the transaction that notes the intent, so that racing shots cannot overdraw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import BudgetStop

if TYPE_CHECKING:
    from runner.store.attempt import Attempt

MICROS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one scope. `max_cost` is in millionths of a US dollar; `None` is no limit."""

    max_cost: int | None = None
    max_shots: int | None = None

    @property
    def limited(self) -> bool:
        return self.max_cost is not None or self.max_shots is not None

    def check(self, attempt: Attempt, *, count: int, spent: int, unknown: int) -> None:
        """Raise `BudgetStop` when this attempt, on top of what the scope has at risk, would break a limit."""
        if self.max_shots is not None and count + 1 > self.max_shots:
            raise BudgetStop(
                f"the budget of {self.max_shots} shots is used up",
                where=attempt.name,
                hint=f"go on with budget.max_shots={count + 1} or more",
            )
        if self.max_cost is None:
            return
        if attempt.reserved is None or unknown:
            raise BudgetStop(
                "the budget cannot be kept: the price of a shot is unknown",
                where=attempt.name,
                why=f"{attempt.generator} {attempt.model}".strip() + " states no price",
                hint="go on without it: budget.max_cost=null",
            )
        after = spent + attempt.reserved
        if after > self.max_cost:
            raise BudgetStop(
                f"the budget of {dollars(self.max_cost)} would be exceeded",
                where=attempt.name,
                why=f"{dollars(spent)} are spent or reserved, this shot costs {dollars(attempt.reserved)}",
                hint=f"go on with budget.max_cost={after / MICROS:g} or more",
            )


def dollars(micros: int | None) -> str:
    """An amount for people."""
    if micros is None:
        return "unknown"
    text = f"{micros / MICROS:.4f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"
