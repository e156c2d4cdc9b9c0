"""`read_sweep`: the report of a sweep's folder, from `sweep.json` and the folders of its jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.errors import RunnerError, UsageError
from runner.outputs.places import SWEEPS
from runner.outputs.runs import root_of
from runner.report.model import spending
from runner.report.model.loose import items, number, numbers, text, texts, whole
from runner.report.model.parts import Command, Condition, CostView, Level, Note, Verdict
from runner.report.model.read_run import as_typed, read_run
from runner.report.model.reports import CellView, JobView, RowView, SweepReport
from runner.report.next_step import command
from runner.store.documents import is_digest, read_json
from runner.store.documents import read_run as read_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from runner.report.model.parts import ShotView
    from runner.report.model.reports import RunReport
    from runner.report.model.spending import Accounts

RECORD: Final = "sweep.json"
_FOLDER: Final = re.compile(r"(\d{1,6})_[^/\\]*-[0-9a-f]{8,64}")
_ESCAPED: Final = re.compile(r"\\([\\()\[\]{}:=, \t])")
_MOST_JOBS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A job as `sweep.json` or its folder has it, and the report of its run."""

    number: int
    overrides: tuple[str, ...]
    record: Mapping[str, Any]
    folder: str
    run: RunReport | None


def is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep: it has its record, or lies where sweeps do and has folders of jobs."""
    if (folder / RECORD).is_file():
        return True
    return folder.absolute().parent.name == SWEEPS and bool(_job_folders(folder))


def read_sweep(folder: Path) -> SweepReport:
    """The report of a sweep, whether it has ended or not. Blocking. Raises `UsageError` where it is none."""
    record = read_json(folder / RECORD)
    gaps: list[str] = []
    if not isinstance(record, dict):
        if not is_sweep(folder):
            raise UsageError(
                "this is not the folder of a sweep", where=str(folder), why=f"there is no {RECORD} in it"
            )
        if (folder / RECORD).exists():
            gaps.append(f"{RECORD} cannot be used: the report is made from the folders of the jobs")
        record = {}
    names = _job_folders(folder)
    accounts = spending.read(root_of(folder), _project(folder, record, names.values()))
    if accounts.gap:
        gaps.append(f"the journal cannot be read: {accounts.gap}")
    key = text(record, "key") if is_digest(record.get("key")) else ""
    jobs = _jobs(folder, record, names, accounts, gaps, key)
    axes = _axes(jobs)
    views = tuple(_view(job, axes) for job in jobs)
    rows, cells = _matrix(jobs)
    return SweepReport(
        folder=as_typed(folder),
        name=folder.absolute().name,
        project=_project(folder, record, names.values()),
        key=key,
        exit_code=whole(record, "exit_code"),
        verdict=_verdict(folder, record, jobs, views),
        axes=axes,
        jobs=views,
        rows=rows,
        cells=cells,
        objective=text(record, "objective"),
        direction=text(record, "direction"),
        best=whole(record, "best"),
        cost=_cost(accounts, key, record, cells),
        gaps=tuple(gaps),
    )


# --- the jobs ----------------------------------------------------------------------------------------------------


def _job_folders(folder: Path) -> dict[int, str]:
    """The names of the run folders of jobs, by their numbers. Links are left alone."""
    found: dict[int, str] = {}
    try:
        for path in sorted(folder.iterdir()):
            match = _FOLDER.fullmatch(path.name)
            if match and path.is_dir() and not path.is_symlink():
                found[int(match[1])] = path.name
    except OSError:
        return {}
    return found


def _jobs(
    folder: Path,
    record: Mapping[str, Any],
    names: Mapping[int, str],
    accounts: Accounts,
    gaps: list[str],
    key: str,
) -> list[_Job]:
    entries: dict[int, dict[str, Any]] = {}
    for entry in items(record, "jobs")[:_MOST_JOBS]:
        job = whole(entry, "job")
        if isinstance(entry, dict) and job is not None:
            entries[job] = entry
    jobs = []
    for number_ in sorted({*entries, *names}):
        entry = entries.get(number_, {})
        name = names.get(number_, "")
        run: RunReport | None = None
        if name:
            try:
                run = read_run(folder / name, accounts, key)
            except RunnerError as error:
                gaps.append(f"job {number_}: {error.line}")
        overrides = texts(entry, "overrides") or (run.overrides if run is not None else ())
        jobs.append(_Job(number=number_, overrides=overrides, record=entry, folder=name, run=run))
    return jobs


def _axes(jobs: Sequence[_Job]) -> dict[str, tuple[str, ...]]:
    """The keys in which jobs differ, with their values. A key that all share with one value tells nothing."""
    keys = dict.fromkeys(key for job in jobs for key in _split(job.overrides))
    found = {}
    for key in keys:
        values = dict.fromkeys(_split(job.overrides).get(key, "") for job in jobs)
        if len(values) > 1 or len(jobs) == 1:
            found[key] = tuple(values)
    return found


def _split(overrides: Iterable[str]) -> dict[str, str]:
    parts = (one.partition("=") for one in overrides)
    return {key.lstrip("+"): value for key, _, value in parts}


def as_value(written: str) -> str:
    """The value of an override without the quotes and backslashes that Hydra's grammar needs."""
    quote = written[:1]
    if len(written) > 1 and quote in ("'", '"') and written[-1] == quote:
        return written[1:-1].replace(f"\\{quote}", quote).replace("\\\\", "\\")
    return _ESCAPED.sub(r"\1", written)


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """What tells dotted keys apart: of each as many parts from its end as that takes."""
    keys = list(keys)
    found = {}
    for key in keys:
        parts = key.split(".")
        for count in range(1, len(parts) + 1):
            tail = ".".join(parts[-count:])
            if sum(other == tail or other.endswith(f".{tail}") for other in keys) == 1:
                break
        found[key] = tail
    return found


