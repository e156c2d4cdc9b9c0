"""Joining the clips of a sequence into its film."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from typing import TYPE_CHECKING

from runner import store
from runner.api import EventKind
from runner.errors import JoinError, RunnerError
from runner.media import join
from runner.media.join import Part
from runner.outputs.outcome import Artifact, FilmOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.api import JSON
    from runner.engine.run_context import RunContext
    from runner.outputs.film_cache import FilmCache
    from runner.outputs.folder import RunFolder
    from runner.outputs.outcome import ShotOutcome
    from runner.planning.plan import PlannedSequence

_log = logging.getLogger(__name__)


async def make_film(
    run: RunContext, sequence: PlannedSequence, shots: Sequence[ShotOutcome], films: FilmCache
) -> FilmOutcome:
    """Join the shots, all of which have clips. Raises only cancellations."""
    timing, folder = run.resources.timing, run.folder
    began = timing.monotonic()
    drops = [_duplicated(after) for after in shots[1:]] + [False]
    inputs: list[JSON] = [
        {"sha256": shot.clip.sha256, "drop_last": drop}
        for shot, drop in zip(shots, drops, strict=True)
        if shot.clip
    ]
    known = await asyncio.to_thread(films.film, sequence, inputs)
    if known is not None:
        return known
    parts = [
        Part(path=folder.path / shot.clip.path, drop_last=drop)
        for shot, drop in zip(shots, drops, strict=True)
        if shot.clip
    ]
    stop = threading.Event()
    try:
        film = await asyncio.to_thread(_joined, parts, sequence, folder, inputs, stop)
    except asyncio.CancelledError:
        stop.set()
        raise
    except Exception as error:
        failure = _failure(sequence, error)
        run.bus.sequence_event(EventKind.FILM_FAILED, sequence.name, failure.line)
        return FilmOutcome(sequence=sequence, reason=failure.line, error=failure)
    elapsed = timing.monotonic() - began
    run.bus.sequence_event(
        EventKind.FILM_FINISHED, sequence.name, path=film.path, elapsed_s=round(elapsed, 3)
    )
    return FilmOutcome(sequence=sequence, film=film, elapsed_s=elapsed)


def _duplicated(after: ShotOutcome) -> bool:
    """Whether a shot begins with the very frame that the one before it ends with."""
    if after.planned.previous is None or after.fallback or after.adherence is None:
        return False
    return after.adherence.doubled


def _failure(sequence: PlannedSequence, error: Exception) -> RunnerError:
    """What failed costs this film only."""
    if isinstance(error, RunnerError):
        return error
    if isinstance(error, OSError):
        return JoinError("the film cannot be written", why=str(error))
    _log.error("the film of %s failed", sequence.name, exc_info=error)
    return JoinError(
        "the runner itself failed while joining; this is a bug in it",
        why=f"{type(error).__name__}: {error}",
        hint="runner.log in the run folder has the traceback; the clips are kept",
    )


def _joined(
    parts: list[Part], sequence: PlannedSequence, folder: RunFolder, inputs: list[JSON], stop: threading.Event
) -> Artifact:
    made = folder.work / f"{sequence.slug}-film.mp4"
    film = join.join(parts, made, cancelled=stop.is_set)
    target = folder.film(sequence)
    with made.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = made.stat().st_size
    store.move_whole(made, target)
    properties: dict[str, JSON] = {
        "width": film.width,
        "height": film.height,
        "fps": film.fps,
        "frames": film.frames,
        "duration_s": round(film.duration_s, 6),
        "audio": film.audio,
        "method": film.method,
        "notes": list(film.notes),
        "joined_from": inputs,
    }
    return Artifact(path=folder.relative(target), sha256=sha256, bytes=size, properties=properties)
