"""`runner regression --base FILE WORDS...`: new takes are made and compared with a baseline, look by look.

Each look pays for the takes that it needs and no more: it ends at the first one that decides, and where `ci.max_cost`
pays for no further take. All takes are jobs of one sweep, so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.compare import baseline, comparison, sequential
from runner.compare.verdicts import ALPHA, Verdict
from runner.config.compose import compose_batch
from runner.errors import NotAffordable, OutputError, RunnerError, Undecidable, UsageError
from runner.money import dollars, to_micros
from runner.planning import affordability
from runner.planning.estimate import estimate
from runner.planning.preparation import sweep_keys
from runner.redaction import hidden_override
from runner.report import sweep_progress
from runner.sweeps import record
from runner.sweeps.execute import run_jobs, spent_so_far
from runner.sweeps.job import SweepOutcome
from runner.verbs import compare, composing, reporting
from runner.verbs.arguments import tracebacks
from runner.verbs.composing import Composing
from runner.verbs.confirm import Agreement
from runner.verbs.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.api import MetricSpec
    from runner.compare.baseline import Shots
    from runner.compare.comparison import Comparison
    from runner.compare.sequential import Look
    from runner.config.compose import Composed
    from runner.planning.plan import Plan
    from runner.sweeps.job import JobOutcome

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Names of sequences that an override can leave out."""


