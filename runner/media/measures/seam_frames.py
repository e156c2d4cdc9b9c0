"""Reads what metrics of seams measure: the frames and the sound on both sides of one.

Of the earlier clip only what comes after the last key frames is decoded, where that leads to exactly the frames that
are wanted. Of a clip that was decoded just before, its `Ends` serve.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import av
from av.video.reformatter import VideoReformatter

from runner.api import SeamSubject
from runner.errors import Incomplete
from runner.media import overlap, picture
from runner.media.frames import STATELESS
from runner.media.measures.listening import RATE, Listener
from runner.media.measures.reduced import ReadOnly, locked, reduced
from runner.media.memory import is_large
from runner.media.source import open_video, sound_track
from runner.media.survey import Pictures
from runner.media.tail import Start, packets_from, shown_times, time_base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from runner.media.source import Source
    from runner.media.survey import Survey

__all__ = ["Ends", "seam"]

_AROUND: Final = 5
"""Frames at full size on each side of a seam."""
_AROUND_LARGE: Final = 2
_BEFORE: Final = 8
"""Reduced frames before a seam; after it as many as `overlap.find` looks at."""
_SOUND_S: Final = 0.5
_EARLIER_S: Final = 0.5
"""So much before the first frame that is wanted reading begins: the index of a clip goes by the order of decoding."""
_APART_S: Final = 1.5
"""Sound that comes so much later in the file than its picture is not waited for."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a seam."""

    frames: Sequence[NDArray[np.uint8]]
    reduced: tuple[NDArray[np.uint8], ...]
    fps: float
    sound: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Ends:
    """The frames at both ends of a clip."""

    opening: tuple[NDArray[np.uint8], ...]
    """Reduced."""
    first: Pictures
    ending: tuple[NDArray[np.uint8], ...]
    """Reduced."""
    last: Pictures
    times: tuple[int | None, ...]
    """Of the frames of `ending`."""

    @classmethod
    def of(cls, seen: Survey) -> Ends | None:
        """Those of a clip that was decoded; `None` where that kept too few."""
        if len(seen.ending) < min(_BEFORE, seen.frames):
            return None
        return cls(
            opening=tuple(map(locked, seen.opening.small)),
            first=seen.opening.part(slice(_AROUND)),
            ending=tuple(map(locked, seen.ending.small)),
            last=seen.ending.part(slice(-_AROUND, None)),
            times=tuple(seen.ending.times),
        )

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.first.bytes + self.last.bytes + sum(one.nbytes for one in (*self.opening, *self.ending))


def seam(
    before: Path,
    after: Path,
    handed_over: Path,
    *,
    trim: int = 0,
    of_before: Ends | None = None,
    of_after: Ends | None = None,
) -> SeamSubject:
    """Read both sides of a seam; `trim` frames of the earlier clip come after the one that was handed over. Blocking.

    `of_before` and `of_after` are what was kept of the two clips, where there is anything: they are not decoded again.
    Raises `MediaError`, or `OSError` where the image cannot be read.
    """
    given = picture.decode(picture.read(handed_over.read_bytes(), name=handed_over.name))
    ending, opening = _ending(before, trim, of_before), _opening(after, of_after)
    both = ending.sound is not None and opening.sound is not None
    return SeamSubject(
        handed_over=locked(given),
        before=ending.frames,
        after=opening.frames,
        before_fps=ending.fps,
        after_fps=opening.fps,
        reduced_before=ending.reduced,
        reduced_after=opening.reduced,
        sound_before=ending.sound if both else None,
        sound_after=opening.sound if both else None,
        sound_rate=RATE if both else 0,
    )