def _view(job: _Job, axes: Mapping[str, tuple[str, ...]]) -> JobView:
    values, run, record = _split(job.overrides), job.run, job.record
    short = short_names(axes)
    return JobView(
        number=job.number,
        labels={short[key]: as_value(values.get(key, "")) for key in axes},
        overrides=job.overrides,
        key=text(record, "key") or (run.key if run is not None else ""),
        state=_state(job),
        exit_code=whole(record, "exit_code"),
        folder=job.folder,
        verdict=run.verdict if run is not None else None,
        cost_usd=number(record, "cost_usd") if record else run.cost.now_usd if run is not None else None,
        value=number(record, "value"),
        metrics=numbers(record, "metrics") or _metrics(run),
        error=text(record, "error"),
        films=run.films if run is not None else (),
        drifts=run.drifts if run is not None else (),
    )


def _state(job: _Job) -> str:
    """As `sweep.json` has it, or of a sweep that goes on as its folder tells."""
    if job.run is not None and job.run.state == "running":
        return "running"
    stated = text(job.record, "state")
    if stated or job.run is None:
        return stated or "not started"
    return {"finished": "fine", "stopped": "cancelled"}.get(job.run.state, "failed")


def _metrics(run: RunReport | None) -> dict[str, float]:
    """The mean over the shots of a run: what the record of an ended sweep has as `metrics` knows which are worst."""
    found: dict[str, list[float]] = {}
    for shot in run.shots if run is not None else ():
        for name, value in shot.metrics.items():
            found.setdefault(name, []).append(value)
    return {name: round(sum(values) / len(values), 4) for name, values in found.items()}


# --- the matrix --------------------------------------------------------------------------------------------------


def _matrix(jobs: Sequence[_Job]) -> tuple[tuple[RowView, ...], tuple[CellView, ...]]:
    """The shots of all jobs; those that several jobs have are one cell."""
    number_of: dict[tuple[str, ...], int] = {}
    shots: list[tuple[ShotView, str, list[int]]] = []
    rows: dict[str, dict[int, int]] = {}
    for job in jobs:
        for shot in job.run.shots if job.run is not None else ():
            digest = shot.clip.sha256 if shot.clip is not None else ""
            own = () if shot.key else (str(job.number),)
            identity = (shot.name, shot.key, shot.ending, digest, *own)
            at = number_of.setdefault(identity, len(shots))
            if at == len(shots):
                shots.append((shot, job.folder, []))
            shots[at][2].append(job.number)
            rows.setdefault(shot.name, {})[job.number] = at
    cells = tuple(CellView(shot=shot, folder=folder, jobs=tuple(numbers)) for shot, folder, numbers in shots)
    return (
        tuple(
            RowView(name=name, cells=tuple(of_jobs.get(job.number) for job in jobs))
            for name, of_jobs in rows.items()
        ),
        cells,
    )


