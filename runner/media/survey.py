"""Reading a clip from end to end, once: every frame is decoded, and a few are kept to look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, overload

import av
from av.video.reformatter import VideoReformatter

from runner.errors import Incomplete, NotAVideo
from runner.media import overlap
from runner.media.colour import to_rgb
from runner.media.measures.reduced import reduced
from runner.media.memory import LARGE, is_large
from runner.media.source import SMALL, open_video
from runner.media.stillness import Stillness

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.media.cropping import Crop

_OPENING: Final = overlap.LOOKED_AT
_STATIONS: Final = 6
_EDGES: Final = (0.075, 0.15, 0.85, 0.925)
_OPENING_LARGE: Final = 3
_ENDING: Final = 8
_FULL_HD: Final = 1920 * 1200
"""Pixels."""
_STATIONS_LARGE: Final = 2


class Pictures(Sequence["NDArray[Any]"]):
    """Frames as uint8 RGB, (height, width, 3), upright. Each is converted when it is first looked at.

    A frame takes half the room of its image, and converting it longer than decoding it. Looking may raise
    `ExtractionRefused`, as `to_rgb` does.
    """

    def __init__(self, frames: Sequence[av.VideoFrame], sar: Fraction, crop: Crop) -> None:
        self._frames = tuple(frames)
        self._shape = sar, crop
        self._seen: dict[int, NDArray[Any]] = {}
        self._small: list[NDArray[Any]] = []

    @property
    def small(self) -> list[NDArray[Any]]:
        """All of them, the longer side at most 320 pixels: a twentieth of the work."""
        if not self._small:
            reformatter = VideoReformatter()  # sets up its scaler once
            self._small = [reduced(frame, *self._shape, reformatter) for frame in self._frames]
        return self._small

    @property
    def times(self) -> list[int | None]:
        """Their timestamps, in the time base of the stream."""
        return [frame.pts for frame in self._frames]

    @property
    def bytes(self) -> int:
        """What the frames take in memory, before any is looked at."""
        return sum(plane.buffer_size for frame in self._frames for plane in frame.planes)

    def part(self, at: slice) -> Pictures:
        """Some of them, none of them looked at yet."""
        return Pictures(self._frames[at], *self._shape)

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[Any]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        if at not in self._seen:
            if self._frames[at].width * self._frames[at].height > LARGE:
                self._seen.clear()  # one at a time is enough
            self._seen[at] = to_rgb(self._frames[at], *self._shape)
        return self._seen[at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a clip shows.

    `opening` holds the first frames, at most 14. `stations` are up to 7 frames spread evenly over the clip, with
    the first and the last. Of frames larger than 4K there are 3 in each. `frames` is how many there are.
    """

    frames: int
    opening: Pictures
    stations: Pictures
    ending: Pictures
    """The last frames, at most 8; of frames larger than 1200p the last one."""
    first: Pictures
    """Frames of the first 15 % of the clip, at most three."""
    last: Pictures
    """Frames of its last 15 %, as many."""
    black: float | None
    """The share of black frames; `None` where the pixel format does not tell."""
    frozen: float | None
    """The longest time that one frame stands, as a share of the clip; `None` as above, and of a single frame."""


def survey(path: Path, duration_s: float) -> Survey:
    """Decode the whole clip. `duration_s` is its length, to spread the stations. Memory does not grow with it.

    Raises `NotAVideo`, or `Incomplete` where a frame does not decode.
    """
    opening: list[av.VideoFrame] = []
    stations: list[av.VideoFrame] = []
    edges: list[av.VideoFrame] = []
    count, stillness = 0, Stillness()
    with open_video(path) as source:
        context = source.track.codec_context
        if context.width * context.height <= SMALL or is_large(context):
            context.thread_count = 1
        large = is_large(context)
        marks = () if large else _EDGES
        opened, stood = (_OPENING_LARGE, _STATIONS_LARGE) if large else (_OPENING, _STATIONS)
        ending = deque[av.VideoFrame](maxlen=_ENDING if context.width * context.height <= _FULL_HD else 1)
        try:
            for frame in source.container.decode(source.track):
                source.decoded()
                if frame.is_corrupt:
                    raise _damaged(path, f"frame {count + 1} decodes with errors")
                if count < opened:
                    opening.append(frame)
                place = (frame.time or 0.0) - source.start_s
                if len(stations) < stood and place >= len(stations) * duration_s / stood:
                    stations.append(frame)
                while len(edges) < len(marks) and place >= marks[len(edges)] * duration_s:
                    edges.append(frame)
                stillness.see(frame)
                count += 1
                ending.append(frame)
        except av.FFmpegError as error:
            raise _damaged(path, f"frame {count + 1} does not decode: {error.strerror or error}") from error
        if not ending:
            raise NotAVideo("this is not a video", where=str(path), why="no frame can be decoded")
        last = ending[-1]
        stations.append(last)
        edges += [last] * (len(marks) - len(edges))
        half = len(marks) // 2
        first, final = [stations[0], *edges[:half]], [*edges[half:], last]
        shape = source.sar, source.crop
    return Survey(
        frames=count,
        opening=Pictures(opening, *shape),
        ending=Pictures(list(ending), *shape),
        stations=Pictures(stations, *shape),
        first=Pictures(first, *shape),
        last=Pictures(final, *shape),
        black=stillness.black,
        frozen=stillness.frozen,
    )


def _damaged(path: Path, why: str) -> Incomplete:
    return Incomplete("this clip is damaged", where=str(path), why=why, hint="fetch it again")
