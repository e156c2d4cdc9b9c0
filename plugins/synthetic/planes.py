"""Images as a video stores them: luma, and chroma at half the size; BT.709, limited range."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane: TypeAlias = NDArray[np.uint8]

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722  # the luma of BT.709
MATRIX: Final = np.array(
    (
        np.array((_RED, _GREEN, _BLUE)) * 219,
        np.array((-_RED, -_GREEN, 1 - _BLUE)) * 112 / (1 - _BLUE),
        np.array((1 - _RED, -_GREEN, -_BLUE)) * 112 / (1 - _RED),
    ),
    np.float32,
)
"""From RGB, 0 to 1, to the video levels above `OFFSET`, which is black."""
OFFSET: Final = np.array((16, 128, 128), np.float32)


class Planes(NamedTuple):
    """Luma `y` of shape (height, width), chroma `u` and `v` of half that; all uint8 and C-contiguous."""

    y: Plane
    u: Plane
    v: Plane


def from_rgb(rgb: NDArray[np.uint8]) -> Planes:
    """Convert an image of even size, shape (height, width, 3); chroma is the mean of each 2x2 pixels."""
    height, width, _ = rgb.shape
    unit = rgb.astype(np.float32) * np.float32(1 / 255)
    luma = unit @ MATRIX[0] + OFFSET[0]
    small = unit.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    chroma = small @ MATRIX[1:].T + OFFSET[1:]
    planes = (luma, chroma[..., 0], chroma[..., 1])
    return Planes(*(np.ascontiguousarray(np.clip(np.rint(one), 0, 255).astype(np.uint8)) for one in planes))


def blend(first: Planes, second: Planes, share: float) -> Planes:
    """Mix in `share` (0 to 1) of the second image."""
    if share <= 0:
        return first
    if share >= 1:
        return second
    pairs = zip(first, second, strict=True)
    return Planes(*(np.asarray(Image.blend(Image.fromarray(a), Image.fromarray(b), share)) for a, b in pairs))
