"""Finds an image again in another one, enlarged or reduced and shifted."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from runner.media import thresholds
from runner.media.measures import motion
from runner.media.source import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_ROUGH: Final = 48  # the longer side while searching, in pixels
_COARSE: Final = 96
_FINE: Final = 256
_ZOOMS: Final = tuple(float(zoom) for zoom in np.geomspace(0.7, 1.4, 36))
_CANDIDATES: Final = 3
_HOPELESS: Final = 0.5  # correlation below which a closer look does not find what a distant one did not
_TEMPLATE: Final = 0.8  # the part of the frame, in each direction, that is looked for
_FOUND: Final = 0.8  # correlation from which it is the same image
_BETTER: Final = 0.5  # what may be left of the mismatch in place for the other place to count
_SAME_SHAPE: Final = 0.03
_SMALLEST: Final = 64  # pixels of an image whose quarters can be found again
_STRAY: Final = 0.012  # how far the zooms of its quarters may be apart
_small_searches: Final = threading.Lock()


class Placement(NamedTuple):
    """Where an image stands in a frame: `zoom` above 1 means enlarged; shifts are in parts of the frame's width."""

    zoom: float
    right: float
    down: float

    @property
    def shift(self) -> float:
        """How far it is moved, in parts of the frame's width."""
        return math.hypot(self.right, self.down)


class _Match(NamedTuple):
    """Where an image was found: `zoom` above 1 means enlarged; shifts are in parts of the frame's width."""

    correlation: float
    zoom: float
    right: float
    down: float


def align(picture: NDArray[np.uint8], frame: NDArray[np.uint8]) -> Placement | None:
    """Find `picture` in `frame`, at 0.7 to 1.4 times its size and shifted by up to a tenth of it or more.

    Returns where it is if it is found elsewhere than in place, else `None`.
    """
    if frame.shape[0] * frame.shape[1] > SMALL:
        return _aligned(picture, frame)
    # Many short calls that each let go of Python's lock: two threads that search take twice the time of one, each.
    with _small_searches:
        return _aligned(picture, frame)


def _aligned(picture: NDArray[np.uint8], frame: NDArray[np.uint8]) -> Placement | None:
    # At zoom 1 the image covers the frame, as a generator that crops to its own shape makes it.
    cover = max(frame.shape[side] / picture.shape[side] for side in (0, 1))
    scene = _Scene(_luma(picture, cover), _luma(frame, 1.0))
    best = max(scene.search(_COARSE, _promising(scene)))
    if best.correlation < _HOPELESS:
        return None
    best = max(scene.search(_FINE, [float(zoom) for zoom in best.zoom * np.linspace(0.98, 1.02, 9)]))
    shape, other = (pixels.shape[1] / pixels.shape[0] for pixels in (picture, frame))
    elsewhere = (
        abs(best.zoom - 1) > thresholds.REFRAMED_ZOOM
        or max(abs(best.right), abs(best.down)) > thresholds.REFRAMED_SHIFT
        or abs(shape / other - 1) > _SAME_SHAPE
    )
    better = 1 - best.correlation < _BETTER * (1 - scene.in_place())
    if best.correlation >= _FOUND and elsewhere and better:
        return Placement(best.zoom, best.right, best.down)
    return _enlarged(picture, frame) if abs(shape / other - 1) <= _SAME_SHAPE else None


