"""Whether the user agrees to what a run will cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from runner.errors import NotConfirmed
from runner.money import dollars, to_micros
from runner.planning.estimate import by_root, estimate

ASK_ABOVE: Final = 5.0
"""Dollars: a run at a terminal that costs more is asked about, where the user has not set another limit."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.plan import Plan


def confirm(plans: Sequence[Plan]) -> None:
    """Raise `NotConfirmed` unless all runs together are cheap enough, or the user at the terminal agrees."""
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    limits = [_limit(plan, terminal=terminal) for plan in plans]
    limit = min((limit for limit in limits if limit is not None), default=None)
    if limit is None:
        return
    expected = [estimate(*of_root) for of_root in by_root(plans).values()]
    unpriced = sum(one.unpriced for one in expected)
    known = sum(one.to_spend for one in expected)
    if known <= to_micros(limit) and not unpriced:
        return
    cost = dollars(known)
    if unpriced:
        cost += f" and {unpriced} shots of unknown price"
    this = "run" if len(plans) == 1 else "sweep"
    if terminal:
        print(f"This {this} will cost {cost}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise NotConfirmed(
        f"this {this} would cost {cost}; nothing was started",
        why=f"budget.confirm_above is {limit:g} dollars, and nobody agreed",
        hint="agree at a terminal, or with budget.confirm_above=null",
    )


def _limit(plan: Plan, *, terminal: bool) -> float | None:
    """Dollars above which to ask. At a terminal a project cannot raise the limit: it may come from a stranger."""
    limit = plan.project.budget.confirm_above
    if not terminal or (plan.composed and plan.composed.origins.set_by_user("budget.confirm_above")):
        return limit
    return ASK_ABOVE if limit is None else min(limit, ASK_ABOVE)
