"""Image-to-video: start exactly at a given image, and move on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps

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
        covering = ImageOps.fit(Image.fromarray(rgb), (width, height), Image.Resampling.LANCZOS)
        self._first = from_rgb(np.asarray(_reframed(covering, reframe)))
        self._images = [Image.fromarray(plane) for plane in self._first]
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


def _reframed(image: Image.Image, zoom: float) -> Image.Image:
    if zoom == 1:
        return image
    width, height = image.size
    if zoom > 1:
        left, top = width * (1 - 1 / zoom) / 2, height * (1 - 1 / zoom) / 2
        return image.resize(image.size, Image.Resampling.LANCZOS, box=(left, top, width - left, height - top))
    small = image.resize(
        (max(1, round(width * zoom)), max(1, round(height * zoom))), Image.Resampling.LANCZOS
    )
    framed = Image.new("RGB", image.size)
    framed.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    return framed