class _Kept:
    """The frames of one side as they come: all of them reduced, the last or the first ones at full size."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reformatter = VideoReformatter()
        self._most = _AROUND_LARGE if is_large(source.track.codec_context) else _AROUND
        self._last = deque[av.VideoFrame](maxlen=self._most)
        self._first: list[av.VideoFrame] = []
        self.reduced: list[NDArray[np.uint8]] = []

    def take(self, frame: av.VideoFrame) -> None:
        self._source.decoded()
        self.reduced.append(reduced(frame, self._source.sar, self._source.crop, self._reformatter))
        self._last.append(frame)
        if len(self._first) < self._most:
            self._first.append(frame)

    def side(self, *, last: bool, sound: NDArray[np.float32] | None) -> _Side:
        source = self._source
        frames = Pictures(list(self._last) if last else self._first, source.sar, source.crop)
        return _Side(ReadOnly(frames), tuple(self.reduced), _rate(source), sound)


def _ending(path: Path, trim: int, known: Ends | None) -> _Side:
    """The frames up to the handed-over one, and the sound up to its end."""
    with open_video(path) as source:
        times = shown_times(source)
        wanted = times[: len(times) - trim][-_BEFORE:]
        step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
        end_s = float((wanted[-1] + step) * time_base(source.track))
        if known is not None and known.times == tuple(wanted):
            frames, small = ReadOnly(known.last.part(slice(None))), known.ending
            return _Side(frames, small, _rate(source), _heard_before(source, end_s))
        kept = _taken(source, wanted, _near(source, wanted))
        sound = _heard_before(source, end_s)
        if kept is not None:
            return kept.side(last=True, sound=sound)
    with open_video(path) as source:
        kept = _taken(source, wanted, source.container.decode(source.track))
        if kept is None:
            raise Incomplete(
                "this clip is damaged", why="a frame near its end does not decode", hint="fetch it again"
            )
        return kept.side(last=True, sound=sound)


def _rate(source: Source) -> float:
    return float(source.track.average_rate or source.track.guessed_rate or 0)


def _near(source: Source, wanted: Sequence[int]) -> Iterator[av.VideoFrame]:
    """The frames from a key frame before the wanted ones on."""
    context = source.track.codec_context
    if context.codec.canonical_name not in STATELESS:
        return
    start = Start(source.end_s - float(wanted[0] * time_base(source.track)) + _EARLIER_S)
    for packet in itertools.chain(packets_from(source, start), [None]):
        yield from context.decode(packet)


def _taken(source: Source, wanted: Sequence[int], frames: Iterable[av.VideoFrame]) -> _Kept | None:
    """The frames with exactly these timestamps, none of them damaged; `None` where they do not come out."""
    kept, left = _Kept(source), list(wanted)
    try:
        for frame in frames:
            if frame.pts != left[0]:
                source.decoded()
                continue
            if frame.is_corrupt:
                return None
            kept.take(frame)
            del left[0]
            if not left:
                return kept
    except av.FFmpegError:
        pass
    return None


def _heard_before(source: Source, end_s: float) -> NDArray[np.float32] | None:
    track = sound_track(source.container)
    if track is None or not track.time_base:
        return None
    listener = Listener(end_s - _SOUND_S)
    try:
        start = int((end_s - _SOUND_S - _EARLIER_S) / track.time_base)
        source.container.seek(start, stream=track, backward=True)
        for packet in source.container.demux(track):
            if _time_s(packet) > end_s:
                break
            listener.decode(packet)
    except av.FFmpegError:
        return None
    return listener.sound(_SOUND_S)


def _opening(path: Path, known: Ends | None) -> _Side:
    """The first frames, and the sound from the start of the picture."""
    with open_video(path) as source:
        kept, track = _Kept(source), sound_track(source.container)
        listener = Listener(source.start_s) if track is not None else None
        wanted = overlap.LOOKED_AT if known is None else 0
        if wanted or listener is not None:
            for packet in source.container.demux([source.track, *([track] if track is not None else [])]):
                seen = len(kept.reduced) >= wanted
                if packet.stream is source.track:
                    for frame in packet.decode() if not seen else ():
                        assert isinstance(frame, av.VideoFrame)
                        if len(kept.reduced) < wanted:
                            kept.take(frame)
                elif listener is not None and listener.heard_s < _SOUND_S:
                    listener.decode(packet)
                heard = listener is None or listener.heard_s >= _SOUND_S
                if seen and (heard or _time_s(packet) - source.start_s > _APART_S):
                    break
        sound = listener.sound(_SOUND_S) if listener is not None else None
        if known is not None:
            return _Side(ReadOnly(known.first.part(slice(None))), known.opening, _rate(source), sound)
        return kept.side(last=False, sound=sound)


def _time_s(packet: av.Packet[Any]) -> float:
    """When the content of a packet begins, on the container's clock; 0 where it does not say."""
    return 0.0 if packet.pts is None or packet.time_base is None else float(packet.pts * packet.time_base)