class _Arguments(Composing):
    base: Path
    output: Path | None
    alpha: float
    looks: str
    first: int | None


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = composing.parser(
        "regression",
        "Make new takes of a project and compare them with a baseline: as few as decide.\n"
        "Exit codes are those of compare: 0 fine, 1 worse, 3 an unknown outcome, 4 the budget, 5 undecided.",
        examples=(
            "regression --base baseline.json +project=my_film +ci=regression ci.max_cost=10 -o compared",
            "regression --base baseline.json +project=my_film +ci=regression --looks 4,6,9",
        ),
        sweeps=False,
    )
    add = parser.add_argument
    add("--base", type=Path, required=True, metavar="FILE", help="a baseline, or a folder of runs")
    add(
        "--looks",
        default="5,8",
        metavar="A,B,C",
        help="compare after so many takes of each shot, in growing numbers, and stop early; 5,8",
    )
    add(
        "--first-take",
        dest="first",
        type=int,
        metavar="N",
        help="the number of the first new take; by default the one after the last of the baseline",
    )
    add("-o", "--output", type=Path, metavar="DIR", help="write what compare writes")
    add("--alpha", type=float, default=ALPHA, help=f"the rate of false alarms over all metrics; {ALPHA}")
    return composing.read(parser, words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Make takes, compare, print and write; the exit code says what came of it."""
    arguments = _parsed(words)
    if arguments.printed():
        return 0
    if any(re.match(r"[+]*shot\.take=", word) for word in arguments.words):
        raise UsageError(
            "shot.take is not yours to set here", hint="say where takes begin with --first-take N"
        )
    looks = compare.looks_of(arguments.looks, arguments.alpha)
    base = compare.shots_of([arguments.base])
    foreseen = comparison.foreseen(base, looks[-1].takes, alpha=arguments.alpha, spent=looks[-1].alpha)
    open_ones = [one for one in foreseen.judgements if one.verdict is Verdict.UNDECIDED]
    if open_ones and len(open_ones) == len(foreseen.judgements):
        needed = foreseen.takes_needed
        raise Undecidable(
            f"{looks[-1].takes} takes of each shot cannot decide about any metric; nothing was started",
            why=f"{open_ones[0].why}; the baseline has {open_ones[0].takes[0]} takes",
            hint=f"--looks {needed}, and a baseline of {needed} takes, would decide" if needed else "",
        )
    if open_ones and not arguments.quiet:
        named = ", ".join(
            one.metric + (f" ({one.takes_needed} would)" if one.takes_needed else "") for one in open_ones
        )
        print(f"! {looks[-1].takes} takes of each shot cannot decide about {named}", file=sys.stderr)
    run = _Regression(arguments, composing.command(words), base, looks)
    with tracebacks(arguments.debug):
        found = asyncio.run(run.run())
    if found is None:
        raise KeyboardInterrupt  # before there was anything to compare
    compare.write(found, base, run.shots(), arguments.output)
    if arguments.as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        compare.show(found, arguments.output)
    return 130 if run.interrupted else found.exit_code


@dataclass(frozen=True, slots=True)
class _Take:
    """A take of one sequence, or of all of them where `sequence` is empty."""

    sequence: str
    number: int


class _Regression:
    """One command: the takes so far, and the sweep whose jobs they are."""

    def __init__(
        self, arguments: _Arguments, words: Sequence[str], base: Shots, looks: tuple[Look, ...]
    ) -> None:
        self._arguments = arguments
        self._words = words
        self._base = base
        self._looks = looks
        last = max((take.take for takes in base.takes.values() for take in takes), default=0)
        self._first = arguments.first if arguments.first is not None else last + 1
        self._sessions = Sessions(quiet=arguments.quiet)
        self._typed = arguments.search().arguments
        composed = arguments.composed()
        named = composed.config.get("sequences")
        names = [str(name) for name in named] if isinstance(named, dict) else []
        self._has_order = bool((composed.config.get("film") or {}).get("order"))
        apart = len(names) > 1 and all(map(_PLAIN.fullmatch, names))
        self._sequences = names if apart else [""]
        self._have = dict.fromkeys(self._sequences, 0)
        self._agreement = Agreement(looks[-1].takes * len(self._sequences), "comparison")
        self._jobs: list[JobOutcome] = []
        self._metrics: list[MetricSpec] = []
        self._found: Comparison | None = None

    @property
    def interrupted(self) -> bool:
        return self._sessions.signals > 0

    def shots(self, *, pictures: bool = True) -> Shots:
        """All takes so far, with the metrics that the project measures. Blocking."""
        folders = [job.outcome.folder for job in self._jobs if job.outcome and job.outcome.folder]
        return baseline.of_runs(folders, self._metrics, pictures=pictures)

    async def run(self) -> Comparison | None:
        """The comparison of the last look; `None` where the user stopped it before the first one.

        Raises `NotAffordable` where the budget pays for no take, and the errors of a run that cannot start.
        """
        async with self._sessions.opened() as sessions:
            reason = ""
            for number, look in enumerate(self._looks, 1):
                reason = await self._look(look)
                if self._found is not None:
                    self._say(number)
                if reason or self.interrupted or self._is_over(look):
                    break
            done = SweepOutcome(
                jobs=tuple(self._jobs), so_far=await spent_so_far(sessions.values(), self._jobs)
            )
        await self._recorded(done)
        if self._found is None:
            return None
        spent = dollars(done.cost.now.micros) if done.cost is not None else "$0.00"
        takes = ", ".join(f"{count} of {name}" if name else str(count) for name, count in self._have.items())
        note = f"takes: {takes}, for {spent} in this command{f'; {reason}' if reason else ''}"
        return replace(self._found, notes=(*self._found.notes, note))

    async def _look(self, look: Look) -> str:
        """Make the takes of a look, and compare; why no further one follows, or nothing."""
        jobs, planned, left_out = await asyncio.to_thread(self._planned, look)
        if jobs:
            await self._sessions.check(planned)
            ended = await self._made(jobs, planned)
            self._jobs += ended
            await self._compared(look)
            if not any(shot.clip for job in ended if job.outcome for shot in job.outcome.shots):
                return "no clip came of the last takes"
        return left_out

    def _planned(self, look: Look) -> tuple[Sequence[Composed], list[Plan], str]:
        """The takes of a look that there is money for, the most telling ones first. Blocking."""
        wanted = self._wanted(look)
        if not wanted:
            return (), [], ""
        arguments = self._arguments
        jobs = compose_batch(
            arguments.words,
            list(map(self._overrides, wanted)),
            len(self._jobs),
            arguments.folder,
            arguments.primary,
        )
        plans = []
        for planned in self._sessions.planned(jobs, self._agreement.confirm):
            if isinstance(planned, RunnerError):
                raise planned
            plans.append(_limited(planned))
        if self._base.project and plans[0].project.name != self._base.project:
            raise UsageError(
                "these are two projects", why=f"{self._base.project} and {plans[0].project.name}"
            )
        self._metrics = [one.spec for one in plans[0].project.metrics]
        count, cost = _affordable(plans)
        for take in wanted[:count]:
            self._have[take.sequence] += 1
        if count == len(plans):
            return jobs, plans, ""
        limit = plans[0].project.budget.max_cost
        key = "ci.max_cost" if limit == plans[0].project.ci.max_cost else "budget.max_cost"
        reason = f"{key}={limit:g} does not pay for the next take, which makes {dollars(cost)}"
        if not count and not self._jobs:
            raise NotAffordable(
                "there is no money for the first take; nothing was started",
                why=reason,
                hint="raise it",
            )
        return jobs[:count], plans[:count], reason

    def _wanted(self, look: Look) -> list[_Take]:
        samples, groups = [], {}
        if self._jobs:
            new = self.shots(pictures=False)
            groups = {shot: shot.partition("/")[0] if self._sequences != [""] else "" for shot in new.takes}
            samples = list(comparison.samples(self._base, new))
        numbers = {name: self._first + have for name, have in self._have.items()}
        found = []
        for name in sequential.purchases(samples, groups, self._have, look.takes):
            found.append(_Take(name, numbers[name]))
            numbers[name] += 1
        return found

    def _overrides(self, take: _Take) -> list[str]:
        others = [f"~sequences.{name}" for name in self._sequences if take.sequence and name != take.sequence]
        order = ["film.order=[]"] if others and self._has_order else []
        return [*self._typed, f"shot.take={take.number}", *others, *order]

    async def _made(self, jobs: Sequence[Composed], plans: Sequence[Plan]) -> Sequence[JobOutcome]:
        display = await asyncio.to_thread(
            sweep_progress.show, plans, jobs=len(jobs), quiet=self._arguments.quiet
        )
        try:
            done = await run_jobs(
                [(one.job, plan) for one, plan in zip(jobs, plans, strict=True) if one.job is not None],
                self._sessions.open,
                observer=display.observe,
                ended=display.ended,
                max_jobs=sweep_keys(jobs[0]).max_jobs,
            )
        finally:
            display.close()
        return done.jobs

    async def _compared(self, look: Look) -> None:
        new = await asyncio.to_thread(self.shots, pictures=False)
        self._found = await asyncio.to_thread(
            comparison.compare, self._base, new, alpha=self._arguments.alpha, spent=look.alpha
        )

    def _is_over(self, look: Look) -> bool:
        found = self._found
        return found is not None and (
            bool(found.findings) or sequential.is_over(found.judgements, last=look is self._looks[-1])
        )

    def _say(self, number: int) -> None:
        if self._arguments.quiet or self._found is None:
            return
        takes = " to ".join(map(str, sorted({min(self._have.values()), max(self._have.values())})))
        text = f"look {number} of {len(self._looks)}, {takes} takes of each shot: {self._found.outcome}"
        print(text, file=sys.stderr)

    async def _recorded(self, done: SweepOutcome) -> None:
        folder = done.folder
        if folder is None:
            return
        with contextlib.suppress(OSError, OutputError):
            record.write(done, folder, [hidden_override(word) for word in self._words])
        if any(plan.project.report for plan in done.plans) and not self.interrupted:
            await reporting.written(folder)


def _limited(plan: Plan) -> Plan:
    """The plan with `ci.max_cost` as the budget of the sweep, where `budget.max_cost` is no lower."""
    project: Any = plan.project
    limits = [one for one in (project.ci.max_cost, project.budget.max_cost) if one is not None]
    if not limits:
        return plan
    return replace(plan, project=replace(project, budget=replace(project.budget, max_cost=min(limits))))


def _affordable(plans: Sequence[Plan]) -> tuple[int, int]:
    """How many of the plans, in their order, the budget pays for; and what all up to the next one cost. Blocking."""
    limit = plans[0].project.budget.max_cost
    if limit is None:
        return len(plans), 0
    total = affordability.spent(plans[0].project.output_root, plans[0].scope).micros
    for number, plan in enumerate(plans):
        total += estimate(plan).at_worst
        if total > to_micros(limit):
            return number, total
    return len(plans), total
