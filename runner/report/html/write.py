"""Writes `report.html` into the folders of runs and sweeps, with the pictures that it shows."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.errors import RunnerError
from runner.outputs.runs import root_of
from runner.report import pictures
from runner.report.html.render import render_run, render_sweep
from runner.report.model import is_sweep, read_run, read_sweep, spending
from runner.report.model.read_sweep import RECORD
from runner.store.documents import MANIFEST, RUN, is_inside, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from runner.report.model import RunReport, SweepReport

NAME: Final = "report.html"
_log = logging.getLogger(__name__)


def write(folder: Path) -> Path:
    """Write the report of a run or a sweep; its path. Blocking. Raises as the two below."""
    return write_sweep(folder) if is_sweep(folder) else write_run(folder)


def write_run(folder: Path, report: RunReport | None = None) -> Path:
    """Write the report of a run; its path. Blocking.

    Raises `UsageError` where the folder is that of no run, `OutputError` where something in it leads out of the
    outputs root or it cannot be written.
    """
    report = report or read_run(folder)
    _check(folder)
    try:
        pictures.make(folder, report)
        text = render_run(report, pictures.find(folder))
        store.write_whole(folder / NAME, text.encode("utf-8"))
    except OSError as error:
        raise store.unwritable("the report cannot be written", folder / NAME, error) from error
    return folder / NAME


def write_sweep(folder: Path, report: SweepReport | None = None, *, only_new: bool = False) -> Path:
    """Write the report of a sweep and those of its jobs; its path. Blocking. Raises as `write_run`.

    `only_new` leaves out the jobs whose runs made nothing new since their reports were written.
    """
    report = report or read_sweep(folder)
    _check(folder)
    accounts = spending.read(root_of(folder), report.project, {cell.shot.key for cell in report.cells})
    found = {}
    for job in report.jobs:
        if job.folder and job.verdict is not None:
            if not (only_new and _is_current(folder / job.folder)):
                write_run(folder / job.folder, read_run(folder / job.folder, accounts, report.key))
            found[job.folder] = pictures.find(folder / job.folder)
    try:
        store.write_whole(folder / NAME, render_sweep(report, found).encode("utf-8"))
    except OSError as error:
        raise store.unwritable("the report cannot be written", folder / NAME, error) from error
    return folder / NAME


def write_at_end(folder: Path | None) -> str:
    """Write the report of a run or a sweep that has ended; why that failed, or nothing. Blocking. Never raises.

    What was made is there, and paid for: a page that cannot be written is worth a warning and no more.
    """
    if folder is None or not folder.is_dir():
        return ""
    try:
        if is_sweep(folder):
            if not _is_current_sweep(folder):
                write_sweep(folder, only_new=True)
        elif not _is_current(folder):
            write_run(folder)
    except RunnerError as error:
        return f"{error.line}"
    except Exception as error:
        _log.warning("the report cannot be written", exc_info=error)
        return f"the report cannot be written: {type(error).__name__}: {error}"
    return ""


def _is_current(folder: Path) -> bool:
    """Whether a run that made nothing new has a report already: its manifest and its record are older then."""
    try:
        page, *made = (os.lstat(folder / name) for name in (NAME, MANIFEST, RUN))
    except OSError:
        return False
    return stat.S_ISREG(page.st_mode) and page.st_mtime_ns >= max(one.st_mtime_ns for one in made)


def _is_current_sweep(folder: Path) -> bool:
    """Whether the reports of all jobs are current, and that of the sweep. Its record is written where it changes."""
    record = read_json(folder / RECORD)
    jobs = record.get("jobs") if isinstance(record, dict) else None
    names: list[Any] = [one.get("folder") for one in jobs or () if isinstance(one, dict)]
    try:
        page, written = os.lstat(folder / NAME), os.lstat(folder / RECORD)
    except OSError:
        return False
    return (
        stat.S_ISREG(page.st_mode)
        and page.st_mtime_ns >= written.st_mtime_ns
        and all(is_inside(name) and _is_current(folder / name) for name in names)
    )


def _check(folder: Path) -> None:
    """Nothing below an outputs root is followed: a folder, or a page, that is a link is none of ours."""
    root = root_of(folder)
    if root is not None:
        store.check_store(root)
        store.check_folder(root, folder.absolute())
