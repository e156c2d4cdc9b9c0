"""Cancelling tasks at their providers, where that saves money."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from runner.api import SupportsCancel
from runner.engine.plugin_calls import Call, called
from runner.engine.run_context import fingerprint, task_ref
from runner.errors import RunnerError, ShotError, UsageError
from runner.store.attempt import Attempt, Phase
from runner.store.interface import Filter

if TYPE_CHECKING:
    from runner.config.project import GeneratorChoice
    from runner.engine.resources import Resources
    from runner.engine.run_context import RunContext
    from runner.planning.plan import Plan

_log = logging.getLogger(__name__)
_CANCEL_S: Final = 15.0
"""How long the provider may take to cancel a task."""


async def cancel_tasks(run: RunContext) -> None:
    """Cancel a run's tasks where that saves money. Never raises: the tasks live on otherwise."""
    keys = {planned.key: planned for planned in run.plan.shots} | run.requested
    wanted = Filter(keys=frozenset(keys), phases=(Phase.SUBMITTED,))
    for attempt in await run.resources.journal.attempts(wanted):
        planned = keys[attempt.key]
        if not planned.capabilities.billing.cancel_saves_money:
            continue
        try:
            await _cancel_at_provider(run.resources, attempt, planned.shot.generator)
        except RunnerError as error:
            _log.warning("task %s of %s is not cancelled: %s", attempt.task, attempt.name, error.line)


async def cancel_task(resources: Resources, attempt: Attempt, plan: Plan) -> None:
    """Cancel the task of an attempt, with the generator that `plan` configures.

    Raises `UsageError` where the provider does not charge less for that, or the plan has no such generator.
    """
    if attempt.phase is not Phase.SUBMITTED:
        raise UsageError(f"this attempt is {attempt.phase}; there is no task to cancel", where=attempt.name)
    for planned in plan.shots:
        choice = planned.shot.generator
        if choice.spec.name != attempt.generator or fingerprint(planned) != attempt.account:
            continue
        if not planned.capabilities.billing.cancel_saves_money:
            raise UsageError(f"{attempt.generator} charges the same for a cancelled task", where=attempt.name)
        await _cancel_at_provider(resources, attempt, choice)
        return
    raise UsageError(
        f"the project has no generator {attempt.generator} of this attempt's account",
        where=attempt.name,
        hint="name the project, and the key, that the task was submitted with",
    )


async def _cancel_at_provider(resources: Resources, attempt: Attempt, choice: GeneratorChoice) -> None:
    generator = await resources.plugins.generator(choice)
    if not isinstance(generator, SupportsCancel):
        raise UsageError(f"generator {choice.spec.name} has no `cancel`", where=attempt.name)
    call = Call(f"generator {choice.spec.name}", "cancel", attempt.name, limit_s=_CANCEL_S)
    try:
        await called(call, generator.cancel, task_ref(attempt))
    except TimeoutError as error:
        raise ShotError(
            f"{choice.spec.name} did not cancel task {attempt.task}", why=f"not within {_CANCEL_S:g} s"
        ) from error
