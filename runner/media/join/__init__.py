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

from runner.errors import JoinError, MediaError

from .check import check
from .clip import Clip, look
from .plan import Plan, is_film, make_plan
from .write import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Film", "Part", "join"]

_WRITTEN: Final = 0.97  # what is left of the progress is for reading the film back


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A clip of a film. `drop_last` leaves out its last frame, which the next part begins with."""

    path: Path
    drop_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What was joined. `fps` is exact: "24" or "24000/1001".

    `method` is "copy", "copy, N frames re-encoded" or "re-encoded"; `notes` say in words why anything was.
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


def join(
    parts: Sequence[Part],
    target: Path,
    *,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Film:
    """Join `parts` into an mp4 at `target`, which appears there whole or not at all.

    `progress` is called with 0 to 1. `cancelled` is asked all along; once it states yes the join is given up.
    Raises `MediaError`: `JoinError`, or what is wrong with a clip.
    """
    if not parts:
        raise JoinError("A film has no clips", where=str(target))
    report = _Report(progress, cancelled)
    clips = [look(part.path) for part in parts]
    drops = [part.drop_last for part in parts]
    try:
        if len(clips) == 1 and not drops[0] and is_film(clips[0]):
            plan = _copy_file(clips[0], target)
        else:
            plan = _join(clips, drops, target, report)
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


def _copy_file(clip: Clip, target: Path) -> Plan:
    with _whole(target) as draft:
        shutil.copyfile(clip.path, draft)
    return make_plan([clip], [False])


def _join(clips: Sequence[Clip], drops: Sequence[bool], target: Path, report: _Report) -> Plan:
    plan = make_plan(clips, drops)
    try:
        _produce(plan, target, report)
    except (MediaError, av.FFmpegError) as error:
        if plan.base is None or isinstance(error, OSError):
            raise
        why = error.line if isinstance(error, MediaError) else str(error)
        note = f"everything was encoded again, since packets could not be copied ({why})"
        plan = replace(make_plan(clips, drops, copying=False), notes=(note,))
        _produce(plan, target, report)
    return plan


def _produce(plan: Plan, target: Path, report: _Report) -> None:
    with _whole(target) as draft:
        write(plan, draft, lambda frames: report.written(frames / plan.frames))
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
    )
