"""Whether the user agrees to what a run will cost."""

from __future__ import annotations

import sys
from dataclasses import dataclass
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
    _agree(plans, _expected(plans), "run" if len(plans) == 1 else "sweep")


class Agreement:
    """What the user agrees to spend on jobs that come batch by batch, such as those of a search."""

    def __init__(self, jobs: int, this: str = "search") -> None:
        """`jobs` is how many there will be at most, as far as that is known; `this` names them all."""
        self._jobs = jobs
        self._this = this
        self._agreed: int | None = None
        self._so_far = 0

    def confirm(self, plans: Sequence[Plan]) -> None:
        """Raise `NotConfirmed` where the user did not agree to pay for these jobs.

        Asked is before the first batch, whose jobs stand for all others; then a search may cost that much.
        """
        expected = _expected(plans)
        self._so_far += expected.worst
        if self._agreed is None:
            times = max(self._jobs / max(len(plans), 1), 1)
            self._agreed = round(expected.worst * times)
            whole = _Expected(known=self._agreed, worst=self._agreed, unpriced=expected.unpriced)
            _agree(plans, whole, self._this, about="up to about ")
            return
        limit = _lowest(plans)
        if limit is not None and self._so_far > (agreed := max(self._agreed, to_micros(limit))):
            raise NotConfirmed(
                f"the {self._this} would cost {dollars(self._so_far)} by now; agreed to was {dollars(agreed)}",
                hint="agree with budget.confirm_above=null; what was made is reused",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """What plans cost, in millionths of a US dollar."""

    known: int = 0
    worst: int = 0
    """With every further take that may be needed."""
    unpriced: int = 0
    """How many further shots have no known price."""


def _expected(plans: Sequence[Plan]) -> _Expected:
    if _lowest(plans) is None:
        return _Expected()  # nobody asks
    expected = [estimate(*of_root) for of_root in by_root(plans).values()]
    return _Expected(
        known=sum(one.to_spend for one in expected),
        worst=sum(one.at_worst for one in expected),
        unpriced=sum(one.unpriced for one in expected),
    )


def _agree(plans: Sequence[Plan], expected: _Expected, this: str, about: str = "") -> None:
    limit = _lowest(plans)
    if limit is None or (expected.worst <= to_micros(limit) and not expected.unpriced):
        return
    cost, unpriced = about + dollars(expected.known), expected.unpriced
    if expected.worst > expected.known:
        more = dollars(expected.worst)
        cost += f" (up to {more} with the takes that continuity.on_ignored=retry may add)"
    if unpriced:
        shots = f"{unpriced} shots" if unpriced > 1 else "1 shot"
        cost = f"{cost} and {shots} of unknown price" if expected.known else f"an unknown amount ({shots})"
    if _is_terminal():
        print(f"This {this} will cost {cost}. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise NotConfirmed(
        f"this {this} would cost {cost}; nothing was started",
        why=f"budget.confirm_above is {limit:g} dollars, and nobody agreed",
        hint="agree at a terminal, or with budget.confirm_above=null",
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _lowest(plans: Sequence[Plan]) -> float | None:
    """Dollars above which to ask; `None` where nothing is asked."""
    terminal = _is_terminal()
    limits = [_limit(plan, terminal=terminal) for plan in plans]
    return min((limit for limit in limits if limit is not None), default=None)


def _limit(plan: Plan, *, terminal: bool) -> float | None:
    """Dollars above which to ask. At a terminal a project cannot raise the limit: it may come from a stranger."""
    if plan.project.ci.replays:
        return None  # nothing is paid
    limit = plan.project.budget.confirm_above
    if not terminal or (plan.composed and plan.composed.origins.set_by_user("budget.confirm_above")):
        return limit
    return ASK_ABOVE if limit is None else min(limit, ASK_ABOVE)
