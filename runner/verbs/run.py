"""The run itself, and a sweep of runs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from runner import interrupts
from runner.errors import RunnerError, UsageError
from runner.planning.plan import Plan
from runner.planning.preparation import Registries, plan_jobs
from runner.report import progress, summary, sweep
from runner.session import Session
from runner.verbs import composing
from runner.verbs.arguments import tracebacks
from runner.verbs.composing import Composing
from runner.verbs.confirm import confirm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config.compose import Composed
    from runner.outputs.outcome import RunOutcome
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
    runs = _Runs(arguments, composing.command(words))
    try:
        jobs = arguments.jobs()
    except RunnerError as error:
        if arguments.multirun:
            error.what += "; nothing of the sweep was started"
        raise
    with tracebacks(arguments.debug):
        codes = asyncio.run(runs.all(jobs))
    if runs.sweep.jobs:
        runs.sweep.finish(runs.words)
    return max(codes, default=0)


def _named(source: Source) -> str:
    place = source.place
    with contextlib.suppress(ValueError):
        place = str(Path(place).relative_to(Path.cwd()))
    return f"{source.name} ({place})"


class _Runs:
    """The jobs of one command, one after the other, in one session for each outputs root."""

    def __init__(self, arguments: _Arguments, words: list[str]) -> None:
        self.words = words
        self.sweep = sweep.Sweep()
        self._arguments = arguments
        self._registries = Registries()
        self._sessions: dict[Path, Session] = {}
        self._signals = 0

    async def all(self, jobs: Sequence[Composed]) -> list[int]:
        """The exit codes of all jobs. All are planned and checked before the first one starts."""
        planned = plan_jobs(jobs, self._registries)
        plans = [plan for plan in planned if isinstance(plan, Plan)]
        if self._registries.foreign and not self._arguments.quiet:
            # Code of the folder one works in, or of installed packages: said once, since it can do anything.
            print(f"plugins loaded: {', '.join(map(_named, self._registries.foreign))}", file=sys.stderr)
        confirm(plans)
        with interrupts.handled_by(self._cancel):
            async with AsyncExitStack() as open_sessions:
                for root in dict.fromkeys(plan.project.output_root for plan in plans):
                    session = await self._session(root, open_sessions)
                    await session.check([plan for plan in plans if plan.project.output_root == root])
                return [await self._one(*job, open_sessions) for job in zip(jobs, planned, strict=True)]

    def _cancel(self) -> None:
        self._signals += 1
        for session in self._sessions.values():
            session.cancel()

    async def _one(
        self, composed: Composed, planned: Plan | RunnerError, open_sessions: AsyncExitStack
    ) -> int:
        """Run one job. In a sweep an error is noted, so that the other jobs go on."""
        if composed.job is None:
            if isinstance(planned, RunnerError):
                raise planned
            outcome = await self._run(planned, open_sessions)
            summary.show(outcome, self.words)
            return outcome.exit_code
        if self.sweep.interrupted:
            self.sweep.note_skipped(composed.job)
            return 130
        if isinstance(planned, RunnerError):
            self.sweep.note_error(composed.job, planned)
            return planned.exit_code
        try:
            self.sweep.begin(composed.job, planned)
            outcome = await self._run(planned, open_sessions)
            summary.show(outcome, self.words, brief=True)
            self.sweep.note(composed.job, outcome)
        except RunnerError as error:
            if self._arguments.debug:
                raise
            self.sweep.note_error(composed.job, error)
            return error.exit_code
        except KeyboardInterrupt:  # before there was anything of this job; the sweep still has its summary
            self.sweep.note_skipped(composed.job)
            return 130
        return outcome.exit_code

    async def _run(self, planned: Plan, open_sessions: AsyncExitStack) -> RunOutcome:
        """Execute one plan. Raises the error of a run that did not start."""
        session = await self._session(planned.project.output_root, open_sessions)
        display = progress.show(planned, quiet=self._arguments.quiet)
        try:
            (outcome,) = await session.run([planned], display.observe)
        finally:
            display.close()
        if outcome.error is not None and not outcome.shots:
            raise outcome.error
        if outcome.interrupted and outcome.folder is None:
            raise KeyboardInterrupt  # before there was anything to show
        return outcome

    async def _session(self, root: Path, open_sessions: AsyncExitStack) -> Session:
        if root not in self._sessions:
            self._sessions[root] = session = await open_sessions.enter_async_context(Session(root))
            for _ in range(self._signals):
                session.cancel()  # the signal came while it was being opened
        return self._sessions[root]
