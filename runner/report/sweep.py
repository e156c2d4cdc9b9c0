"""A sweep's own record: `sweep.json`, and the table of its jobs at the end."""

from __future__ import annotations

import contextlib
import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.config.schema import BudgetKeys
from runner.errors import BudgetStop, JournalError, OutputError
from runner.outgoing import one_line, outgoing
from runner.outputs import places
from runner.outputs.cost import RunCost
from runner.planning.estimate import micros, of_keys
from runner.report import next_step, paragraph, table
from runner.report.money import cost_line, sufficient_budget
from runner.report.table import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config.compose import SweepJob
    from runner.errors import RunnerError
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan


class JobState(enum.StrEnum):
    """How a job of a sweep ended."""

    FINE = "fine"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Interrupted while it ran: the same command goes on with it."""
    NOT_STARTED = "not started"
    """The sweep was interrupted before its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How one job ended."""

    number: int
    overrides: tuple[str, ...]
    exit_code: int
    state: JobState
    folder: str = ""
    error: str = ""


_COLUMNS: Final = (
    Column("job", right=True),
    Column("exit"),
    Column("differs in", least=16),
    Column("folder, or error", least=16),
)


class Sweep:
    """Collects the jobs of one sweep."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._errors: list[RunnerError] = []
        self._costs: list[RunCost] = []
        self._prices: dict[str, int | None] = {}
        self._root = Path()
        self._budget = BudgetKeys()
        self._path: Path | None = None
        self._key = ""
        self._plan: Plan | None = None

    @property
    def interrupted(self) -> bool:
        return any(job.exit_code == 130 for job in self.jobs)

    def begin(self, job: SweepJob, plan: Plan) -> None:
        from rich.text import Text

        from runner.report.console import Console

        self._key, self._plan = job.sweep_key, plan
        self._path, self._root = places.sweep_path(plan, job), plan.project.output_root
        line = f"job {job.number}  {' '.join(job.overrides)}"
        Console().print(Text(_cut(line, 160), style="bold"))

    def note(self, job: SweepJob, outcome: RunOutcome) -> None:
        found = Job(
            number=job.number,
            overrides=job.overrides,
            exit_code=outcome.exit_code,
            state=JobState.FINE
            if outcome.exit_code == 0
            else JobState.CANCELLED
            if outcome.interrupted
            else JobState.FAILED,
            folder=outcome.folder.name if outcome.folder is not None else "",
        )
        self.jobs.append(found)
        if outcome.folder is not None:
            self._path = outcome.folder.parent
        self._errors += outcome.errors
        if outcome.cost is not None:
            self._costs.append(outcome.cost)
        self._root = outcome.plan.project.output_root
        self._prices |= {shot.key: micros(shot) for shot in outcome.plan.shots}
        self._budget = outcome.plan.project.budget

    def note_error(self, job: SweepJob, error: RunnerError) -> None:
        from rich.text import Text

        from runner.report.console import Console

        Console(stderr=True).print(Text(f"job {job.number}: {error}", style="red"))
        self.jobs.append(
            Job(
                number=job.number,
                overrides=job.overrides,
                exit_code=error.exit_code,
                state=JobState.FAILED,
                error=str(error),
            )
        )
        self._errors.append(error)

    def note_skipped(self, job: SweepJob) -> None:
        self.jobs.append(
            Job(number=job.number, overrides=job.overrides, exit_code=130, state=JobState.NOT_STARTED)
        )

    def finish(self, words: Sequence[str]) -> None:
        """Write `sweep.json` and print the table; `words` are the command."""
        if self._path is not None:
            entries: list[dict[str, Any]] = [
                {
                    "job": job.number,
                    "overrides": list(job.overrides),
                    "exit_code": job.exit_code,
                    "state": job.state,
                    "folder": job.folder,
                    "error": job.error,
                }
                for job in self.jobs
            ]
            found: dict[str, Any] = {"key": self._key, "jobs": entries}
            if self._costs:
                found["money"] = RunCost.of_all(self._costs, {}).to_json()
            text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
            # Where it cannot be written no job could write either, and each has said so.
            with contextlib.suppress(OSError, OutputError):
                store.check_folder(self._root, self._path)
                store.write_whole(self._path / "sweep.json", outgoing(text).encode("utf-8"))
                if self._plan is not None:
                    places.point_to(self._path, self._plan)
        self._show(words)

    def _show(self, words: Sequence[str]) -> None:
        from rich.text import Text

        from runner.report.console import Console

        console = Console()
        rows = [
            (
                Cell(str(job.number)),
                Cell(_verdict(job), _STYLE[job.state]),
                Cell(differing(job.overrides)),
                Cell(job.folder or job.error.partition("\n")[0]),
            )
            for job in self.jobs
        ]
        table.show(console, _COLUMNS, rows, rest=f"{self._path}/sweep.json has all")
        console.print(Text(f"{_ended(self.jobs)}; sweep folder: {self._path or 'none'}"), soft_wrap=True)
        goes_on: tuple[str, ...] = ()
        if self._costs:
            cost = RunCost.of_all(self._costs, self._ahead())
            goes_on = sufficient_budget(cost, self._budget)
            if line := cost_line(cost, "sweep"):
                paragraph.show(console, f"money: {line}")
        if text := next_step.next_step(self._errors, interrupted=self.interrupted, goes_on=goes_on):
            console.print(Text(f"next: {text}: {next_step.command(words, goes_on)}"), soft_wrap=True)

    def _ahead(self) -> dict[str, int | None]:
        """Where the budget stopped it: what is left of all jobs, each shot once."""
        if not any(isinstance(error, BudgetStop) for error in self._errors):
            return {}
        with contextlib.suppress(JournalError):
            return dict(of_keys(self._root, self._prices).ahead)
        return {}


_STYLE: Final = {
    JobState.FINE: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "yellow",
    JobState.NOT_STARTED: "yellow",
}


def differing(overrides: Sequence[str]) -> str:
    """Overrides in short: of each key its last part, which is what differs, unless two keys share it."""
    keys = [override.partition("=")[0].lstrip("+~") for override in overrides]
    last = [key.rpartition(".")[2] for key in keys]
    return " ".join(
        f"{short if last.count(short) == 1 else key}={override.partition('=')[2]}"
        for override, key, short in zip(overrides, keys, last, strict=True)
    )


def _verdict(job: Job) -> str:
    return str(job.state) if job.state is JobState.NOT_STARTED else f"{job.exit_code} {job.state}"


def _ended(jobs: Sequence[Job]) -> str:
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


def _cut(text: str, length: int) -> str:
    text = one_line(text)
    return text if len(text) <= length else f"{text[: length - 3]}..."
