"""How far an image moves to the next one, by phase correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDTH: Final = 320
"""Images are measured at this width at most."""
_BLUR: Final = 0.25
"""Cycles for each pixel: finer structure is mostly noise, and what a codec left over."""


class Shift(NamedTuple):
    """From one image to the next, in parts of the image's width."""

    right: float
    down: float
    certain: float
    """The height of the correlation's peak, 0 to 1."""

    @property
    def distance(self) -> float:
        return float(np.hypot(self.right, self.down))


def between(earlier: NDArray[np.uint8], later: NDArray[np.uint8]) -> Shift:
    """How far the content moves from one RGB image to another. Raises `ValueError` for two sizes."""
    if earlier.shape != later.shape:
        raise ValueError(f"images of shapes {earlier.shape} and {later.shape} cannot be compared")
    return shift(reduced(earlier), reduced(later))


def reduced(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The luma of an image, scaled down to be measured."""
    height, width = rgb.shape[:2]
    grey = Image.fromarray(rgb).convert("L")
    if width > _WIDTH:
        grey = grey.resize((_WIDTH, max(8, round(height * _WIDTH / width))), Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def shift(earlier: NDArray[np.float32], later: NDArray[np.float32]) -> Shift:
    """How far the content of one image is from where it is in the other (C. D. Kuglin, D. C. Hines, 1975), to a part of
    a pixel. Images are luma of one size, as `reduced` makes them."""
    height, width = earlier.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None]
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (earlier, later)]
    product = spectra[1] * np.conj(spectra[0])
    across, down = np.fft.rfftfreq(width)[None], np.fft.fftfreq(height)[:, None]
    low = np.exp(-(across**2 + down**2) / (2 * (_BLUR / 2) ** 2))
    strength = np.abs(product)
    phase = product / np.maximum(strength, 1e-6 * max(float(strength.max()), 1e-12)) * low
    surface = np.fft.irfft2(phase, (height, width))
    surface /= np.fft.irfft2(low.astype(complex), (height, width))[0, 0]
    y, x = (int(place) for place in np.unravel_index(int(surface.argmax()), surface.shape))
    peak = float(surface[y, x])
    dy = y + _between(surface[(y - 1) % height, x], peak, surface[(y + 1) % height, x])
    dx = x + _between(surface[y, (x - 1) % width], peak, surface[y, (x + 1) % width])
    dy, dx = dy - height * (dy > height / 2), dx - width * (dx > width / 2)
    return Shift(dx / width, dy / width, min(1.0, max(0.0, peak)))


def _between(before: float, peak: float, after: float) -> float:
    """Where the maximum of a Gaussian through three values lies, from the middle one: -0.5 to 0.5."""
    least = 1e-9
    left, middle, right = (float(np.log(max(value, least))) for value in (before, peak, after))
    curve = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * curve), -0.5, 0.5)) if curve < -least else 0.0
