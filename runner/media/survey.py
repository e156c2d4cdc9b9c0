"""Reading a clip from end to end, once: every frame is decoded, and a few are kept to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import av

from runner.errors import Incomplete, NotAVideo
from runner.media.colour import to_rgb
from runner.media.source import open_video

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_OPENING: Final = 12
_STATIONS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a clip shows. Pictures are uint8 RGB, (height, width, 3), upright.

    `opening` holds the first frames, at most 12. `stations` are up to 7 frames spread evenly over the clip, with
    the first and the last. `frames` is how many there are.
    """

    frames: int
    opening: list[NDArray[Any]]
    stations: list[NDArray[Any]]


def survey(path: Path, duration_s: float) -> Survey:
    """Decode the whole clip. `duration_s` is its length, to spread the stations. Memory does not grow with it.

    Raises `NotAVideo`, or `Incomplete` where a frame does not decode.
    """
    opening: list[NDArray[Any]] = []
    stations: list[NDArray[Any]] = []
    count = 0
    last: av.VideoFrame | None = None
    with open_video(path) as source:
        try:
            for frame in source.container.decode(source.track):
                if frame.is_corrupt:
                    raise _damaged(path, f"frame {count + 1} decodes with errors")
                place = (frame.time or 0.0) - source.start_s
                wanted = len(stations) < _STATIONS and place >= len(stations) * duration_s / _STATIONS
                if len(opening) < _OPENING or wanted:
                    rgb = to_rgb(frame)
                    if len(opening) < _OPENING:
                        opening.append(rgb)
                    if wanted:
                        stations.append(rgb)
                count += 1
                last = frame
        except av.FFmpegError as error:
            raise _damaged(path, f"frame {count + 1} does not decode: {error.strerror or error}") from error
        if last is None:
            raise NotAVideo("this is not a video", where=str(path), why="no frame can be decoded")
        stations.append(to_rgb(last))
    return Survey(frames=count, opening=opening, stations=stations)


def _damaged(path: Path, why: str) -> Incomplete:
    return Incomplete("this clip is damaged", where=str(path), why=why, hint="fetch it again")
