"""The one model of a run or a sweep that all views show: `read_run(folder)`, `read_sweep(folder)`.

Read from what is in the folder, so that old runs, runs that go on, and runs of another machine have a report as well.
A folder is data, and may be anybody's: what is missing or broken leaves a gap that the report names.
"""

from runner.report.model.parts import (
    AdherenceView,
    ClipView,
    Command,
    Condition,
    CostView,
    DriftView,
    FilmView,
    FrameView,
    Level,
    MediaView,
    Note,
    SeamView,
    ShotView,
    TakeView,
    Verdict,
    WastedAttempt,
)
from runner.report.model.read_run import read_run
from runner.report.model.read_sweep import is_sweep, read_sweep
from runner.report.model.reports import CellView, JobView, RowView, RunReport, SweepReport

__all__ = [
    "AdherenceView",
    "CellView",
    "ClipView",
    "Command",
    "Condition",
    "CostView",
    "DriftView",
    "FilmView",
    "FrameView",
    "JobView",
    "Level",
    "MediaView",
    "Note",
    "RowView",
    "RunReport",
    "SeamView",
    "ShotView",
    "SweepReport",
    "TakeView",
    "Verdict",
    "WastedAttempt",
    "is_sweep",
    "read_run",
    "read_sweep",
]
