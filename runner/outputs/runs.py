"""The runs that an outputs root holds, as their folders describe them."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.outputs import manifest
from runner.outputs.places import SWEEPS
from runner.store.documents import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS: Final = "events.jsonl"
_APART: Final = timedelta(milliseconds=5)
"""Records state times in whole milliseconds: an event that is later by more comes from a later run."""


class RunState(enum.StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """A shot or a film of it failed, or its outcome is unknown."""
    STOPPED = "stopped"
    """It was interrupted or killed, or its budget stopped it: the same command goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run folder."""

    folder: Path
    project: str
    """The project's name, or the name of its folder where no file has it."""
    started: datetime
    """When the run last started, in UTC."""
    state: RunState
    overrides: tuple[str, ...]
    """Those of the command line, secrets hidden."""
    done: int
    """How many shots have their clips."""
    shots: int | None
    """How many shots there are; `None` where no file says so."""
    cost_usd: float | None
    """US dollars, reservations included: of all runs of the request, and for a job of a sweep of the last run that made
    something.
    `None` where no file says so."""


def runs(root: Path) -> list[Run]:
    """Every run below an outputs root, the one that started last first. Blocking."""
    found = [_run(folder, facts) for folder, facts in _folders(root)]
    return sorted(found, key=lambda run: run.started, reverse=True)


def root_of(folder: Path) -> Path | None:
    """The outputs root that a folder lies in: the first one above it with a store. Blocking."""
    return next((parent for parent in folder.absolute().parents if (parent / ".runner").is_dir()), None)


def _folders(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each run folder with its `run.json`; neither through links nor inside of one another."""
    for path, folders, files in os.walk(root):
        if "run.json" in files:
            folders.clear()
            facts = read_run(Path(path))
            if facts is not None:
                yield Path(path), facts
        folders[:] = [name for name in folders if not name.startswith(".")]


def _run(folder: Path, facts: dict[str, Any]) -> Run:
    made = manifest.read(folder)
    is_job = folder.parent.parent.name == SWEEPS
    owner = folder.parent.parent.parent if is_job else folder.parent
    name = facts.get("project") or ((made or {}).get("project") or {}).get("name") or owner.name
    shots = facts.get("shots")
    if isinstance(shots, dict):
        done = sum(isinstance(shot, dict) and shot.get("ending") == "done" for shot in shots.values())
        total: int | None = len(shots)
    else:
        done = sum(
            name.endswith(".mp4")
            for place, names in store.walk(folder)
            if place.name == "shots"
            for name in names
        )
        planned = facts.get("shots_planned")
        total = planned if isinstance(planned, int) else None
    money = facts.get("money")
    overrides = facts.get("overrides")
    return Run(
        folder=folder,
        project=str(name),
        started=_last_started(folder, facts),
        state=state_of(folder, facts),
        overrides=tuple(map(str, overrides)) if isinstance(overrides, list) else (),
        done=done,
        shots=total,
        cost_usd=money.get("now_usd" if is_job else "so_far_usd") if isinstance(money, dict) else None,
    )


def _last_started(folder: Path, facts: dict[str, Any]) -> datetime:
    """When the request was last run. A rerun that made nothing new leaves the record, and is in the events alone."""
    started = _started(folder, facts)
    try:
        finished = datetime.fromisoformat(str(facts["finished"]))
        again = datetime.fromtimestamp((folder / _EVENTS).lstat().st_mtime, UTC)
    except (KeyError, OSError, ValueError):
        return started
    return again if finished.tzinfo and again > finished + _APART else started


def _started(folder: Path, facts: dict[str, Any]) -> datetime:
    try:
        found = datetime.fromisoformat(str(facts["started"]))
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (KeyError, ValueError):
        return datetime.fromtimestamp((folder / "run.json").lstat().st_mtime, UTC)


def state_of(folder: Path, facts: dict[str, Any]) -> RunState:
    """How the run of a folder stands; `facts` are its `run.json`. Blocking."""
    state, code = facts.get("state"), facts.get("exit_code")
    if state == "finished":
        stopped = RunState.STOPPED if code in (4, 130) else RunState.FAILED
        return RunState.FINISHED if code == 0 else stopped
    if state == "failed":
        return RunState.FAILED
    root = root_of(folder)
    if state != "interrupted" and root is not None:
        prefix = f"{str(facts['key'])[:8]}-"
        if any(name.startswith(prefix) for name in store.at_work(root)):
            return RunState.RUNNING
    return RunState.STOPPED
