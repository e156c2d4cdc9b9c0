"""The run itself, and a sweep of runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from runner import interrupts
from runner.config import compose
from runner.engine import kill_points
from runner.engine.events import Bus
from runner.engine.executor import execute
from runner.engine.limits import AccountLimits, Rates
from runner.engine.run_context import RunContext
from runner.errors import JournalError, RunnerError
from runner.outputs import folder as folders
from runner.outputs.film_cache import FilmCache
from runner.outputs.outcome import Ending, RunOutcome
from runner.outputs.recorder import Record
from runner.planning.estimate import forecast
from runner.report import progress, summary, sweep
from runner.report.money import Money
from runner.store.budget import Budget, Spend, to_micros
from runner.store.journal import Journal, spend
from runner.store.objects import Objects
from runner.verbs.confirm import Readiness, confirm
from runner.verbs.prepare import Preparation, checked

if TYPE_CHECKING:
    from pathlib import Path

    from runner.cli import Flags
    from runner.config.compose import Composed
    from runner.planning.plan import Plan
    from runner.plugins import Registry


_log = logging.getLogger(__name__)


def main(flags: Flags) -> int:
    """Run once, or with `-m` once for each job of the sweep; the worst exit code of all."""
    words = checked(flags.rest)
    runs = _Runs(flags, words)
    try:
        codes = compose.each_job(words, runs.one)
    except RunnerError as error:
        if any(word in ("-m", "--multirun") for word in words) and not runs.sweep.jobs:
            error.what += "; nothing of the sweep was started"
        raise
    if runs.sweep.jobs:
        runs.sweep.finish(words)
    return max(codes, default=0)


class _Ended(NamedTuple):
    """A run that is over: what came of it, where, and what it cost."""

    outcome: RunOutcome
    folder: Path
    money: Money


class _Runs:
    """The jobs of one command, one after the other."""

    def __init__(self, flags: Flags, words: list[str]) -> None:
        self._flags = flags
        self._words = words
        self._preparation = Preparation()
        self._rates = Rates()
        self._readiness = Readiness()
        self.sweep = sweep.Sweep()

    def one(self, composed: Composed) -> int:
        """Run one composition. In a sweep an error is noted, so that the other jobs go on."""
        if composed.job is None:
            plan, registry = self._preparation.plan(composed)
            ended = self._run(plan, registry, composed)
            summary.show(ended.outcome, ended.folder, self._words, ended.money)
            return ended.outcome.exit_code
        if self.sweep.interrupted:
            self.sweep.note_skipped(composed.job)
            return 130
        try:
            plan, registry = self._preparation.plan(composed)
            self.sweep.begin(composed.job, plan)
            ended = self._run(plan, registry, composed)
            summary.show(ended.outcome, ended.folder, self._words, ended.money, brief=True)
            self.sweep.note(composed.job, ended.outcome, ended.money)
            code = ended.outcome.exit_code
        except RunnerError as error:
            if self._flags.debug:
                raise
            self.sweep.note_error(composed.job, error)
            code = error.exit_code
        return code

    def _run(self, plan: Plan, registry: Registry, composed: Composed) -> _Ended:
        root = plan.project.output_root
        self._readiness.check(plan)
        confirm(plan)
        folder = folders.RunFolder(folders.path_for(plan, composed.job), plan.key)
        try:
            with Journal(root / ".runner" / "journal.db") as journal:
                record = Record(folder, plan, composed)
                record.open()
                try:
                    context = _ledger(plan, composed, folder, journal, self._rates)
                    began = context.clock()
                    outcome = self._executed(plan, registry, folder, record, context)
                    kill_points.reach("before_manifest")
                    spent = _money(outcome, context, began)
                    record.finish(outcome, spent)
                    kill_points.reach("after_manifest")
                except RunnerError as error:
                    record.fail(str(error))
                    raise
                finally:
                    record.close()
        finally:
            folder.close()
        return _Ended(outcome, folder.path, spent)

    def _executed(
        self, plan: Plan, registry: Registry, folder: folders.RunFolder, record: Record, context: RunContext
    ) -> RunOutcome:
        display = progress.show(plan, quiet=self._flags.quiet)
        bus = context.bus
        bus.add("events.jsonl", record.observe)
        bus.add("progress", display.observe)
        bus.add_plugins(registry)
        try:
            return asyncio.run(_interruptible(plan, folder, context))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            display.close()


def _money(outcome: RunOutcome, context: RunContext, began: float) -> Money:
    """What the run cost. A journal that cannot be read now is no reason to lose the record of what was made."""
    stopped = any(shot.ending is Ending.STOPPED for shot in outcome.shots)
    try:
        return Money(
            now=context.journal.now(spend(context.scope, began)),
            so_far=context.journal.now(spend(context.scope)),
            ahead=forecast(outcome.plan).ahead if stopped else {},
        )
    except JournalError as error:
        _log.warning("what the run cost cannot be told: %s", error.line)
        return Money(now=Spend(), so_far=Spend(), ahead={})


def _ledger(
    plan: Plan, composed: Composed, folder: folders.RunFolder, journal: Journal, rates: Rates
) -> RunContext:
    project = plan.project
    budget = project.budget
    return RunContext(
        root=project.output_root,
        scope=composed.job.sweep_key if composed.job else plan.key,
        work=folder.work,
        journal=journal,
        objects=Objects(project.output_root / ".runner" / "objects"),
        limits=AccountLimits(project.limits.in_flight, rates),
        bus=Bus(),
        budget=Budget(
            max_cost=None if budget.max_cost is None else to_micros(budget.max_cost),
            max_shots=budget.max_shots,
        ),
        submit_timeout_s=project.limits.submit_timeout_s,
        task_timeout_s=project.limits.task_timeout_s,
        retries=project.limits.retries,
    )


async def _interruptible(plan: Plan, folder: folders.RunFolder, context: RunContext) -> RunOutcome:
    """Execute, so that a signal ends it early: stop asking for clips, keep and record what is there."""
    task = asyncio.current_task()
    assert task is not None
    with interrupts.cancelling(task):
        return await execute(plan, folder, FilmCache(folder), context)
