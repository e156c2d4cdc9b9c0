"""Whether the user agrees to what a run will cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.errors import NotConfirmed
from runner.money import dollars, to_micros
from runner.planning.estimate import estimate

if TYPE_CHECKING:
    from runner.planning.plan import Plan


def confirm(plan: Plan) -> None:
    """Raise `NotConfirmed` unless the run is cheap enough, or the user at the terminal agrees."""
    limit = plan.project.budget.confirm_above
    if limit is None:
        return
    expected = estimate(plan)
    if expected.to_spend <= to_micros(limit) and not expected.unpriced:
        return
    cost = dollars(expected.to_spend)
    if expected.unpriced:
        cost += f" and {expected.unpriced} shots of unknown price"
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"This run will cost {cost}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise NotConfirmed(
        f"this run would cost {cost}; nothing was started",
        why=f"budget.confirm_above is {limit:g} dollars, and nobody agreed",
        hint="agree at a terminal, or with budget.confirm_above=null",
    )
