"""Joins the clips of a sequence into one film, without encoding again what need not be.

Packets are copied wherever they can be. Where a repeated frame is needed to decode frames before it, only
those are encoded again, under parameter sets of their own beside the copied ones. Sound is always decoded,
put together sample by sample, and encoded once. Memory does not grow with the length of the film.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import av

from runner.errors import JoinError, MediaError, NotAudio

from .check import check
from .clip import look
from .end_card import Card, card_span
from .pieces import Part, PictureFilter, Plan, Span
from .plan import film_look, is_film, make_plan, spans
from .resampled import Samples
from .soundtrack import Sound, Track
from .write import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from runner.memo import Memo

__all__ = ["Card", "Film", "Part", "PictureFilter", "Placed", "Samples", "Sound", "Track", "join"]

_WRITTEN: Final = 0.97  # what is left of the progress is for reading the film back


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a part is in the film. All numbers are frames, those of the clip in its own rate."""

    number: int
    """Which part it is, from 0; -1 is the end card."""
    start: int
    """The first frame of the clip that is shown."""
    end: int
    """The frame of the clip after the last one that is shown."""
    frames: int
    """How many frames of the film show it."""
    fade: int
    """How many of them, the first ones, show the part before as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What was joined. `fps` is exact: "24" or "24000/1001".

    `method` is "copy", "copy, N frames re-encoded" or "re-encoded"; `notes` say in words why anything was. Parts of
    which the film shows nothing are not in `parts`.
    """

    frames: int
    duration_s: float
    fps: str
    width: int
    height: int
    method: str
    reencoded_frames: int
    audio: bool
    notes: tuple[str, ...] = ()
    parts: tuple[Placed, ...] = ()


def join(
    parts: Sequence[Part],
    target: Path,
    *,
    sound: Sound | None = None,
    card: Card | None = None,
    sounds: Memo[Samples] | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Film:
    """Join `parts` into an mp4 at `target`, which appears there whole or not at all.

    `sound` is what is heard, by default the clips; `card` is a still that the film ends with. `sounds` keeps decoded
    sound for the next film with the same clips. `progress` is called with 0 to 1. `cancelled` is asked all along; once
    it states yes the join is given up.
    Raises `MediaError`: `JoinError`, or what is wrong with a clip.
    """
    if not parts:
        raise JoinError("A film has no clips", where=str(target))
    report = _Report(progress, cancelled)
    sound = sound or Sound()
    looked = {path: look(path) for path in dict.fromkeys(part.path for part in parts)}
    shots = spans(parts, [looked[part.path] for part in parts])
    try:
        with contextlib.ExitStack() as open_card:
            if card is not None:
                shots = (*shots, open_card.enter_context(card_span(card, film_look(shots), target.parent)))
            if _is_copy(shots, sound):
                plan = _copy_file(shots, sound, target, report)
            else:
                plan = _join(shots, sound, target, report, sounds)
    except _CancelledError:
        raise JoinError(
            "the joining of the film was cancelled", where=str(target), why="it was cancelled"
        ) from None
    except (av.FFmpegError, OSError) as error:
        raise JoinError(
            "A film cannot be written",
            where=str(target),
            why=str(error),
            hint="check the disk, then run again",
        ) from error
    report.finished()
    return _film(plan)


class _CancelledError(Exception):
    """Someone asked to stop."""


class _Report:
    """Passes progress on, and raises `_CancelledError` when asked to stop."""

    def __init__(
        self, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled

    def written(self, share: float) -> None:
        if self._cancelled and self._cancelled():
            raise _CancelledError
        if self._progress:
            self._progress(_WRITTEN * share)

    def finished(self) -> None:
        if self._progress:
            self._progress(1.0)


def _is_copy(shots: Sequence[Span], sound: Sound) -> bool:
    """Whether the film is the file of its only clip."""
    first = shots[0]
    whole = (first.start, first.end) == (0, first.clip.frames) and first.picture is None
    heard = sound.is_plain or (first.clip.sound_s is None and not sound.tracks)
    return len(shots) == 1 and whole and heard and is_film(first.clip)


def _copy_file(shots: Sequence[Span], sound: Sound, target: Path, report: _Report) -> Plan:
    with _whole(target) as draft:
        shutil.copyfile(shots[0].clip.path, draft)
    report.written(1.0)
    return make_plan(shots, sound)


def _join(
    shots: Sequence[Span], sound: Sound, target: Path, report: _Report, sounds: Memo[Samples] | None
) -> Plan:
    plan = make_plan(shots, sound)
    try:
        _produce(plan, target, report, sounds)
    except NotAudio:
        raise
    except (MediaError, av.FFmpegError) as error:
        if plan.base is None or isinstance(error, OSError):
            raise
        why = error.line if isinstance(error, MediaError) else str(error)
        note = f"everything was encoded again, since packets could not be copied ({why})"
        plan = replace(make_plan(shots, sound, copying=False), notes=(note,))
        _produce(plan, target, report, sounds)
    return plan


def _produce(plan: Plan, target: Path, report: _Report, sounds: Memo[Samples] | None) -> None:
    with _whole(target) as draft:
        write(plan, draft, lambda frames: report.written(frames / plan.frames), sounds)
        check(plan, draft)


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A name beside the target to write to. It becomes the target when all of it is on disk, or vanishes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield draft
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such thing as syncing a folder
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _film(plan: Plan) -> Film:
    encoded = plan.encoded_frames
    method = "re-encoded"
    if plan.base is not None:
        frames = "1 frame" if encoded == 1 else f"{encoded} frames"
        method = f"copy, {frames} re-encoded" if encoded else "copy"
    return Film(
        frames=plan.frames,
        duration_s=float(plan.frames / plan.look.fps),
        fps=str(plan.look.fps),
        width=plan.look.width,
        height=plan.look.height,
        method=method,
        reencoded_frames=encoded,
        audio=plan.has_audio,
        notes=plan.notes,
        parts=tuple(
            Placed(
                number=share.span.number,
                start=share.span.start,
                end=share.span.end,
                frames=share.frames,
                fade=share.fade,
            )
            for share in plan.shares
        ),
    )
