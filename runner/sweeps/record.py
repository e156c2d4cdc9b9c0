"""`sweep.json` and `sweep.csv`: how the jobs of a sweep ended, for scripts and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.money import to_usd
from runner.outgoing import one_line, outgoing
from runner.outputs import places

if TYPE_CHECKING:
    from pathlib import Path

    from runner.sweeps.job import JobOutcome, SweepOutcome

VERSION: Final = 1
"""Of `sweep.json`. A reader of one version can read what later versions add."""
_COLUMNS: Final = (
    *("key", "state", "exit_code", "cost_usd", "shots", "reused", "failed", "films", "folder", "error"),
)


def write(sweep: SweepOutcome, folder: Path) -> None:
    """Write both files, and let `latest` lead to the sweep. Raises `OSError`, `OutputError`. Blocking."""
    plan = next(iter(sweep.plans), None)
    if plan is None or plan.job is None:
        return
    store.check_folder(plan.project.output_root, folder)
    entries = [_entry(job) for job in sweep.jobs]
    document: dict[str, Any] = {
        "version": VERSION,
        "key": plan.job.sweep_key,
        "project": plan.job.project,
        "exit_code": sweep.exit_code,
        "jobs": entries,
    }
    if sweep.cost is not None:
        document["money"] = sweep.cost.to_json()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    store.write_whole(folder / "sweep.json", outgoing(text).encode("utf-8"))
    store.write_whole(folder / "sweep.csv", outgoing(_table(entries)).encode("utf-8"))
    places.point_to(folder, plan)


def _entry(job: JobOutcome) -> dict[str, Any]:
    outcome = job.outcome
    shots = outcome.shots if outcome is not None else ()
    cost = outcome.cost if outcome is not None else None
    return {
        "job": job.job.number,
        "overrides": list(job.job.overrides),
        "key": job.plan.key if job.plan is not None else "",
        "state": job.state,
        "exit_code": job.exit_code,
        "cost_usd": to_usd(cost.now.micros) if cost is not None else None,
        "shots": len(job.plan.shots) if job.plan is not None else 0,
        "reused": sum(shot.reused for shot in shots),
        "failed": sum(shot.error is not None for shot in shots),
        "films": [film.film.path for film in outcome.films if film.film] if outcome is not None else [],
        "folder": job.folder,
        "error": "\n".join(dict.fromkeys(map(str, job.errors))),
    }


def _table(entries: list[dict[str, Any]]) -> str:
    """A row for each job: its number, a column for each key in which the jobs differ, then how it ended."""
    of_jobs = [dict(_split(override) for override in entry["overrides"]) for entry in entries]
    keys = list(dict.fromkeys(key for overrides in of_jobs for key in overrides))
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["job", *keys, *_COLUMNS])
    for entry, overrides in zip(entries, of_jobs, strict=True):
        cells = [entry[name] for name in _COLUMNS]
        rows.writerow([entry["job"], *(overrides.get(key, "") for key in keys), *map(_cell, cells)])
    return file.getvalue()


def _split(override: str) -> tuple[str, str]:
    key, _, value = override.partition("=")
    return key, value


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(value)
    return one_line(value) if isinstance(value, str) else "" if value is None else value
