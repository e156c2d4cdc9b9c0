"""Reads a film back before it gets its name: every frame in its place, sound as long, splices that decode."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from runner.errors import JoinError, MediaError
from runner.media.source import open_video

from .pieces import Copied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

    from runner.media.source import Source

    from .pieces import Plan

_AUDIO_SLACK_S: Final = Fraction(1, 1000)
_AROUND: Final = 48  # frames before and after a splice that are worth decoding again


def check(plan: Plan, path: Path) -> None:
    """Raise `JoinError` unless the file at `path` is the planned film."""
    try:
        with open_video(path) as source:
            film, stream = source.container, source.track
            keys = _check_times(plan, film, stream)
            _check_sound(plan, film)
            if plan.base is not None:
                for first, last in _spans(plan, keys):
                    if first not in keys:
                        raise _wrong(f"frame {first} does not stand alone")
                    _check_pictures(plan, source, first, last)
    except JoinError:
        raise
    except MediaError as error:
        raise _wrong(f"the joined file cannot be decoded: {error.why}") from error


def _wrong(why: str) -> JoinError:
    return JoinError("A joined film is not what it should be", why=why)


def _check_times(plan: Plan, film: InputContainer, stream: VideoStream) -> set[int]:
    """Check that each frame is there once and in its place. Returns the numbers of the key frames."""
    tick = 1 / (plan.look.fps * Fraction(stream.time_base or 1))
    shown: list[int] = []
    keys: set[int] = set()
    last_dts: int | None = None
    for packet in film.demux(stream):
        if not packet.size or packet.pts is None or packet.dts is None:
            continue
        if packet.dts > packet.pts or (last_dts is not None and packet.dts <= last_dts):
            raise _wrong("its packets are not in order")
        last_dts = packet.dts
        shown.append(packet.pts)
        if packet.is_keyframe:
            keys.add(round(packet.pts / tick))
    if len(shown) != plan.frames:
        raise _wrong(f"it has {len(shown)} frames instead of {plan.frames}")
    if any(pts != number * tick for number, pts in enumerate(sorted(shown))):
        raise _wrong("its frames are not evenly spaced")
    return keys


def _check_sound(plan: Plan, film: InputContainer) -> None:
    tracks = film.streams.audio
    if len(tracks) != int(plan.has_audio):
        raise _wrong("its sound is missing" if plan.has_audio else "it has sound that no clip has")
    for track in tracks:
        pictures_s = plan.frames / plan.look.fps
        length_s = Fraction(track.duration or 0) * Fraction(track.time_base or 1)
        if track.start_time or abs(length_s - pictures_s) > _AUDIO_SLACK_S:
            raise _wrong(f"its sound lasts {float(length_s):.4f} s, its images {float(pictures_s):.4f} s")


def _spans(plan: Plan, keys: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The first and last frames to decode at each splice: from a key frame on, if there is one near."""
    first = 0
    for piece in plan.pieces:
        last = first + piece.frames
        if not isinstance(piece, Copied):
            start = max((key for key in keys if first - _AROUND <= key < first), default=first)
            yield start, min(plan.frames, last + 2, start + 2 * _AROUND)
        first = last


def _check_pictures(plan: Plan, source: Source, first: int, last: int) -> None:
    """Decode the frames from the key frame `first` up to, not including, `last`."""
    film, stream = source.container, source.track
    time_base = Fraction(stream.time_base or 1)
    tick = 1 / (plan.look.fps * time_base)
    film.seek(round(first * tick), stream=stream)
    expected = first
    for frame in film.decode(stream):
        source.decoded()
        if frame.pts is None or frame.pts < first * tick:
            continue
        if frame.is_corrupt or frame.pts != expected * tick:
            raise _wrong(f"frame {expected} does not decode")
        expected += 1
        if expected == last:
            return
    raise _wrong(f"frame {expected} does not decode")
