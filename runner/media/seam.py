"""Measures seams: does a clip start from the image it was given, and how do colours move along a chain.

adherence = measure(handed_over, [frame.rgb for frame in first_frames(clip, 12)])
if should_drop(adherence): ...     # the image is there twice: once is enough

Images are uint8 RGB of shape (height, width, 3). All results are rounded to two decimals, so that equal
inputs give equal numbers on every machine. The thresholds were measured: see `tests/media/test_seam.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PIL import Image

from runner.media import thresholds
from runner.media.measures import pairs
from runner.media.seam_align import Placement, align

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Adherence", "ColourChange", "Verdict", "blank", "colour_change", "measure", "should_drop"]

_AT_ONCE: Final = 1 << 19  # pixels
_EASING: Final = 5  # frames within which a model that eases in has to show the image
_SIMILAR: Final = 0.9  # correlation of structure from which two images show the same
_FLAT: Final = 2.5  # standard deviation of luma, in levels, below which an image has no structure to compare
_GAIN: Final = (0.75, 1.33)  # a mild change of contrast
_SHIFT: Final = 30.0  # a mild change of brightness, in levels
_STILL_RATIO: Final = 6.0  # how much more than the codec's flicker a motion must change
_NOTHING: Final = 0.02  # the least flicker to assume, as a mean square
_PACE: Final = 0.5  # what a first step must have of the later ones not to be the start of a slow one
_HUELESS: Final = 2.0  # levels of chroma below which a colour counts as grey


class Verdict(enum.StrEnum):
    """How a clip treats the image it was given."""

    LOCKED = "locked"  # its first frame is that image, up to a good codec
    REENCODED = "reencoded"  # the same image, less faithful or a little off in colour
    REFRAMED = "reframed"  # the same image at another scale or place
    IGNORED = "ignored"  # another image


_RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""The better verdict has the lower number."""
_IN_PLACE: Final = (Verdict.LOCKED, Verdict.REENCODED)
_IN_PLACE_AT: Final = Placement(1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adherence:
    """How well a clip starts from the image it was given."""

    verdict: Verdict
    """The best among the first five frames."""
    psnr_db: float
    """Of that frame, over all RGB samples, at most 99."""
    repeats: int = 0
    """How many extra times the first frame is shown before anything moves."""
    zoom: float = 1.0
    """The scale of a reframed image (above 1: a part, enlarged), else 1."""
    shift: float = 0.0
    """How far a reframed image is moved, as a part of the frame's width."""
    luma: float = 0.0
    """How much brighter that frame is than the image, in 8-bit levels of mean luma; 0 where it is another image."""
    eases_in: int = 0
    """How many frames come before the one that shows the image."""


class ColourChange(NamedTuple):
    """The mean change of colour from one frame to another.

    `luma` is the change of mean BT.709 luma in 8-bit levels (positive: brighter). `chroma` is the distance
    between the mean colour differences (Cb, Cr) in levels. `hue_deg` is the angle between them in degrees,
    -180 to 180, and 0 when either is too grey to have a hue.
    """

    luma: float
    chroma: float
    hue_deg: float


def measure(
    handed_over: NDArray[np.uint8],
    first: Sequence[NDArray[np.uint8]],
    small: Sequence[NDArray[np.uint8]] = (),
) -> Adherence:
    """Compare the image that was handed over with the first frames (at least one) of the clip made from it.

    A first frame that shows the image in its place settles it; otherwise the best of the first five counts, since
    some models ease in from black, or from another crop. Images of different size are compared at the smaller one's.
    `small` are the first frames reduced, which is enough to see whether they stand. Raises `ValueError` without frames.
    """
    if not first:
        raise ValueError("a clip without frames cannot be measured")
    best, eases_in = _compared(handed_over, first[0]), 0
    for number in range(1, min(_EASING, len(first))):
        if best.verdict in _IN_PLACE:
            break
        found = _compared(handed_over, first[number])
        # A scene that dissolves into another one looks like a poor copy of a reframed image: only a good one counts.
        good = found.verdict is Verdict.LOCKED or best.verdict is not Verdict.REFRAMED
        if good and _RANK[found.verdict] < _RANK[best.verdict]:
            best, eases_in = found, number
    return replace(best, repeats=_repeats((small or first)[eases_in:]), eases_in=eases_in)


def should_drop(adherence: Adherence) -> bool:
    """Whether the image stands on both sides of the seam, so that one of the two is to be left out."""
    return adherence.verdict in _IN_PLACE and not adherence.eases_in


def blank(rgb: NDArray[np.uint8]) -> bool:
    """Whether a frame is (nearly) a single colour, as after a fade to black. Noise does not count."""
    low, high = np.percentile(_small(rgb, 64).reshape(-1, 3), (0.5, 99.5), axis=0)
    return bool((high - low).max() <= thresholds.BLANK_RANGE)


def colour_change(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> ColourChange:
    """How the mean colour changes from `a` to `b`. Images may differ in size and content."""
    (luma_a, chroma_a), (luma_b, chroma_b) = _mean_colour(a), _mean_colour(b)
    hue = 0.0
    if min(abs(chroma_a), abs(chroma_b)) >= _HUELESS:
        hue = float(np.degrees(np.angle(chroma_b * chroma_a.conjugate())))
    return ColourChange(round(luma_b - luma_a, 2), round(abs(chroma_b - chroma_a), 2), round(hue, 2))


def _mean_colour(rgb: NDArray[np.uint8]) -> tuple[float, complex]:
    """Mean luma and mean Cb + i Cr, full range BT.709, in levels."""
    # Of whole numbers, and in this order, a tenth of the time of a mean.
    columns = rgb.sum(axis=0, dtype=np.uint64).sum(axis=0)
    red, green, blue = (float(value) / (rgb.shape[0] * rgb.shape[1]) for value in columns)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return luma, complex((blue - luma) / 1.8556, (red - luma) / 1.5748)


def _compared(handed_over: NDArray[np.uint8], frame: NDArray[np.uint8]) -> Adherence:
    """What one frame makes of the image."""
    given, got = _same_size(handed_over, frame)
    psnr_db = pairs.psnr_db(given, got)
    verdict, place = _judge(handed_over, frame, given, got, psnr_db)
    luma = 0.0 if verdict is Verdict.IGNORED else colour_change(given, got).luma
    return Adherence(
        verdict=verdict,
        psnr_db=round(psnr_db, 2),
        zoom=round(place.zoom, 2),
        shift=round(place.shift, 3),
        luma=luma,
    )


def _judge(
    handed_over: NDArray[np.uint8],
    frame: NDArray[np.uint8],
    given: NDArray[np.uint8],
    got: NDArray[np.uint8],
    psnr_db: float,
) -> tuple[Verdict, Placement]:
    if psnr_db >= thresholds.LOCKED_DB or _fidelity(given, got) >= thresholds.LOCKED_DB:
        return Verdict.LOCKED, _IN_PLACE_AT
    place = align(handed_over, frame)
    if place is not None:
        return Verdict.REFRAMED, place
    same = _corrected_psnr(given, got) >= thresholds.REENCODED_DB or psnr_db >= thresholds.REENCODED_DB
    return (Verdict.REENCODED if same and _alike(given, got) else Verdict.IGNORED), _IN_PLACE_AT


def _same_size(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both images at the size of the one with fewer pixels."""
    if a.shape == b.shape:
        return a, b
    height, width = min(a.shape[:2], b.shape[:2], key=lambda shape: shape[0] * shape[1])
    images = [Image.fromarray(one).resize((width, height), Image.Resampling.LANCZOS) for one in (a, b)]
    return np.asarray(images[0]), np.asarray(images[1])


def _small(rgb: NDArray[np.uint8], width: int) -> NDArray[np.float64]:
    """An image reduced to `width` columns, which averages noise away."""
    return _resized(rgb, width).astype(np.float64)


def _resized(rgb: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    if width >= rgb.shape[1]:
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX))


def _fidelity(given: NDArray[np.uint8], got: NDArray[np.uint8]) -> float:
    """PSNR without what 4:2:0 chroma does to coloured edges: the worse of luma and half size."""
    half, other = (_resized(image, image.shape[1] // 2) for image in (given, got))
    luma = _mean_square(given, got, np.array([0.2126, 0.7152, 0.0722], np.float32))
    return pairs.decibels(max(luma, _mean_square(half, other)))


def _mean_square(
    a: NDArray[np.uint8], b: NDArray[np.uint8], weights: NDArray[np.float32] | None = None
) -> float:
    """The mean square of the difference, of its channels or of their weighted sum. Takes little memory: it is computed
    some rows at a time."""
    rows = max(1, _AT_ONCE // a.shape[1])
    total, count = 0.0, 0
    for top in range(0, a.shape[0], rows):
        difference = np.subtract(a[top : top + rows], b[top : top + rows], dtype=np.float32)
        if weights is not None:
            difference = difference @ weights
        total += float(np.square(difference).sum(dtype=np.float64))
        count += difference.size
    return total / count


def _corrected_psnr(given: NDArray[np.uint8], got: NDArray[np.uint8]) -> float:
    """PSNR of the reduced images after undoing a mild change of brightness and contrast in each channel."""
    a, b = (_small(picture, 160).reshape(-1, 3) for picture in (given, got))
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    if np.abs(mean_a - mean_b).max() > _SHIFT:
        return 0.0
    gain = ((a - mean_a) * (b - mean_b)).sum(axis=0) / np.maximum(np.square(b - mean_b).sum(axis=0), 1e-9)
    corrected = (b - mean_b) * np.clip(gain, *_GAIN) + mean_a
    return pairs.decibels(float(np.square(corrected - a).mean()))


def _alike(given: NDArray[np.uint8], got: NDArray[np.uint8]) -> bool:
    """Whether the structure of two images correlates; two images without any are alike."""
    a, b = (_small(picture, 160) @ np.array([0.2126, 0.7152, 0.0722]) for picture in (given, got))
    a, b = a - a.mean(), b - b.mean()
    if max(a.std(), b.std()) < _FLAT:
        return True
    return float((a * b).sum() / max(1e-9, np.sqrt((a * a).sum() * (b * b).sum()))) >= _SIMILAR


def _repeats(first: Sequence[NDArray[np.uint8]]) -> int:
    """How many frames after the first stand still before the image moves at the pace it then keeps.

    An image that never moves, sets off slowly, or holds each frame as long as the first, repeats nothing.
    """
    reduced = [_small(frame, 320).mean(axis=2) for frame in first]
    steps = [_step(earlier, later) for earlier, later in pairwise(reduced)]
    for still in range(len(steps) - 1, 0, -1):
        before, after = steps[:still], steps[still:]
        at_once = after[0] >= _PACE * float(np.median(after))
        if at_once and min(after) > _STILL_RATIO * max(*before, _NOTHING):
            return still
    return 0


def _step(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> float:
    """The change between two frames where it is greatest: mean square over one of about 100 fields."""
    square = np.square(later - earlier)
    height, width = (max(1, size // 10) for size in square.shape)
    square = square[: square.shape[0] // height * height, : square.shape[1] // width * width]
    fields = square.reshape(square.shape[0] // height, height, square.shape[1] // width, width)
    return float(fields.mean(axis=(1, 3)).max())
