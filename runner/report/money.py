"""What a run or a sweep cost, and what it would take to finish it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.store.budget import MICROS, Spend, dollars, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.config.schema import BudgetKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """`now` is at risk by this run, `so_far` by all runs whose budget is one.

    Where the budget stopped it, `ahead` is what is left to do: the keys, each with its price in millionths of a US
    dollar, `None` where nobody knows.
    """

    now: Spend
    so_far: Spend
    ahead: Mapping[str, int | None]

    @classmethod
    def of_all(cls, jobs: Sequence[Money], ahead: Mapping[str, int | None]) -> Money:
        """The money of a sweep, whose jobs have one budget, in the order in which they ran."""
        now = Spend(*(sum(figures) for figures in zip(*(job.now for job in jobs), strict=True)))
        return cls(now=now, so_far=jobs[-1].so_far, ahead=ahead)

    def told(self, whole: str) -> str:
        """One line for a person, nothing where all was free. `whole` is what `so_far` is about: "film", "sweep"."""
        if not (self.so_far.micros or self.so_far.unpriced):
            return ""
        text = f"{dollars(self.now.micros)} for {_counted(self.now)} by this run"
        if not self.now.attempts:
            text = "nothing by this run"
        if self.so_far.micros > self.now.micros:
            text += f", {dollars(self.so_far.micros)} for this {whole} so far"
        if self.so_far.reserved:
            text += f"; {dollars(self.so_far.reserved)} of it reserved, not settled"
        if self.so_far.unpriced:
            text += f"; {self.so_far.unpriced} of unknown price"
        return text

    def goes_on(self, budget: BudgetKeys) -> tuple[str, ...]:
        """The overrides of the budget with which all that is left to do fits in."""
        found: list[str] = []
        if not self.ahead:
            return ()
        if budget.max_cost is not None:
            if None in self.ahead.values() or self.so_far.unpriced:
                found.append("budget.max_cost=null")
            else:
                needed = self.so_far.micros + sum(price or 0 for price in self.ahead.values())
                if needed > to_micros(budget.max_cost):
                    found.append(f"budget.max_cost={needed / MICROS:.6f}".rstrip("0").rstrip("."))
        if budget.max_shots is not None:
            attempts = self.so_far.attempts + len(self.ahead)
            if attempts > budget.max_shots:
                found.append(f"budget.max_shots={attempts}")
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """For `run.json` and `sweep.json`: US dollars, reservations included."""
        return {
            "now_usd": self.now.micros / MICROS,
            "so_far_usd": self.so_far.micros / MICROS,
            "reserved_usd": self.so_far.reserved / MICROS,
            "unpriced": self.so_far.unpriced,
        }


def _counted(spend: Spend) -> str:
    return "1 request" if spend.attempts == 1 else f"{spend.attempts} requests"
