"""Which frame of a clip the next shot starts from, by rules that look at the frames; the same for every extractor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from PIL import Image

from runner.api import HandOver, HandOverRule
from runner.media.frames import frames_at
from runner.media.source import open_video
from runner.media.tail import index_from_end, shown_times, time_base

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_FADE_FRAMES: Final = 96
"""How far from the end a fade-out may begin."""
_FADED: Final = 0.5
"""A frame with less of the contrast than this is in a fade, or after it."""
_RISING: Final = 1.005
"""Contrast grows by more from one frame to the one before it while a clip fades out."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Candidate(NamedTuple):
    """A frame that was looked at, by how many frames come after it, with its score by the rule."""

    offset: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The frame that is handed over."""

    offset: int
    """How many frames come after it."""
    frame: int
    """Its number in the clip, from 0."""
    time_s: float
    """Its presentation time in seconds."""
    candidates: tuple[Candidate, ...] = ()
    """The frames that were compared, in the order of the clip: their sharpness, or their contrast."""

    @property
    def policy(self) -> HandOver:
        """What an extractor is asked for."""
        return HandOver(HandOverRule.OFFSET, self.offset) if self.offset else HandOver.LAST


def choose(path: Path, policy: HandOver) -> Choice:
    """Apply a rule to a clip. Blocking; rules that look at frames decode the clip once.

    Raises `MediaError`: `ExtractionRefused` where the frames cannot be told apart, or the clip is too short.
    """
    with open_video(path) as source:
        times = shown_times(source)
        base, start_s = time_base(source.track), source.start_s
    candidates: tuple[Candidate, ...] = ()
    if policy.rule is HandOverRule.SHARPEST_OF_LAST:
        candidates = _scored(path, times[-policy.frames :], sharpness)
        offset = max(candidates, key=lambda one: (one.score, -one.offset)).offset
    elif policy.rule is HandOverRule.BEFORE_FADE:
        candidates = _scored(path, times[-_FADE_FRAMES:], contrast)
        offset = candidates[before_fade([one.score for one in candidates])].offset
    else:
        offset = policy.frames
    at = index_from_end(path, times, offset)
    return Choice(
        offset=offset,
        frame=at,
        time_s=round(float(times[at] * base) - start_s, 6),
        candidates=candidates,
    )


def before_fade(contrasts: Sequence[float]) -> int:
    """The index of the last frame before a fade-out, of the last one where there is none."""
    last = len(contrasts) - 1
    full = max(contrasts) * _FADED
    if contrasts[last] >= full:
        return last
    at = max(index for index, one in enumerate(contrasts) if one >= full)
    while at > 0 and contrasts[at - 1] > contrasts[at] * _RISING:
        at -= 1
    return at


def sharpness(rgb: NDArray[Any]) -> float:
    """The mean square of the Laplacian of luma, in square levels: more where edges are sharper."""
    luma = rgb.astype(np.float32) @ _LUMA
    if min(luma.shape) < 3:
        return 0.0
    inner = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return round(float(np.square(around - 4 * inner).mean(dtype=np.float64)), 3)


def contrast(rgb: NDArray[Any]) -> float:
    """The standard deviation of luma, of the image reduced to 160 columns, in levels."""
    height, width = rgb.shape[:2]
    size = (min(160, width), max(1, round(height * min(160, width) / width)))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX), np.float32)
    return round(float((small @ _LUMA).std(dtype=np.float64)), 3)


def _scored(path: Path, times: Sequence[int], score: Any) -> tuple[Candidate, ...]:
    frames = enumerate(frames_at(path, times), start=1)
    return tuple(Candidate(len(times) - number, score(frame.rgb)) for number, frame in frames)
