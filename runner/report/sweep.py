"""The table of a sweep's jobs at its end, what went wrong in them, what it cost, and what to do next."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runner.errors import BudgetStop, ConfigError, JournalError
from runner.planning.advisories import notes
from runner.planning.estimate import micros, of_keys
from runner.report import next_step, paragraph, table
from runner.report.fallbacks import few, retakes
from runner.report.money import cost_line, sufficient_budget
from runner.report.table import Cell, Column
from runner.sweeps.job import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.errors import RunnerError
    from runner.report.console import Console
    from runner.sweeps.job import JobOutcome, SweepOutcome

_FIRST: Final = (Column("job", right=True), Column("exit"))
_LAST: Final = (Column("differs in", least=16), Column("folder, or error", least=16))
_STYLE: Final = {
    JobState.FINE: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "yellow",
    JobState.NOT_STARTED: "yellow",
}
_MOST_CAUSES: Final = 10


def show(sweep: SweepOutcome, folder: Path | None, words: Sequence[str]) -> None:
    """Print how a sweep ended to standard output; `words` are its command, `folder` is where it is."""
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    _notes(console, sweep.jobs)
    # What did not end well comes first: the table shows the first rows of many.
    rows = sorted(sweep.jobs, key=lambda job: job.state is JobState.FINE) if _is_long(sweep) else sweep.jobs
    value = [Column(sweep.objective, right=True)] if sweep.objective is not None else []
    cells = [_row(job, valued=bool(value)) for job in rows]
    table.show(console, (*_FIRST, *value, *_LAST), cells, rest=f"{folder}/sweep.csv has all")
    _causes(console, sweep.jobs)
    if sweep.error is not None:
        paragraph.show_error(console, "x the search ended: ", sweep.error, style="red")
    if (best := sweep.best) is not None and best.value is not None:
        least = "greatest" if sweep.direction == "maximize" else "least"
        text = f"{least} {sweep.objective}: {best.value:g}, by job {best.job.number}"
        paragraph.show(console, f"{text}: {differing(best.job.overrides)}", style="bold")
    if sweep.stopped_by is not None:
        text = f"! job {sweep.stopped_by.job.number} failed, and sweep.fail_fast stopped the others"
        paragraph.show(console, text, style="yellow")
    console.print(Text(f"{ended(sweep.jobs)}; sweep folder: {folder or 'none'}"), soft_wrap=True)
    goes_on: tuple[str, ...] = ()
    cost = sweep.cost
    if cost is not None:
        cost = replace(cost, ahead=_ahead(sweep))
        goes_on = sufficient_budget(cost, sweep.plans[-1].project.budget)
        if line := cost_line(cost, "sweep"):
            paragraph.show(console, f"money: {line}")
    stopped = sweep.interrupted or sweep.stopped_by is not None
    if text := next_step.next_step(sweep.errors, interrupted=stopped, goes_on=goes_on):
        console.print(Text(f"next: {text}: {next_step.command(words, goes_on)}"), soft_wrap=True)


def _is_long(sweep: SweepOutcome) -> bool:
    return len(sweep.jobs) > table.MOST_ROWS


def _row(job: JobOutcome, *, valued: bool) -> tuple[Cell, ...]:
    value = [Cell("" if job.value is None else f"{job.value:g}")] if valued else []
    return (
        Cell(str(job.job.number)),
        Cell(_verdict(job), _STYLE[job.state]),
        *value,
        Cell(differing(job.job.overrides)),
        Cell(job.folder or (job.errors[0].what if job.errors else "")),
    )


def _notes(console: Console, jobs: Sequence[JobOutcome]) -> None:
    """What there is to say about plans and clips: equal notes once. Shots without continuity come first."""
    fell_back: dict[str, list[int]] = {}
    others: dict[str, list[int]] = {}
    for job in jobs:
        if job.outcome is None:
            continue
        number, plan, shots = job.job.number, job.outcome.plan, job.outcome.shots
        for shot in shots:
            if shot.fallback:
                text = f"{shot.planned.name} was generated from its prompt alone: {shot.fallback}"
                takes = retakes(plan, {one.key for one in plan.shots if one.name == shot.planned.name})
                fell_back.setdefault(f"{text}; fix that, and regenerate it with {takes}", []).append(number)
        of_shots = (f"{shot.planned.name} {warning}" for shot in shots for warning in shot.warnings)
        for text in (*notes(plan), *job.outcome.notes, *of_shots):
            others.setdefault(text, []).append(number)
    for text, numbers in (fell_back | others).items():
        every = len(set(numbers)) == len(jobs)
        paragraph.show(console, f"! {'' if every else f'{_named(numbers)}: '}{text}", style="yellow")


def _named(numbers: Sequence[int]) -> str:
    unique = [str(number) for number in dict.fromkeys(numbers)]
    return f"job {unique[0]}" if len(unique) == 1 else f"jobs {few(unique)}"


def _causes(console: Console, jobs: Sequence[JobOutcome]) -> None:
    """What went wrong: equal causes once, with the jobs that have them."""
    found: dict[tuple[str, ...], tuple[RunnerError, list[int]]] = {}
    for job in jobs:
        for error in job.errors:
            problems = map(str, error.problems) if isinstance(error, ConfigError) else ()
            numbers = found.setdefault((error.what, error.why, error.hint, *problems), (error, []))[1]
            if job.job.number not in numbers:
                numbers.append(job.job.number)
    for error, numbers in list(found.values())[:_MOST_CAUSES]:
        if isinstance(error, BudgetStop):
            paragraph.show(console, f"x {_named(numbers)}: {error.line}", style="red")
        else:
            paragraph.show_error(console, f"x {_named(numbers)}: ", error, style="red")
    if len(found) > _MOST_CAUSES:
        more = len(found) - _MOST_CAUSES
        paragraph.show(console, f"x and {more} more causes: sweep.json has all", style="red")


def _ahead(sweep: SweepOutcome) -> dict[str, int | None]:
    """Where the budget stopped it: what is left of all jobs, each shot once."""
    if not any(isinstance(error, BudgetStop) for error in sweep.errors):
        return {}
    found: dict[str, int | None] = {}
    with contextlib.suppress(JournalError):
        for root in {plan.project.output_root for plan in sweep.plans}:
            ours = (plan for plan in sweep.plans if plan.project.output_root == root)
            found |= of_keys(root, {shot.key: micros(shot) for plan in ours for shot in plan.shots}).ahead
    return found


def differing(overrides: Sequence[str]) -> str:
    """Overrides in short: of each key as many of its last parts as tell it from the others."""
    keys = [override.partition("=")[0].lstrip("+~").split(".") for override in overrides]
    found = []
    for key, override in zip(keys, overrides, strict=True):
        tails = (key[-length:] for length in range(1, len(key) + 1))
        short = next((tail for tail in tails if sum(tail == one[-len(tail) :] for one in keys) == 1), key)
        found.append(f"{'.'.join(short)}={override.partition('=')[2]}")
    return " ".join(found)


def _verdict(job: JobOutcome) -> str:
    return str(job.state) if job.state is JobState.NOT_STARTED else f"{job.exit_code} {job.state}"


def ended(jobs: Sequence[JobOutcome]) -> str:
    """`1 of 6 jobs failed, 1 cancelled, 3 not started`; the fine ones are the rest."""
    counts = {
        state: sum(job.state is state for job in jobs) for state in JobState if state is not JobState.FINE
    }
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    if not parts:
        return f"all {len(jobs)} jobs are fine"
    first, *others = parts
    number, _, state = first.partition(" ")
    return ", ".join([f"{number} of {len(jobs)} jobs {state}", *others])
