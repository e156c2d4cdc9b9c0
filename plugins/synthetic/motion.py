"""Image-to-video: start exactly at a given image, and move on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from .planes import Planes, from_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PUSH: Final = 0.075
"""How fast the camera pushes into the image: share of its size per second."""
_LONGEST_S: Final = 3.0
"""The longest dissolve from the given image to the scene."""


class Still:
    """A given image in the size of the clip, cropped where the shapes differ.

    `reframe` zooms it (1 leaves it alone). The camera pushes towards a corner, so that everything moves.
    """

    def __init__(
        self, rgb: NDArray[np.uint8], width: int, height: int, *, reframe: float, corner: int
    ) -> None:
        planes = from_rgb(_reframed(_covering(rgb, width, height), reframe))
        self._first = planes
        self._images = [Image.fromarray(plane) for plane in planes]
        self._corner = (corner & 1, corner >> 1 & 1)

    def at(self, time_s: float) -> Planes:
        """The image after pushing in for `time_s` seconds; at 0 the image itself."""
        if time_s <= 0:
            return self._first
        crop = 1 - 1 / (1 + _PUSH * time_s)
        planes = []
        filters = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BILINEAR)
        for image, filter in zip(self._images, filters, strict=True):
            width, height = image.size
            left, top = (side * crop * size for side, size in zip(self._corner, image.size, strict=True))
            box = (left, top, left + width * (1 - crop), top + height * (1 - crop))
            planes.append(np.asarray(image.resize(image.size, filter, box=box)))
        return Planes(*planes)


def share(time_s: float, duration_s: float) -> float:
    """How much of the shot's own scene has come in: 0 at the start, and moving from the first frame on."""
    dissolve_s = min(_LONGEST_S, 0.55 * duration_s)
    part = min(1.0, max(0.0, time_s / dissolve_s))
    return 0.5 * part + 0.5 * part * part * (3 - 2 * part)


def _covering(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    tall, wide, _ = rgb.shape
    if (wide, tall) == (width, height):
        return rgb
    scale = max(width / wide, height / tall)
    across, down = width / scale, height / scale
    left, top = (wide - across) / 2, (tall - down) / 2
    image = Image.fromarray(rgb).resize(
        (width, height), Image.Resampling.LANCZOS, box=(left, top, left + across, top + down)
    )
    return np.asarray(image)


def _reframed(rgb: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    if zoom == 1:
        return rgb
    height, width, _ = rgb.shape
    image = Image.fromarray(rgb)
    if zoom > 1:
        left, top = width * (1 - 1 / zoom) / 2, height * (1 - 1 / zoom) / 2
        box = (left, top, width - left, height - top)
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=box))
    small = image.resize(
        (max(1, round(width * zoom)), max(1, round(height * zoom))), Image.Resampling.LANCZOS
    )
    out = Image.new("RGB", (width, height))
    out.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    return np.asarray(out)
