"""Pictures as a video stores them: luma, and chroma at half the size; BT.709, limited range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane: TypeAlias = NDArray[np.uint8]

BLACK: Final = (16, 128, 128)
_LUMA: Final = (0.2126, 0.7152, 0.0722)  # BT.709


@dataclass(frozen=True, slots=True)
class Planes:
    """Luma `y` of shape (height, width), chroma `u` and `v` of half that; all uint8 and C-contiguous."""

    y: Plane
    u: Plane
    v: Plane

    def each(self) -> tuple[Plane, Plane, Plane]:
        return self.y, self.u, self.v


def _matrix() -> NDArray[np.float32]:
    red, green, blue = _LUMA
    y = np.array(_LUMA) * 219
    u = np.array((-red, -green, 1 - blue)) * 112 / (1 - blue)
    v = np.array((1 - red, -green, -blue)) * 112 / (1 - red)
    return np.array((y, u, v), np.float32)


MATRIX: Final = _matrix()
OFFSET: Final = np.array((16, 128, 128), np.float32)


def from_rgb(rgb: NDArray[np.uint8]) -> Planes:
    """Convert an image of even size, shape (height, width, 3); chroma is the mean of each 2x2 pixels."""
    height, width, _ = rgb.shape
    unit = rgb.astype(np.float32) * np.float32(1 / 255)
    luma = unit @ MATRIX[0] + OFFSET[0]
    small = unit.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    chroma = small @ MATRIX[1:].T + OFFSET[1:]
    return Planes(*(rounded(plane) for plane in (luma, chroma[..., 0], chroma[..., 1])))


def rounded(values: NDArray[np.float32]) -> Plane:
    return np.ascontiguousarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def black(width: int, height: int) -> Planes:
    small = (height // 2, width // 2)
    y, u, v = BLACK
    return Planes(
        np.full((height, width), y, np.uint8), np.full(small, u, np.uint8), np.full(small, v, np.uint8)
    )


def blend(first: Planes, second: Planes, share: float) -> Planes:
    """Mix in `share` (0 to 1) of the second picture."""
    if share <= 0:
        return first
    if share >= 1:
        return second
    return Planes(
        *(
            np.asarray(Image.blend(Image.fromarray(one), Image.fromarray(two), share))
            for one, two in zip(first.each(), second.each(), strict=True)
        )
    )
