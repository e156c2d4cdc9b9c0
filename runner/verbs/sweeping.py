"""A sweep of runs: jobs that are known before, or that a sweeper chooses while they run."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from runner.config import launching
from runner.config.compose import compose_batch
from runner.errors import OutputError, RunnerError
from runner.planning.plan import Plan
from runner.planning.preparation import sweep_keys
from runner.redaction import hidden_override
from runner.report import sweep, sweep_progress
from runner.sweeps import objectives, record
from runner.sweeps.execute import run_jobs, spent_so_far
from runner.sweeps.job import JobOutcome, JobState, SweepOutcome
from runner.verbs import reporting
from runner.verbs.confirm import Agreement
from runner.verbs.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config.compose import Composed
    from runner.config.launching import Launching, Search
    from runner.config.schema import SweepKeys
    from runner.sweeps.elsewhere import Elsewhere
    from runner.verbs.composing import Composing


class Sweeping:
    """The command of a sweep. `words` are those to type again for it."""

    def __init__(self, arguments: Composing, words: Sequence[str]) -> None:
        self._arguments = arguments
        self._words = words
        self._launching: Launching = launching.chosen(arguments.words)
        self._sessions = Sessions(quiet=arguments.quiet)
        self._elsewhere: Elsewhere | None = None

    async def jobs(self, jobs: Sequence[Composed]) -> int:
        """Run jobs that are known; the worst exit code. All are planned and checked before the first one starts."""
        keys = sweep_keys(jobs[0])
        planned = self._sessions.planned(jobs)
        plans = [plan for plan in planned if isinstance(plan, Plan)]
        if keys.objective is not None:
            objectives.check(keys.objective, plans)
        self._choose_launcher(keys.objective)
        async with self._sessions.opened(plans):
            display = sweep_progress.show(plans, jobs=len(jobs), quiet=self._arguments.quiet)
            try:
                outcome = await self._run(jobs, planned, keys, display)
            finally:
                self._close(display)
        return await self._ended(outcome)

    async def search(self, search: Search) -> int:
        """Run the jobs that a sweeper chooses, batch by batch; the worst exit code."""
        from runner.sweeps import search as searches

        self._choose_launcher(search.objective)
        expected = searches.expected_jobs(search)
        agreement = Agreement(expected)
        found: list[JobOutcome] = []
        stopped_by: JobOutcome | None = None
        display: sweep_progress.Show | None = None

        async def batch(overrides: list[list[str]], first: int) -> Sequence[JobOutcome]:
            nonlocal stopped_by, display
            words, primary = self._arguments.words, self._arguments.primary
            jobs = await asyncio.to_thread(
                compose_batch, words, overrides, first, self._arguments.folder, primary
            )
            planned = await asyncio.to_thread(self._sessions.planned, jobs, agreement.confirm)
            plans = [plan for plan in planned if isinstance(plan, Plan)]
            if search.objective is not None:
                objectives.check(search.objective, plans)
            await self._sessions.check(plans)
            if display is None:
                display = sweep_progress.show(
                    [], jobs=expected or len(jobs), quiet=self._arguments.quiet, search=True
                )
            await asyncio.to_thread(display.more, plans)
            done = await self._run(jobs, planned, sweep_keys(jobs[0]), display)
            found.extend(done.jobs)
            stopped_by = done.stopped_by
            if self._sessions.signals or stopped_by is not None or _is_hopeless(done):
                raise searches.Stopped
            for job in done.jobs:
                if search.objective is not None and job.value is None and job.state is JobState.FINE:
                    assert job.outcome is not None
                    # It says why there is no value: no further job would have one either.
                    objectives.objective_of(job.outcome, search.objective)
            return done.jobs

        error: RunnerError | None = None
        async with self._sessions.opened() as sessions:
            try:
                await searches.run_search(search, batch)
            except RunnerError as failure:
                if not found:
                    raise
                error = failure if failure not in [one for job in found for one in job.errors] else None
            finally:
                self._close(display)
            outcome = SweepOutcome(
                jobs=tuple(found),
                so_far=await spent_so_far(sessions.values(), found),
                stopped_by=stopped_by,
                objective=search.objective,
                direction=searches.direction(search) if search.objective is not None else "",
                error=error,
            )
        if not found and self._sessions.signals:
            raise KeyboardInterrupt  # before there was anything to show
        return await self._ended(outcome)

    async def _run(
        self,
        jobs: Sequence[Composed],
        planned: Sequence[Plan | RunnerError],
        keys: SweepKeys,
        display: sweep_progress.Show,
    ) -> SweepOutcome:
        if self._elsewhere is not None:
            done, stopped_by = await self._elsewhere.run(
                jobs, planned, observer=display.observe, ended=display.ended, fail_fast=keys.fail_fast
            )
            so_far = await spent_so_far(self._sessions.open.values(), done)
            return SweepOutcome(jobs=done, so_far=so_far, stopped_by=stopped_by, objective=keys.objective)
        numbered = [(one.job, plan) for one, plan in zip(jobs, planned, strict=True) if one.job is not None]
        return await run_jobs(
            numbered,
            self._sessions.open,
            observer=display.observe,
            ended=display.ended,
            max_jobs=1 if self._launching.one_by_one else keys.max_jobs,
            fail_fast=keys.fail_fast,
            objective=keys.objective,
        )

    def _close(self, display: sweep_progress.Show | None) -> None:
        if display is not None:
            display.close()
        if self._elsewhere is not None:
            self._elsewhere.close()

    def _choose_launcher(self, objective: str | None) -> None:
        """Get ready for jobs in other processes, where the command line asks for that."""
        if self._launching.in_this_process:
            return
        from runner.sweeps.elsewhere import Elsewhere

        arguments = self._arguments
        self._elsewhere = Elsewhere(
            self._launching.launcher,
            arguments.search().hydra,
            arguments.words,
            arguments.folder,
            arguments.primary,
            objective,
        )
        self._sessions.on_signal.append(self._elsewhere.stop)

    async def _ended(self, outcome: SweepOutcome) -> int:
        folder = outcome.folder
        if folder is not None:
            # Where it cannot be written no job could write either, and each has said so.
            with contextlib.suppress(OSError, OutputError):
                record.write(outcome, folder, [hidden_override(word) for word in self._words])
            if any(plan.project.report for plan in outcome.plans) and not outcome.interrupted:
                await reporting.written(folder)
        sweep.show(outcome, folder, self._words)
        return outcome.exit_code


def _is_hopeless(batch: SweepOutcome) -> bool:
    """Whether no further batch can do better: the budget stopped all jobs, or an unknown outcome waits for the user."""
    return all(job.state is JobState.FAILED and job.exit_code in (3, 4) for job in batch.jobs)
