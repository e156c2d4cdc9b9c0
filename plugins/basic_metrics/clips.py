"""Metrics of whole clips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from runner import media

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from runner.api import ClipSubject

_LOOKED_AT: Final = 24
"""Frames, spread over the clip, whose colours are measured."""
_EQUAL: Final = 0.05
"""Levels: a codec that repeats a frame changes less, on average over all pixels."""
_BLACK: Final = 24
"""Levels that 99 of 100 pixels of a black frame are below: black, and what a codec adds to it."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


def sharpness(subject: ClipSubject) -> float:
    return float(np.mean([media.image_sharpness(still) for still in subject.stills]))


def noise(subject: ClipSubject) -> float:
    return float(np.mean([media.image_noise(still) for still in subject.stills]))


def saturation(subject: ClipSubject) -> float:
    def chroma(frame: NDArray[np.uint8]) -> float:
        lab = media.to_lab(frame[::2, ::2])
        return float(np.hypot(lab[..., 1], lab[..., 2]).mean())

    return _mean(subject, chroma)


def contrast(subject: ClipSubject) -> float:
    return _mean(subject, lambda frame: float((frame @ _LUMA).std(dtype=np.float64)))


def stillness(subject: ClipSubject) -> float | None:
    return float((subject.changes < _EQUAL).mean()) if subject.changes.size else None


def black(subject: ClipSubject) -> float:
    dark = [float(np.percentile(frame[::2, ::2] @ _LUMA, 99)) < _BLACK for frame in subject.frames]
    return sum(dark) / len(dark)


def loudness(subject: ClipSubject) -> float | None:
    return None if subject.sound is None else media.loudness_lufs(subject.sound)


def _mean(subject: ClipSubject, of: Callable[[NDArray[np.uint8]], float]) -> float:
    frames = subject.frames[:: max(1, len(subject.frames) // _LOOKED_AT)]
    return float(np.mean([of(frame) for frame in frames]))
