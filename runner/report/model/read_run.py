"""`read_run`: the report of a run folder."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.outputs import manifest
from runner.outputs.places import SWEEPS
from runner.outputs.runs import RunState, root_of, state_of
from runner.report.model import composed, spending, under_way
from runner.report.model.loose import mapping, text, texts, whole
from runner.report.model.parts import FilmView
from runner.report.model.reports import RunReport
from runner.report.model.seams import seams_of
from runner.report.model.shots import drifts_of, films_of, shots_of
from runner.report.model.verdict import Facts, verdict_on
from runner.store.documents import is_digest, read_json
from runner.store.documents import read_run as read_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.report.model.parts import DriftView, ShotView
    from runner.report.model.spending import Accounts


def read_run(folder: Path, accounts: Accounts | None = None, sweep: str | None = None) -> RunReport:
    """The report of a run folder, of whatever state and version. Blocking.

    `accounts` is what the journal says and `sweep` the key of the sweep, where they were read before; by default they
    are read here. Raises `UsageError` where neither the manifest nor `run.json` can be used.
    """
    found = manifest.read(folder)
    run = read_record(folder)
    gaps = [] if found is not None or run is not None else [_unusable(folder)]
    if gaps:
        raise UsageError("this is not a run folder", where=str(folder), why=gaps[0])
    if run is None:
        gaps.append("run.json is missing or cannot be used: times, cost and the command are unknown")
    if found is None and (folder / manifest.NAME).exists():
        gaps.append("manifest.json cannot be used: the report is made from the events of the run")
    run, made = run or {}, found or {}
    state = state_of(folder, run) if run else RunState.FINISHED
    config = composed.read(folder)
    shots, drifts, films = _content(folder, made, run, config, state, gaps)
    key = _key(run, made)
    is_job = folder.absolute().parent.parent.name == SWEEPS
    root = root_of(folder)
    if accounts is None:
        accounts = spending.read(root, _project(run, made), [shot.key for shot in shots if shot.key])
    if accounts.gap:
        gaps.append(f"the journal cannot be read: {accounts.gap}")
    shots = tuple(
        dataclasses.replace(shot, judgement=accounts.judgement(shot) or shot.judgement) for shot in shots
    )
    seams = seams_of(shots, made)
    facts = Facts(
        folder=as_typed(folder),
        root=as_typed(root) if root is not None else "",
        overrides=texts(run, "overrides"),
        state=state,
        exit_code=whole(run, "exit_code"),
        error=text(run, "error"),
        shots=shots,
        seams=seams,
        films=films,
        drifts=drifts,
        accounts=accounts,
        of_sweep=is_job,
    )
    return RunReport(
        folder=facts.folder,
        name=folder.absolute().name,
        project=_project(run, made) or folder.absolute().parent.name,
        description=text(mapping(made or config, "project"), "description"),
        key=key,
        started=text(run, "started"),
        finished=text(run, "finished"),
        state=str(state),
        exit_code=facts.exit_code,
        runner=text(run, "runner") or text(made, "runner"),
        overrides=tuple(facts.overrides),
        verdict=verdict_on(facts),
        shots=shots,
        seams=seams,
        films=films,
        drifts=drifts,
        cost=spending.cost_of(accounts, _scope(folder, key, sweep) if is_job else key, shots, run),
        gaps=tuple(gaps),
    )


def as_typed(folder: Path) -> str:
    """A folder as one types it: relative where it is below the current one."""
    path, here = folder.absolute(), Path.cwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def _content(
    folder: Path,
    made: Mapping[str, Any],
    run: Mapping[str, Any],
    config: Mapping[str, Any],
    state: RunState,
    gaps: list[str],
) -> tuple[tuple[ShotView, ...], tuple[DriftView, ...], tuple[FilmView, ...]]:
    """Shots, drift and films: of the manifest, and of the events where the run wrote no manifest since."""
    limit = composed.drift_limit(config)
    shots: Sequence[ShotView] = tuple(shots_of(folder, made, run))
    drifts, films = drifts_of(made, limit), films_of(folder, made)
    if made and run.get("state") not in ("running", "starting"):
        return tuple(shots), drifts, films
    progress = under_way.progress_of(folder, limit)
    if progress.gap:
        gaps.append(progress.gap)
    if not made:
        shots = tuple(under_way.planned_shots(config)) or _named_by(progress)
        films = tuple(FilmView(name=name) for name in dict.fromkeys(shot.sequence for shot in shots))
    running = state is RunState.RUNNING
    shots = tuple(under_way.with_progress(shot, progress, folder, is_running=running) for shot in shots)
    films = tuple(
        dataclasses.replace(film, clip=under_way.film_clip(progress, film.name, folder) or film.clip)
        for film in films
    )
    return shots, progress.drifts or drifts, films


def _named_by(progress: under_way.Progress) -> tuple[ShotView, ...]:
    """The shots that only events name."""
    return tuple(under_way.unplanned_shot(sequence, shot) for sequence, shot in progress.shots)


def _unusable(folder: Path) -> str:
    if not folder.is_dir():
        return "there is no such folder"
    if (folder / manifest.NAME).exists() or (folder / "run.json").exists():
        return f"its {manifest.NAME} and run.json are broken, or of a later version of this program"
    return f"there is no {manifest.NAME} in it"


def _project(run: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    return text(run, "project") or text(mapping(made, "project"), "name")


def _key(run: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    return text(made, "key") or text(run, "key")


def _scope(folder: Path, key: str, sweep: str | None) -> str:
    """Whose budget pays for a job: its sweep."""
    if sweep is None:
        sweep = text(read_json(folder.absolute().parent / "sweep.json"), "key")
    return sweep if is_digest(sweep) else key
