"""The run itself, and a sweep of runs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from runner import interrupts
from runner.errors import OutputError, RunnerError, UsageError
from runner.planning.plan import Plan
from runner.planning.preparation import Registries, plan_jobs, sweep_keys
from runner.report import progress, summary, sweep, sweep_progress
from runner.session import Session
from runner.sweeps import record
from runner.sweeps.execute import run_jobs
from runner.verbs import composing
from runner.verbs.arguments import tracebacks
from runner.verbs.composing import Composing
from runner.verbs.confirm import confirm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from runner.config.compose import Composed
    from runner.plugins import Source


class _Arguments(Composing):
    shell_completion: bool


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = composing.parser("", "Run a project, or sweep over its values.", examples=("+project=one_shot",))
    parser.add_argument("-sc", "--shell-completion", action="store_true")
    arguments = composing.read(parser, words, _Arguments())
    if arguments.as_json:
        raise UsageError("a run has no --json", why="it writes manifest.json and run.json into its folder")
    return arguments


def main(words: Sequence[str]) -> int:
    """Run once, or with `-m` once for each job of the sweep; the worst exit code of all."""
    arguments = _parsed(words)
    if arguments.shell_completion:
        from runner.completion import complete

        return complete(arguments.words)
    if arguments.printed():
        return 0
    command = _Command(arguments, composing.command(words))
    with tracebacks(arguments.debug):
        if not arguments.multirun:
            return asyncio.run(command.run(arguments.composed()))
        try:
            jobs = arguments.jobs()
        except RunnerError as error:
            error.what += "; nothing of the sweep was started"
            raise
        return asyncio.run(command.sweep(jobs))


def _named(source: Source) -> str:
    place = source.place
    with contextlib.suppress(ValueError):
        place = str(Path(place).relative_to(Path.cwd()))
    return f"{source.name} ({place})"


class _Command:
    """One run, or the jobs of a sweep, with a session for each outputs root."""

    def __init__(self, arguments: _Arguments, words: list[str]) -> None:
        self._arguments = arguments
        self._words = words
        self._registries = Registries()
        self._sessions: dict[Path, Session] = {}
        self._signals = 0

    async def run(self, composed: Composed) -> int:
        """Run once; the exit code. Raises the error of a run that did not start."""
        (planned,) = self._planned([composed])
        assert isinstance(planned, Plan), "only jobs of a sweep are left out"
        async with self._opened([planned]) as sessions:
            session = sessions[planned.project.output_root]
            display = progress.show(planned, quiet=self._arguments.quiet)
            try:
                (outcome,) = await session.run([planned], display.observe)
            finally:
                display.close()
        if outcome.error is not None and not outcome.shots:
            raise outcome.error
        if outcome.interrupted and outcome.folder is None:
            raise KeyboardInterrupt  # before there was anything to show
        summary.show(outcome, self._words)
        return outcome.exit_code

    async def sweep(self, jobs: Sequence[Composed]) -> int:
        """Run the jobs side by side; the worst exit code. All are planned and checked before the first one starts."""
        planned = self._planned(jobs)
        plans = [plan for plan in planned if isinstance(plan, Plan)]
        keys = sweep_keys(jobs[0])
        numbered = [(one.job, plan) for one, plan in zip(jobs, planned, strict=True) if one.job is not None]
        async with self._opened(plans) as sessions:
            display = sweep_progress.show(plans, jobs=len(jobs), quiet=self._arguments.quiet)
            try:
                outcome = await run_jobs(
                    numbered,
                    sessions,
                    observer=display.observe,
                    ended=display.ended,
                    max_jobs=keys.max_jobs,
                    fail_fast=keys.fail_fast,
                )
            finally:
                display.close()
        folder = outcome.folder
        if folder is not None:
            # Where it cannot be written no job could write either, and each has said so.
            with contextlib.suppress(OSError, OutputError):
                record.write(outcome, folder)
        sweep.show(outcome, folder, self._words)
        return outcome.exit_code

    def _planned(self, jobs: Sequence[Composed]) -> list[Plan | RunnerError]:
        """The plans of all jobs. Says which plugins were loaded, and asks where the user has to agree to the cost."""
        planned = plan_jobs(jobs, self._registries)
        if self._registries.foreign and not self._arguments.quiet:
            # Code of the folder one works in, or of installed packages: said once, since it can do anything.
            print(f"plugins loaded: {', '.join(map(_named, self._registries.foreign))}", file=sys.stderr)
        confirm([plan for plan in planned if isinstance(plan, Plan)])
        return planned

    @contextlib.asynccontextmanager
    async def _opened(self, plans: Sequence[Plan]) -> AsyncIterator[dict[Path, Session]]:
        """Open sessions, in which all plans have been checked, by the outputs roots."""
        with interrupts.handled_by(self._cancel):
            async with AsyncExitStack() as stack:
                for root in dict.fromkeys(plan.project.output_root for plan in plans):
                    self._sessions[root] = session = await stack.enter_async_context(Session(root))
                    for _ in range(self._signals):
                        session.cancel()  # the signal came while it was being opened
                    await session.check([plan for plan in plans if plan.project.output_root == root])
                yield self._sessions

    def _cancel(self) -> None:
        self._signals += 1
        for session in self._sessions.values():
            session.cancel()
