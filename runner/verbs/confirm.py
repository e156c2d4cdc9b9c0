"""Whether the user agrees to what a run will cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.errors import NotConfirmed
from runner.money import dollars, to_micros
from runner.planning.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.plan import Plan


def confirm(plans: Sequence[Plan]) -> None:
    """Raise `NotConfirmed` unless all runs together are cheap enough, or the user at the terminal agrees."""
    limits = [plan.project.budget.confirm_above for plan in plans]
    limit = min((limit for limit in limits if limit is not None), default=None)
    if limit is None:
        return
    ahead: dict[str, int | None] = {}
    for plan in plans:
        ahead |= estimate(plan).ahead
    unpriced = sum(price is None for price in ahead.values())
    known = sum(price or 0 for price in ahead.values())
    if known <= to_micros(limit) and not unpriced:
        return
    cost = dollars(known)
    if unpriced:
        cost += f" and {unpriced} shots of unknown price"
    this = "run" if len(plans) == 1 else "sweep"
    if sys.stdin.isatty() and sys.stderr.isatty():
        print(f"This {this} will cost {cost}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise NotConfirmed(
        f"this {this} would cost {cost}; nothing was started",
        why=f"budget.confirm_above is {limit:g} dollars, and nobody agreed",
        hint="agree at a terminal, or with budget.confirm_above=null",
    )
