"""Reads what metrics of clips measure: a clip, decoded once from end to end.

Memory does not grow with the length of a clip, but for one number a frame and two minutes of sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from runner.api import ClipSubject
from runner.errors import Incomplete, NotAVideo
from runner.media.measures.listening import RATE, Listener
from runner.media.measures.reduced import ReadOnly, locked, reduced
from runner.media.memory import is_large
from runner.media.probe import probe
from runner.media.source import SMALL, open_video, sound_track
from runner.media.survey import Pictures

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.media.source import Source

__all__ = ["clip"]

_MOST_FRAMES: Final = 240
_STILLS: Final = 5


def clip(path: Path) -> ClipSubject:
    """Decode a clip from end to end. Blocking. Raises `NotAVideo`, `Incomplete`, or `ExtractionRefused` for colours
    that cannot be determined."""
    with open_video(path) as source:
        context = source.track.codec_context
        large = is_large(context)
        if context.width * context.height <= SMALL or large:
            context.thread_count = 1
        kept = _Kept(source, probe(path).duration_s, 1 if large else _STILLS)
        track = sound_track(source.container)
        listener = Listener(source.start_s) if track is not None else None
        try:
            for packet in source.container.demux([source.track, *([track] if track is not None else [])]):
                if packet.stream is not source.track:
                    assert listener is not None
                    listener.decode(packet)
                    continue
                for frame in packet.decode():
                    assert isinstance(frame, av.VideoFrame)
                    source.decoded()
                    kept.take(frame)
        except av.FFmpegError as error:
            why = f"frame {kept.count + 1} does not decode: {error.strerror or error}"
            raise Incomplete(
                "this clip is damaged", where=str(path), why=why, hint="fetch it again"
            ) from error
        if not kept.count:
            raise NotAVideo("this is not a video", where=str(path), why="no frame can be decoded")
        return kept.subject(listener)


class _Kept:
    """What is kept of the frames of one clip as they come."""

    def __init__(self, source: Source, duration_s: float, most_stills: int) -> None:
        self._source = source
        self._reformatter = VideoReformatter()  # sets up its scaler once
        self._duration_s = duration_s
        self._most_stills = most_stills
        self._stills: list[av.VideoFrame] = []
        self._frames: list[NDArray[np.uint8]] = []
        self._each = 1
        self._changes: list[float] = []
        self._before: NDArray[np.uint8] | None = None
        self.count = 0

    def take(self, frame: av.VideoFrame) -> None:
        small = reduced(frame, self._source.sar, self._source.crop, self._reformatter)
        time_s = (frame.time or 0.0) - self._source.start_s
        due_s = len(self._stills) * self._duration_s / self._most_stills
        if len(self._stills) < self._most_stills and time_s >= due_s:
            self._stills.append(frame)
        if self.count % self._each == 0:
            self._frames.append(small)
            if len(self._frames) > _MOST_FRAMES:
                self._frames = self._frames[::2]
                self._each *= 2
        if self._before is not None:
            self._changes.append(_change(self._before, small))
        self._before = small
        self.count += 1

    def subject(self, listener: Listener | None) -> ClipSubject:
        """All that was kept. The source is still open."""
        sound = listener.sound(self._duration_s) if listener is not None else None
        return ClipSubject(
            frames=tuple(self._frames),
            stills=ReadOnly(Pictures(self._stills, self._source.sar, self._source.crop)),
            changes=locked(np.array(self._changes, np.float32)),
            fps=self.count / self._duration_s if self._duration_s else 0.0,
            duration_s=self._duration_s,
            sound=sound,
            sound_rate=RATE if sound is not None else 0,
        )


def _change(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    if before.shape != after.shape:
        return 255.0  # a clip that changes its size shows another picture
    return float(np.abs(np.subtract(before, after, dtype=np.int16)).mean(dtype=np.float64))
