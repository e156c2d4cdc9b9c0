"""Before anything starts: is there a key for every account that will pay, and does the person agree to the cost?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runner.errors import BudgetStop, ConfigError
from runner.forecast import Standing, forecast
from runner.store.budget import MICROS, dollars

if TYPE_CHECKING:
    from runner.plan import Plan


def check_accounts(plan: Plan) -> None:
    """Raise `ConfigError` where a generator that still has work to do has no key. What is finished needs none."""
    keyless: dict[str, ConfigError] = {}
    for label, choice in {shot.shot.generator.label: shot.shot.generator for shot in plan.shots}.items():
        try:
            if choice.spec.account is not None:
                choice.spec.account(choice.options)
        except ConfigError as error:
            keyless[label] = error
    if keyless:
        standing = forecast(plan).standing
        for shot in plan.shots:
            missing = keyless.get(shot.shot.generator.label)
            if missing is not None and standing[shot.key] is not Standing.PAID:
                raise missing


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
