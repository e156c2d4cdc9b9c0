"""Colours, and images as a video stores them: luma, and chroma at half the size; BT.709, limited range."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = NDArray[np.float64]
"""Three numbers; which ones is in the name of the function that takes them."""

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


def mix(first: Colour, second: Colour, share: NDArray[np.float64] | float) -> Colour:
    """Mix OKLab colours; an array of shares gives an array of colours."""
    share = np.asarray(share)[..., None]
    return first + (second - first) * share


# Björn Ottosson, "A perceptual color space for image processing", 2020.
_TO_LMS: Final = np.array(
    (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
)
_TO_LAB: Final = np.array(
    (
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    )
)


def oklab(text: str) -> Colour:
    """From "rrggbb" as in CSS."""
    rgb = np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    result: Colour = _TO_LAB @ np.cbrt(_TO_LMS @ linear)
    return result


def yuv(lab: Colour) -> NDArray[np.float32]:
    """From OKLab, shape (..., 3), to video levels (luma 16 to 235), same shape."""
    lms = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(lms @ np.linalg.inv(_TO_LMS).T, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    result: NDArray[np.float32] = (rgb @ MATRIX.T + OFFSET).astype(np.float32)
    return result