def _enlarged(picture: NDArray[np.uint8], frame: NDArray[np.uint8]) -> Placement | None:
    """A change of scale so small that the images correlate in place: its quarters are moved away from the middle, or
    towards it."""
    earlier, later = (motion.reduced(image) for image in (picture, frame))
    if earlier.shape != later.shape:
        size = later.shape[1], later.shape[0]
        earlier = np.asarray(Image.fromarray(earlier).resize(size, Image.Resampling.BILINEAR))
    height, width = later.shape
    if min(height, width) < _SMALLEST:
        return None
    halves = [(slice(0, size // 2), slice(size - size // 2, size)) for size in (height, width)]
    found = [
        [motion.shift(earlier[rows, columns], later[rows, columns]) for columns in halves[1]]
        for rows in halves[0]
    ]
    # Shifts are in parts of a quarter's width; the middles of two quarters are one such width apart.
    across = [right.right - left.right for left, right in found]
    tall = (height // 2) / (width // 2)
    down = [(low.down - high.down) / tall for high, low in zip(*found, strict=True)]
    zooms = [1 + one for one in (*across, *down)]
    zoom = float(np.median(zooms))
    agree = max(zooms) - min(zooms) <= max(_STRAY, abs(zoom - 1))
    if not agree or abs(zoom - 1) <= thresholds.REFRAMED_ZOOM:
        return None
    return Placement(zoom, 0.0, 0.0)


def _promising(scene: _Scene) -> list[float]:
    """The zooms that are worth a closer look: the best three of every third one, and those beside them."""
    tried = range(1, len(_ZOOMS), 3)
    found = scene.search(_ROUGH, [_ZOOMS[at] for at in tried])
    ranked = sorted(zip(found, tried, strict=True), reverse=True)
    return [_ZOOMS[near] for _, at in ranked[:_CANDIDATES] for near in (at - 1, at, at + 1)]


def _luma(rgb: NDArray[np.uint8], scale: float) -> Image.Image:
    """Luma, made no larger than any search needs it."""
    height, width = rgb.shape[:2]
    reduction = min(1.0, 2 * _FINE / (max(height, width) * scale))
    size = (max(8, round(width * reduction)), max(8, round(height * reduction)))
    return Image.fromarray(rgb).convert("L").resize(size, Image.Resampling.BOX)


class _Scene:
    """An image, and the frame in which to find it."""

    def __init__(self, picture: Image.Image, frame: Image.Image) -> None:
        self._picture = picture
        self._frame = frame

    def search(self, longest: int, zooms: Iterable[float]) -> list[_Match]:
        """The best place for each zoom, with the frame reduced to `longest` pixels."""
        width, height = self._frame_size(longest)
        target = _structure(self._frame, width, height)
        cover = max(width / self._picture.width, height / self._picture.height)
        return [self._find(target, cover, zoom) for zoom in zooms]

    def in_place(self) -> float:
        """The correlation of the two as they are, stretched to one size."""
        width, height = self._frame_size(_FINE)
        a, b = (_structure(image, width, height) for image in (self._picture, self._frame))
        top, left = (round(size * (1 - _TEMPLATE) / 2) for size in (height, width))
        inner = (slice(top, height - top), slice(left, width - left))
        return float(_correlations(a[inner], b[inner]).max())

    def _frame_size(self, longest: int) -> tuple[int, int]:
        reduction = min(1.0, longest / max(self._frame.size))
        return max(8, round(self._frame.width * reduction)), max(8, round(self._frame.height * reduction))

    def _find(self, target: NDArray[np.float64], cover: float, zoom: float) -> _Match:
        """Look for the middle of the frame in the image at one size."""
        width, height = (max(8, round(side * cover * zoom)) for side in self._picture.size)
        scaled = _structure(self._picture, width, height)
        sizes = zip(target.shape, scaled.shape, strict=True)
        rows, columns = (max(4, int(_TEMPLATE * min(pair))) for pair in sizes)
        top, left = (target.shape[0] - rows) // 2, (target.shape[1] - columns) // 2
        found = _correlations(scaled, target[top : top + rows, left : left + columns])
        y, x = (int(place) for place in np.unravel_index(int(found.argmax()), found.shape))
        return _Match(
            correlation=float(found[y, x]),
            zoom=width / (self._picture.width * cover),
            right=(left - x + (width - target.shape[1]) / 2) / target.shape[1],
            down=(top - y + (height - target.shape[0]) / 2) / target.shape[1],
        )


def _structure(luma: Image.Image, width: int, height: int) -> NDArray[np.float64]:
    """Luma at a size, less the mean around it: neither a change of light nor a gradient matters."""
    scaled = luma.resize((width, height), Image.Resampling.LANCZOS)
    surroundings = scaled.filter(ImageFilter.GaussianBlur(max(width, height) / 12))
    return np.asarray(scaled, np.float64) - np.asarray(surroundings, np.float64)


def _correlations(image: NDArray[np.float64], template: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised correlation of a template with each place of an image that it fits into, -1 to 1."""
    rows, columns = template.shape
    template = template - template.mean()
    # Where the template reaches over the edge it meets itself again: those places are cut off below.
    spectrum = np.fft.rfft2(image)
    spectrum *= np.conj(np.fft.rfft2(template, image.shape))
    products = np.fft.irfft2(spectrum, image.shape)[
        : image.shape[0] - rows + 1, : image.shape[1] - columns + 1
    ]
    sums, squares = _window_sums(np.stack((image, image * image)), rows, columns)
    energy = np.maximum(squares - sums * sums / template.size, 0) * np.square(template).sum()
    flat = energy < template.size**2 * 0.05  # nothing but rounding: no structure to find
    correlations: NDArray[np.float64] = np.where(flat, 0.0, products / np.sqrt(np.where(flat, 1.0, energy)))
    return correlations


def _window_sums(planes: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """The sum over each window of that size, for each of several planes."""
    count, height, width = planes.shape
    total = np.zeros((count, height + 1, width + 1))
    np.cumsum(planes, axis=1, out=total[:, 1:, 1:])
    np.cumsum(total[:, 1:, 1:], axis=2, out=total[:, 1:, 1:])
    sums: NDArray[np.float64] = (
        total[:, rows:, columns:]
        - total[:, :-rows, columns:]
        - total[:, rows:, :-columns]
        + total[:, :-rows, :-columns]
    )
    return sums
