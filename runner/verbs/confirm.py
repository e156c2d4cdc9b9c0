"""Asking before a run that costs more than a person wants to spend without being asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.errors import BudgetStop
from runner.forecast import forecast
from runner.store.budget import MICROS, dollars

if TYPE_CHECKING:
    from runner.plan import Plan


def confirm(plan: Plan) -> None:
    """Raise `BudgetStop` unless the run is cheap enough, or the person at the terminal agrees."""
    limit = plan.project.budget.confirm_above
    if limit is None:
        return
    expected = forecast(plan)
    if expected.to_spend <= limit * MICROS and not expected.unpriced:
        return
    cost = dollars(expected.to_spend)
    if expected.unpriced:
        cost += f" and {expected.unpriced} shots of unknown price"
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"This run will cost {cost}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise BudgetStop(
        f"this run would cost {cost}; nothing was started",
        why=f"budget.confirm_above is {limit:g} dollars, and nobody agreed",
        hint="agree at a terminal, or with budget.confirm_above=null",
    )
