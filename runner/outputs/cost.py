"""What a run or a sweep cost, and what it would take to finish it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.money import to_usd
from runner.store.budget import Spend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.api import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """Amounts are reservations included: what is at risk."""

    now: Spend
    """By this run, in this session."""
    so_far: Spend
    """By all runs that have the same budget: this request's, or this sweep's."""
    ahead: Mapping[str, int | None] = field(default_factory=dict)
    """Where the budget stopped it, what is left to do: the keys, each with its price in millionths of a US dollar,
    `None` where it is unknown."""

    @classmethod
    def of_all(cls, jobs: Sequence[RunCost], so_far: Spend, ahead: Mapping[str, int | None]) -> RunCost:
        """The cost of a sweep, whose jobs have one budget; `so_far` is read when all of them have ended."""
        return cls(now=Spend.sum(job.now for job in jobs), so_far=so_far, ahead=ahead)

    @property
    def usd(self) -> float:
        """US dollars at risk by this run, in this session."""
        return to_usd(self.now.micros)

    def to_json(self) -> dict[str, JSON]:
        """For `run.json` and `sweep.json`: US dollars."""
        return {
            "now_usd": to_usd(self.now.micros),
            "so_far_usd": to_usd(self.so_far.micros),
            "reserved_usd": to_usd(self.so_far.reserved),
            "unpriced": self.so_far.unpriced,
        }
