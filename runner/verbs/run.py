"""The run itself, and a sweep of runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runner import interrupts
from runner.config import compose
from runner.errors import RunnerError
from runner.report import progress, summary, sweep
from runner.session import Session
from runner.verbs.confirm import confirm
from runner.verbs.prepare import Preparation, checked

if TYPE_CHECKING:
    from runner.cli import Flags
    from runner.config.compose import Composed
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan


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


class _Runs:
    """The jobs of one command, one after the other."""

    def __init__(self, flags: Flags, words: list[str]) -> None:
        self._flags = flags
        self._words = words
        self._preparation = Preparation()
        self.sweep = sweep.Sweep()

    def one(self, composed: Composed) -> int:
        """Run one composition. In a sweep an error is noted, so that the other jobs go on."""
        if composed.job is None:
            outcome = self._run(self._preparation.plan(composed))
            summary.show(outcome, self._words)
            return outcome.exit_code
        if self.sweep.interrupted:
            self.sweep.note_skipped(composed.job)
            return 130
        try:
            plan = self._preparation.plan(composed)
            self.sweep.begin(composed.job, plan)
            outcome = self._run(plan)
            summary.show(outcome, self._words, brief=True)
            self.sweep.note(composed.job, outcome)
            code = outcome.exit_code
        except RunnerError as error:
            if self._flags.debug:
                raise
            self.sweep.note_error(composed.job, error)
            code = error.exit_code
        return code

    def _run(self, plan: Plan) -> RunOutcome:
        """Execute one plan. Raises the error of a run that did not start."""
        confirm(plan)
        display = progress.show(plan, quiet=self._flags.quiet)
        try:
            outcome = asyncio.run(_executed(plan, display))
        finally:
            display.close()
        if outcome.error is not None and not outcome.shots:
            raise outcome.error
        return outcome


async def _executed(plan: Plan, display: progress.Show) -> RunOutcome:
    """One run of a session of its own, which a signal ends early."""
    session = Session(plan.project.output_root)
    with interrupts.handled_by(session.cancel):
        async with session:
            (outcome,) = await session.run([plan], display.observe)
    return outcome
