"""The balances of the accounts that pay, where their generators report one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from runner.api import SupportsAccountStatus
from runner.engine.plugin_calls import Call, called
from runner.engine.run_context import fingerprint
from runner.errors import RunnerError
from runner.planning.affordability import over_balance, to_do
from runner.planning.estimate import micros

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.engine.plugin_objects import PluginObjects
    from runner.engine.timing import Timing
    from runner.errors import NotAffordable
    from runner.planning.plan import Plan, PlannedShot

_log = logging.getLogger(__name__)


async def over_balances(
    plans: Iterable[Plan], plugins: PluginObjects, timing: Timing
) -> dict[str, NotAffordable]:
    """Why accounts cannot pay for what the plans will submit together, by the keys of the plans that use them.

    A balance that cannot be read is no reason: the provider refuses what is not paid for.
    """
    by_account: dict[str, dict[str, PlannedShot]] = {}
    users: dict[str, set[str]] = {}
    whole = [plan for plan in plans if not plan.project.budget.partial]
    for plan, shots in zip(whole, await asyncio.to_thread(to_do, whole), strict=True):
        for key, shot in shots.items():
            if micros(shot):
                account = fingerprint(shot)
                by_account.setdefault(account, {})[key] = shot
                users.setdefault(account, set()).add(plan.key)
    found: dict[str, NotAffordable] = {}
    for account, shots in by_account.items():
        choice = next(iter(shots.values())).shot.generator
        try:
            generator = await plugins.generator(choice)
            if not isinstance(generator, SupportsAccountStatus):
                continue
            call = Call(f"generator {choice.spec.name}", "account_status", limit_s=timing.account_status_s)
            status = await called(call, generator.account_status)
        except Exception as error:  # a plugin's own, too: see above
            why = error.line if isinstance(error, RunnerError) else repr(error)
            _log.warning("the balance at %s cannot be read: %s", choice.spec.name, why)
            continue
        if status.balance_usd is not None:
            refusal = over_balance(shots.values(), status.balance_usd, choice.spec.name)
            if refusal is not None:
                found |= dict.fromkeys(users[account], refusal)
    return found
