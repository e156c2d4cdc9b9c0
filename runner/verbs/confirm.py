"""Before anything starts: is there a key for all that needs one, and does the person agree to the cost?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.config.project import Boundary
from runner.errors import BudgetStop, ConfigError, RunnerError
from runner.forecast import Standing, forecast
from runner.store.budget import MICROS, dollars

if TYPE_CHECKING:
    from runner.plan import Plan, PlannedShot


def check_ready(plan: Plan) -> None:
    """Raise `ConfigError` where a generator or the image host has work to do and cannot, for want of a key.

    What is finished needs none.
    """
    wanting: list[tuple[RunnerError, list[PlannedShot]]] = []
    for choice in {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}.values():
        try:
            if choice.spec.account is not None:
                choice.spec.account(choice.options)
        except RunnerError as error:
            label = choice.label
            wanting.append((error, [shot for shot in plan.shots if shot.shot.generator.label == label]))
    host = plan.project.uploader
    pictured = [shot for shot in plan.shots if shot.shot.boundary is not Boundary.CUT]
    try:
        if host.spec.ready is not None and pictured:
            host.spec.ready(host.options)
    except RunnerError as error:
        if not error.retry_safe:  # what may work in a moment is no reason not to begin
            wanting.append((error, pictured))
    if wanting:
        standing = forecast(plan).standing
        for missing, shots in wanting:
            if any(standing[shot.key] is not Standing.PAID for shot in shots):
                raise ConfigError(
                    f"{missing.what}; nothing was started",
                    why="; ".join(part for part in (missing.where, missing.why) if part),
                    hint=missing.hint,
                )


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