# --- the verdict -------------------------------------------------------------------------------------------------

_CONDITIONS: Final = (
    Condition.RUNNING,
    Condition.WAITING,
    Condition.FAILED,
    Condition.STOPPED,
    Condition.DEGRADED,
    Condition.DONE,
)
"""That of the sweep is the first that any of its jobs has."""
_MOST_NOTES: Final = 50


def _verdict(
    folder: Path, record: Mapping[str, Any], jobs: Sequence[_Job], views: Sequence[JobView]
) -> Verdict:
    of_jobs = {view.number: _condition(view) for view in views}
    condition = next((one for one in _CONDITIONS if one in of_jobs.values()), Condition.DONE)
    counts = [(one, sum(found is one for found in of_jobs.values())) for one in reversed(_CONDITIONS)]
    headline = f"{_counted(len(views), 'job')}: " + ", ".join(
        f"{count} {one}" for one, count in counts if count
    )
    worst = max(
        ((seam.badness, seam.after, job.number) for job in jobs if job.run for seam in job.run.seams),
        default=(0.0, "", 0),
    )
    drifting = [view for view in views if view.verdict is not None and any(d.breaks_at for d in view.drifts)]
    return Verdict(
        condition=condition,
        headline=headline,
        notes=tuple(_notes(views)),
        next=tuple(_next(folder, record, condition)),
        worst_seam=f"job {worst[2]}, {worst[1]}" if worst[0] > 0 else "",
        forecast=f"job {drifting[0].number}: {drifting[0].verdict.forecast}"
        if drifting and drifting[0].verdict is not None
        else "",
    )


def _condition(job: JobView) -> Condition:
    if job.verdict is not None and job.state != "not started":
        return job.verdict.condition
    return Condition.FAILED if job.state == "failed" else Condition.STOPPED


def _notes(views: Sequence[JobView]) -> list[Note]:
    """What jobs have to say, equal notes once, the worst first."""
    jobs_of: dict[tuple[Level, str, str], list[int]] = {}
    commands: dict[tuple[Level, str, str], tuple[Command, ...]] = {}
    for view in views:
        notes = view.verdict.notes if view.verdict is not None else ()
        if not notes and view.error:
            notes = (Note(level=Level.ERROR, text=view.error),)
        for note in notes:
            if note.level is not Level.NOTE:
                at = (note.level, note.where, note.text)
                jobs_of.setdefault(at, []).append(view.number)
                commands.setdefault(at, tuple(one for one in note.commands if "accept" in one.command))
    order = list(Level)
    found = sorted(jobs_of.items(), key=lambda one: order.index(one[0][0]))
    worst = [
        Note(
            level=level,
            where=f"{_jobs_named(numbers)}{f', {where}' if where else ''}",
            text=text_,
            commands=commands[level, where, text_],
        )
        for (level, where, text_), numbers in found[:_MOST_NOTES]
    ]
    if len(found) > _MOST_NOTES:
        worst.append(
            Note(level=Level.NOTE, text=f"and {len(found) - _MOST_NOTES} more, in the reports of the jobs")
        )
    return worst


def _jobs_named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"job {numbers[0]}"
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return f"jobs {', '.join(map(str, numbers[:8]))}{more}"


def _next(folder: Path, record: Mapping[str, Any], condition: Condition) -> list[Command]:
    words = texts(record, "command")
    found = []
    if words and condition in (Condition.WAITING, Condition.FAILED, Condition.STOPPED):
        about = "run it again: finished shots are kept, what failed is requested again"
        found.append(Command(about=about, command=command(words)))
    verb = "report" if condition is Condition.RUNNING else "verify"
    about = "make this page again" if verb == "report" else "check every file by its digest"
    found.append(Command(about=about, command=command([verb, as_typed(folder)])))
    return found


def _cost(accounts: Accounts, key: str, record: Mapping[str, Any], cells: Sequence[CellView]) -> CostView:
    return spending.cost_of(accounts, key, [cell.shot for cell in cells], record)


def _project(folder: Path, record: Mapping[str, Any], names: Iterable[str]) -> str:
    """Empty for a sweep over projects that has not ended: which of them is not known then."""
    stated = record.get("project")
    if isinstance(stated, str) and stated:
        return stated
    found = {text(read_record(folder / name) or {}, "project") for name in names}
    return found.pop() if len(found) == 1 else ""


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
