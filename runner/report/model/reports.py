"""What there is to know about a run or a sweep: the values that the terminal, the page, tables and scripts show."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.report.model.parts import (
        CostView,
        DriftView,
        FilmView,
        SeamView,
        ShotView,
        Verdict,
    )

VERSION: Final = 1
"""Of the JSON form. A reader of one version can read what later versions add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run, as its folder and the journal of its root tell."""

    folder: str
    """The run folder as it is typed in commands."""
    name: str
    """The name of the run folder."""
    project: str
    description: str = ""
    key: str
    started: str = ""
    """ISO 8601."""
    finished: str = ""
    state: str
    """`running`, `finished`, `failed` or `stopped`."""
    exit_code: int | None = None
    runner: str = ""
    """The version of the program that made it."""
    overrides: tuple[str, ...] = ()
    verdict: Verdict
    shots: tuple[ShotView, ...] = ()
    seams: tuple[SeamView, ...] = ()
    films: tuple[FilmView, ...] = ()
    drifts: tuple[DriftView, ...] = ()
    cost: CostView
    gaps: tuple[str, ...] = ()
    """What could not be read, for which the report is not whole."""

    def to_json(self) -> dict[str, Any]:
        """As JSON has it, for scripts."""
        return {"version": VERSION, "kind": "run", **dataclasses.asdict(self)}

    def shot(self, name: str) -> ShotView | None:
        """The shot with a name, SEQUENCE/SHOT."""
        return next((shot for shot in self.shots if shot.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """One job of a sweep."""

    number: int
    labels: Mapping[str, str]
    """The overrides in which the jobs of the sweep differ: the key without what all keys share, and the value."""
    overrides: tuple[str, ...]
    key: str
    state: str
    """`fine`, `failed`, `cancelled`, `not started`; `running` or `waiting` in a sweep that goes on."""
    exit_code: int | None = None
    folder: str = ""
    """The name of its run folder in the folder of the sweep; empty where there is none."""
    verdict: Verdict | None = None
    """`None` where its folder tells nothing."""
    cost_usd: float | None = None
    value: float | None = None
    """Of the objective."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    films: tuple[FilmView, ...] = ()
    drifts: tuple[DriftView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """A shot of a sweep, as one or several jobs have it."""

    shot: ShotView
    folder: str
    """The name of the run folder, in the folder of the sweep, in which its files are."""
    jobs: tuple[int, ...]
    """The numbers of all jobs that have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A shot's name over all jobs."""

    name: str
    """SEQUENCE/SHOT."""
    cells: tuple[int | None, ...]
    """For each job, in their order, the index of its cell in `SweepReport.cells`; `None` where it has no such shot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """A sweep, as its folder tells. Paths of media are relative to the folders of their jobs."""

    folder: str
    """The folder of the sweep as it is typed in commands."""
    name: str
    project: str
    key: str
    exit_code: int | None = None
    verdict: Verdict
    axes: Mapping[str, tuple[str, ...]]
    """The keys in which the jobs differ, each with its values in the order of the jobs."""
    jobs: tuple[JobView, ...] = ()
    rows: tuple[RowView, ...] = ()
    cells: tuple[CellView, ...] = ()
    objective: str = ""
    direction: str = ""
    best: int | None = None
    """The number of the job with the best value."""
    cost: CostView
    gaps: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON has it, for scripts."""
        return {"version": VERSION, "kind": "sweep", **dataclasses.asdict(self)}

    def job(self, number: int) -> JobView | None:
        """The job with a number."""
        return next((job for job in self.jobs if job.number == number), None)
