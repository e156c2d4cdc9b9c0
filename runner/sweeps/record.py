"""`sweep.json` and `sweep.csv`: how the jobs of a sweep ended, for scripts and for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.money import to_usd
from runner.outgoing import one_line, outgoing
from runner.outputs import metrics, places
from runner.store.local.inside import holds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.sweeps.job import JobOutcome, SweepOutcome

VERSION: Final = 1
"""Of `sweep.json`. A reader of one version can read what later versions add."""
_COLUMNS: Final = (
    *("key", "state", "exit_code", "cost_usd", "shots", "reused", "failed", "films", "folder", "error"),
)


def write(sweep: SweepOutcome, folder: Path, command: Sequence[str] = ()) -> None:
    """Write both files, and let `latest` lead to the sweep; `command` are the words of it, secrets hidden.

    Raises `OSError`, `OutputError`. Blocking.
    """
    plan = next(iter(sweep.plans), None)
    if plan is None or plan.job is None:
        return
    store.check_path(plan.project.output_root, folder)
    entries = [_entry(job, sweep.objective) for job in sweep.jobs]
    document: dict[str, Any] = {
        "version": VERSION,
        "key": plan.job.sweep_key,
        "project": plan.job.project,
        "exit_code": sweep.exit_code,
        **({"command": list(command)} if command else {}),
        "jobs": entries,
    }
    if sweep.objective is not None:
        document["objective"] = sweep.objective
    if sweep.direction:
        document["direction"] = sweep.direction
        document["best"] = sweep.best.job.number if sweep.best is not None else None
    if sweep.cost is not None:
        document["money"] = sweep.cost.to_json()
    table = _table(entries, [sweep.objective] if sweep.objective is not None else [])
    for name, text in (
        ("sweep.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n"),
        ("sweep.csv", table),
    ):
        data = outgoing(text).encode("utf-8")
        if not holds(folder / name, data):
            store.write_whole(folder / name, data)
    places.point_to(folder, plan)


def _entry(job: JobOutcome, objective: str | None) -> dict[str, Any]:
    outcome = job.outcome
    shots = outcome.shots if outcome is not None else ()
    cost = outcome.cost if outcome is not None else None
    return {
        "job": job.job.number,
        **({"value": job.value} if objective is not None else {}),
        "overrides": list(job.job.overrides),
        "key": job.plan.key if job.plan is not None else "",
        "state": job.state,
        "exit_code": job.exit_code,
        "cost_usd": to_usd(cost.now.micros) if cost is not None else None,
        "shots": len(job.plan.shots) if job.plan is not None else 0,
        "reused": sum(shot.reused for shot in shots),
        "failed": sum(shot.error is not None for shot in shots),
        "films": [film.film.path for film in outcome.all_films if film.film] if outcome is not None else [],
        "metrics": metrics.of_run(outcome) if outcome is not None else {},
        "folder": job.folder,
        "error": "\n".join(dict.fromkeys(map(str, job.errors))),
    }


def _table(entries: list[dict[str, Any]], objective: list[str]) -> str:
    """A row for each job: its number, a column for each key in which the jobs differ, then its value, how it ended, and
    what was measured."""
    of_jobs = [dict(_split(override) for override in entry["overrides"]) for entry in entries]
    keys = list(dict.fromkeys(key for overrides in of_jobs for key in overrides))
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    measured = sorted({name for entry in entries for name in entry["metrics"]})
    of_metrics = [f"metric.{name}" for name in measured]
    rows.writerow(["job", *keys, *(f"objective: {name}" for name in objective), *_COLUMNS, *of_metrics])
    for entry, overrides in zip(entries, of_jobs, strict=True):
        cells = [*(entry["value"] for _ in objective), *(entry[name] for name in _COLUMNS)]
        cells += [entry["metrics"].get(name) for name in measured]
        rows.writerow([entry["job"], *(overrides.get(key, "") for key in keys), *map(_cell, cells)])
    return file.getvalue()


def _split(override: str) -> tuple[str, str]:
    key, _, value = override.partition("=")
    return key, value


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(value)
    return one_line(value) if isinstance(value, str) else "" if value is None else value
