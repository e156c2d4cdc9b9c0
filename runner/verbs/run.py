"""The run itself, and a sweep of runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runner.config import launching
from runner.errors import RunnerError, UsageError
from runner.planning.plan import Plan
from runner.report import progress, summary
from runner.verbs import composing, reporting
from runner.verbs.arguments import tracebacks
from runner.verbs.composing import Composing
from runner.verbs.sessions import Sessions
from runner.verbs.sweeping import Sweeping

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    typed = composing.command(words)
    with tracebacks(arguments.debug):
        if not arguments.multirun:
            return asyncio.run(_run(arguments, typed))
        sweeping = Sweeping(arguments, typed)
        try:
            if not launching.chosen(arguments.words).is_grid:
                return asyncio.run(sweeping.search(arguments.search()))
            jobs = arguments.jobs()
        except RunnerError as error:
            if "nothing of the sweep" not in error.what:
                error.what += "; nothing of the sweep was started"
            raise
        return asyncio.run(sweeping.jobs(jobs))


async def _run(arguments: _Arguments, words: Sequence[str]) -> int:
    """Run once; the exit code. Raises the error of a run that did not start."""
    sessions = Sessions(quiet=arguments.quiet)
    (planned,) = sessions.planned([arguments.composed()])
    assert isinstance(planned, Plan), "only jobs of a sweep are left out"
    async with sessions.opened([planned]) as opened:
        session = opened[planned.project.output_root]
        display = progress.show(planned, quiet=arguments.quiet)
        try:
            (outcome,) = await session.run([planned], display.observe)
        finally:
            display.close()
    if outcome.error is not None and not outcome.shots:
        raise outcome.error
    if outcome.interrupted and outcome.folder is None:
        raise KeyboardInterrupt  # before there was anything to show
    if planned.project.report and not outcome.interrupted:
        await reporting.written(outcome.folder)
    summary.show(outcome, words)
    return outcome.exit_code
