"""What a clip looks like as a whole, in a few numbers that can be compared along a chain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from runner.media.hand_over import sharpness
from runner.media.lab import Colour, to_lab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_COLUMNS: Final = 160
"""Of the reduced image whose colours are measured."""
_EVERY: Final = 3
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Means over the frames that were looked at."""

    lab: Colour
    """The mean colour, in CIELAB."""
    deviation: Colour
    """The standard deviation of L*, a* and b* within a frame."""
    saturation: float
    """The mean chroma, in CIELAB."""
    sharpness: float
    """The mean square of the Laplacian of luma, in square levels."""
    noise: float
    """The standard deviation of noise in luma, in levels."""


def look(frames: Sequence[NDArray[Any]], small: Sequence[NDArray[Any]] = ()) -> Look:
    """Measure RGB frames of one clip, at least one, or a still image.

    `small` are the same frames reduced, which is enough for their colours. Raises `ValueError` without frames.
    """
    if not frames:
        raise ValueError("without frames there is nothing to look at")
    colours = np.mean([_colours(frame) for frame in small or frames], axis=0)
    # What needs all pixels is measured on a few of the frames.
    details = np.mean([(sharpness(frame), noise(frame)) for frame in frames[::_EVERY]], axis=0)
    l, a, b, of_l, of_a, of_b, chroma = (round(float(one), 4) for one in colours)  # noqa: E741
    return Look(
        lab=(l, a, b),
        deviation=(of_l, of_a, of_b),
        saturation=chroma,
        sharpness=round(float(details[0]), 4),
        noise=round(float(details[1]), 4),
    )


def mean_colour(frames: Sequence[NDArray[Any]]) -> Colour:
    """The mean colour of RGB frames, in CIELAB."""
    means = np.mean([to_lab(_reduced(frame)).reshape(-1, 3).mean(axis=0) for frame in frames], axis=0)
    return float(means[0]), float(means[1]), float(means[2])


def noise(rgb: NDArray[Any]) -> float:
    """The standard deviation of noise in luma, in levels.

    J. Immerkaer: Fast noise variance estimation (1996): a mask that neither edges nor slopes answer to.
    """
    luma = rgb.astype(np.float32) @ _LUMA
    if min(luma.shape) < 3:
        return 0.0
    across = luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:]
    answer = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.abs(answer).mean(dtype=np.float64)) * math.sqrt(math.pi / 2) / 6


def _colours(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """Means, deviations, and the mean chroma."""
    lab = to_lab(_reduced(rgb)).reshape(-1, 3)
    chroma = np.hypot(lab[:, 1], lab[:, 2]).mean()
    return np.concatenate([lab.mean(axis=0), lab.std(axis=0), [chroma]])


def _reduced(rgb: NDArray[Any]) -> NDArray[Any]:
    height, width = rgb.shape[:2]
    if width <= _COLUMNS:
        return rgb
    size = (_COLUMNS, max(1, round(height * _COLUMNS / width)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))
