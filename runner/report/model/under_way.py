"""A run that goes on, or that was killed: what its events and its configuration tell before a manifest does."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.api import EventKind
from runner.report.model.loose import flag, mapping, number, text
from runner.report.model.parts import ShotView
from runner.report.model.shots import clip_of, drift_of
from runner.store import documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from runner.report.model.parts import ClipView, DriftView

EVENTS: Final = "events.jsonl"
_WAITING: Final = "waiting"
_STEP: Final = {
    EventKind.SHOT_UPLOADING: "uploading",
    EventKind.SHOT_SUBMITTED: "submitted",
    EventKind.SHOT_FETCHING: "fetching",
}
_FINAL: Final = frozenset({"done", "failed", "held", "skipped", "unknown", "stopped", "interrupted"})


@dataclass(slots=True)
class _State:
    """What the events say of one shot so far."""

    ending: str = ""
    progress: float | None = None
    clip: str = ""
    reused: bool = False
    elapsed_s: float | None = None
    cost_usd: float | None = None
    fallback: str = ""
    error: str = ""
    reason: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the events of the last run in a folder say."""

    shots: Mapping[tuple[str, str], _State]
    drifts: tuple[DriftView, ...]
    films: Mapping[str, str]
    """The path of each film that was joined, by its sequence."""
    gap: str = ""
    """Why the events could not be read."""


def progress_of(folder: Path, limit: float | None) -> Progress:
    """The state of each shot by the events since the run last started. Blocking."""
    try:
        lines = documents.read_lines(folder / EVENTS)
    except OSError as error:
        gap = (
            ""
            if isinstance(error, FileNotFoundError)
            else f"{EVENTS} cannot be read: {error.strerror or error}"
        )
        return Progress(shots={}, drifts=(), films={}, gap=gap)
    states: dict[tuple[str, str], _State] = defaultdict(_State)
    drifts: dict[tuple[str, str], DriftView] = {}
    films: dict[str, str] = {}
    for event in _since_the_start(lines):
        kind, sequence, shot = text(event, "kind"), text(event, "sequence"), text(event, "shot")
        detail = mapping(event, "detail")
        if kind == EventKind.CHAIN_MEASURED:
            drift = drift_of(sequence, detail, limit)
            if drift.shots:
                drifts[sequence, drift.shots[0]] = drift
        elif kind == EventKind.FILM_FINISHED:
            films[sequence] = text(detail, "path")
        elif shot:
            _note(states[sequence, shot], kind, event, detail)
    return Progress(shots=dict(states), drifts=tuple(drifts.values()), films=films)


def _since_the_start(lines: Iterable[Any]) -> Iterator[dict[str, Any]]:
    events = [line for line in lines if isinstance(line, dict)]
    starts = [at for at, event in enumerate(events) if event.get("kind") == EventKind.RUN_STARTED]
    yield from events[starts[-1] if starts else 0 :]


def _note(state: _State, kind: str, event: dict[str, Any], detail: dict[str, Any]) -> None:
    message = text(event, "message")
    match kind:
        case EventKind.SHOT_REUSED | EventKind.SHOT_FINISHED:
            state.ending, state.progress = "done", None
            state.reused = kind == EventKind.SHOT_REUSED or flag(detail, "reused")
            state.clip = text(detail, "path") or state.clip
            state.elapsed_s, state.cost_usd = number(detail, "elapsed_s"), number(detail, "cost_usd")
        case EventKind.SHOT_FAILED:
            state.ending, state.error, state.progress = text(detail, "ending") or "failed", message, None
        case EventKind.SHOT_SKIPPED:
            state.ending, state.reason, state.progress = text(detail, "ending") or "skipped", message, None
        case EventKind.SHOT_FELL_BACK:
            state.fallback = message
        case EventKind.SHOT_WARNED:
            state.warnings.append(message)
        case EventKind.SHOT_PROGRESS:
            state.ending, state.progress = message or "running", number(event, "progress")
        case _ if kind in _STEP:
            state.ending = _STEP[EventKind(kind)]


def planned_shots(composed: Mapping[str, Any]) -> Iterator[ShotView]:
    """The shots that a composed configuration describes, none of which has been requested yet."""
    generator = mapping(composed, "generator")
    for sequence, content in mapping(composed, "sequences").items():
        before = ""
        for place, (name, keys) in enumerate(mapping(content, "shots").items(), start=1):
            sequence, name = str(sequence), str(name)
            image = text(keys, "image")
            boundary = text(keys, "boundary") or ("image" if image else "chain" if before else "cut")
            yield ShotView(
                name=f"{sequence}/{name}",
                sequence=sequence,
                shot=name,
                number=place,
                key="",
                ending=_WAITING,
                prompt=text(keys, "prompt"),
                boundary=boundary,
                starts_from=before if boundary == "chain" else image,
                generator=text(generator, "plugin"),
                model=text(keys, "model") or text(generator, "model"),
            )
            before = name


def with_progress(shot: ShotView, progress: Progress, folder: Path, *, is_running: bool) -> ShotView:
    """A shot as it stands now. `is_running` is false where the run was killed: nothing is under way then."""
    state = progress.shots.get((shot.sequence, shot.shot))
    if state is None or not state.ending:
        if shot.clip is not None or is_running or shot.ending in _FINAL:
            return shot
        return dataclasses.replace(shot, ending="interrupted", reason="the run ended before it")
    clip = shot.clip
    if state.ending == "done" and state.clip and (clip is None or clip.path != state.clip):
        clip = clip_of(folder, {"path": state.clip}) or clip
    is_over = state.ending in _FINAL
    return dataclasses.replace(
        shot,
        ending=state.ending if is_over or is_running else "interrupted",
        progress=state.progress if is_running else None,
        clip=clip,
        reused=state.reused,
        elapsed_s=state.elapsed_s,
        cost_usd=state.cost_usd,
        fallback=state.fallback or shot.fallback,
        error=state.error,
        reason=state.reason or ("" if is_over or is_running else "the run ended before it"),
        warnings=tuple(dict.fromkeys((*shot.warnings, *state.warnings))),
    )


def film_clip(progress: Progress, sequence: str, folder: Path) -> ClipView | None:
    """The film of a sequence that the run has joined; `None` where it has not."""
    path = progress.films.get(sequence)
    return clip_of(folder, {"path": path}) if path else None


def unplanned_shot(sequence: str, shot: str) -> ShotView:
    """A shot that no configuration describes, as where that file is gone."""
    return ShotView(
        name=f"{sequence}/{shot}", sequence=sequence, shot=shot, number=0, key="", ending=_WAITING
    )
