"""Where two clips of a film meet: what the second one repeats of the first, and which frames are left out for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.media import frames, overlap, picture
from runner.media.colour import to_rgb
from runner.media.source import open_video

if TYPE_CHECKING:
    from pathlib import Path

    import av
    import numpy as np
    from numpy.typing import NDArray

    from runner.api import JSON

MEASURE: Final = 1
"""Of the way overlaps are found. A film that was made by another one is made again."""
_BEFORE: Final = 4
"""Frames of the earlier clip that show its pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeamCut:
    """A chained seam. `overlap` frames of the later clip show what was shown before; all of them are left out.

    A single one is left out as the last frame of the earlier clip, which costs fewer frames to encode again.
    """

    overlap: int = 0
    jump_before: float = 0.0
    jump_after: float = 0.0

    @property
    def drop_last(self) -> bool:
        """Whether the earlier clip is shown without its last frame."""
        return self.overlap == 1

    @property
    def start(self) -> int:
        """The first frame of the later clip that is shown."""
        return 0 if self.drop_last else self.overlap

    def to_json(self, into: str) -> dict[str, JSON]:
        """What the manifest says of it; `into` is the later shot."""
        return {
            "into": into,
            "overlap": self.overlap,
            "trimmed": self.overlap,
            "trimmed_from": "" if not self.overlap else "earlier" if self.drop_last else "later",
            "jump_before": self.jump_before,
            "jump_after": self.jump_after,
        }


def measure(before: Path, after: Path, handed_over: Path | None, *, trim: int = 0) -> SeamCut:
    """Compare two clips; `handed_over` is the image between them, where its file is there. Blocking.

    `trim` frames of the earlier clip come after the one that was handed over. Raises `MediaError`, or `OSError`.
    """
    if handed_over is not None:
        given = picture.decode(picture.read(handed_over.read_bytes(), name=handed_over.name))
    elif trim:
        *_, given = _frames_before(before, trim - 1)
    else:
        given = frames.last_frame(before).rgb
    opening = [frame.rgb for frame in frames.first_frames(after, overlap.LOOKED_AT)]
    found = overlap.find(given, opening)
    if found.slow_start:
        found = overlap.find(given, opening, _frames_before(before, trim))
    return SeamCut(overlap=found.frames, jump_before=found.jump_before, jump_after=found.jump_after)


def _frames_before(clip: Path, after: int) -> list[NDArray[np.uint8]]:
    """The last frames of a clip before one that `after` frames follow."""
    with open_video(clip) as source:
        last: deque[av.VideoFrame] = deque(maxlen=_BEFORE + 1 + after)
        for frame in source.container.decode(source.track):
            source.decoded()
            last.append(frame)
        return [to_rgb(frame, source.sar, source.crop) for frame in list(last)[: -1 - after]]
