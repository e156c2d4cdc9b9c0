"""Matching the colours of an image to those of another one, by a transform that is written down as six numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageFilter

from runner.media.lab import Colour, from_lab, to_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    import av
    from numpy.typing import NDArray

    from runner.media.look import Look

VERSION: Final = 1
"""Of the transform: another one gives other pixels for the same numbers."""
_GRID: Final = 33
_GAIN: Final = (0.5, 2.0)
_FLAT: Final = 0.5
"""A deviation below which there is nothing to stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """In CIELAB, each channel becomes `gain * value + offset`. Rounded: equal numbers give equal pixels."""

    gain: Colour
    offset: Colour


def match(source: Look, anchor: Look, strength: float) -> Transform:
    """The transform that brings mean and deviation of `source` towards those of `anchor`: all the way at strength 1.

    E. Reinhard et al.: Color transfer between images (2001). Contrast is at most halved or doubled.
    """
    gains, offsets = [], []
    for of in range(3):
        deviation, wanted = source.deviation[of], anchor.deviation[of]
        ratio = 1.0 if min(deviation, wanted) < _FLAT else float(np.clip(wanted / deviation, *_GAIN))
        gain = round(1 + strength * (ratio - 1), 6)
        mean = source.lab[of] + strength * (anchor.lab[of] - source.lab[of])
        gains.append(gain)
        offsets.append(round(mean - gain * source.lab[of], 6))
    return Transform(gain=(gains[0], gains[1], gains[2]), offset=(offsets[0], offsets[1], offsets[2]))


def apply(rgb: NDArray[Any], transform: Transform) -> NDArray[np.uint8]:
    """Transform an image of shape (height, width, 3), uint8.

    By a table of 33 colours a channel between which integers are interpolated: the same pixels on every machine.
    """
    return np.asarray(Image.fromarray(rgb).filter(_table(transform)))


def picture_filter(transform: Transform) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """What transforms the pictures of a clip, each into one of the same size, format, tags and time."""
    return lambda frame: _filtered(frame, transform)


def _filtered(frame: av.VideoFrame, transform: Transform) -> av.VideoFrame:
    from runner.media.colour import from_rgb, to_rgb

    return from_rgb(apply(to_rgb(frame), transform), frame)


@lru_cache(maxsize=16)
def _table(transform: Transform) -> ImageFilter.Color3DLUT:
    levels = np.linspace(0, 255, _GRID)
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")  # red changes fastest
    lab = to_lab(np.stack([red, green, blue], axis=-1))
    moved = from_lab(lab * np.array(transform.gain) + np.array(transform.offset))
    # To the precision that Pillow keeps, so that the last digit of a library's cube root is not seen.
    values = np.round(moved / 255, 5).astype(np.float32)
    return ImageFilter.Color3DLUT(_GRID, [float(one) for one in values.ravel()])
