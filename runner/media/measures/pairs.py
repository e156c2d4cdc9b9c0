"""Two images of the same size against each other: SSIM, PSNR, ΔE2000. Images are uint8 RGB, (height, width, 3).

The same numbers as scikit-image's `structural_similarity` (of luma, its default window), `peak_signal_noise_ratio` and
the mean of `deltaE_ciede2000`, in a fraction of the time: integers where they are exact, no angle where a product does,
and some rows at a time, so that what is computed stays in the cache of the processor.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from runner.media import lab

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Plane: TypeAlias = NDArray[np.floating[Any]]
    """32-bit floating point."""

__all__ = ["PSNR_CAP_DB", "decibels", "delta_e", "luma", "psnr_db", "ssim"]

PSNR_CAP_DB: Final = 99.0
_WINDOW: Final = 7
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_AT_ONCE: Final = 1 << 14  # pixels; from about 29,000 on OpenBLAS starts threads
_TABLE: Final = 1 << 20
_HALF: Final = np.float32(0.5)
_WAVES: Final = ((0.0, 0), (-0.17, 30), (0.24, 0), (0.32, -6), (-0.2, 63))
"""The weight of each multiple of the mean hue, and by how many degrees it is turned."""
_SERIES: Final = tuple(
    tuple(np.float32(weight * turn(np.radians(degrees))) for weight, degrees in _WAVES)
    for turn in (np.cos, np.sin)
)


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.601 luma, as libjpeg and Pillow have it, rounded to levels."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def psnr_db(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio over all samples in decibels, at most 99. Raises `ValueError` for two sizes."""
    _same(a, b)
    rows, total = _rows(a), 0
    for top in range(0, a.shape[0], rows):
        difference = np.subtract(a[top : top + rows], b[top : top + rows], dtype=np.int16).ravel()
        total += int(np.multiply(difference, difference, dtype=np.int32).sum(dtype=np.int64))
    return decibels(total / a.size)


def decibels(mean_square: float) -> float:
    """The mean square of a difference in levels as a signal-to-noise ratio, at most 99."""
    return min(PSNR_CAP_DB, 10 * math.log10(255**2 / mean_square)) if mean_square > 0 else PSNR_CAP_DB


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """The mean structural similarity of luma, over windows of 7x7 pixels: 1 is the same, 0 nothing alike.

    `a` and `b` are RGB, or luma of shape (height, width). Raises `ValueError` for two sizes, or less than 7 pixels.
    """
    _same(a, b)
    x, y = (image if image.ndim == 2 else luma(image) for image in (a, b))
    height, width = x.shape
    if min(height, width) < _WINDOW:
        raise ValueError(f"an image of {width}x{height} is smaller than the window of SSIM")
    rows = max(8, _AT_ONCE // width)

    def of(top: int) -> float:
        part = slice(top, min(height, top + rows + _WINDOW - 1))
        return _ssim_of(x[part].astype(np.int16), y[part].astype(np.int16))

    windows: int = (height - _WINDOW + 1) * (width - _WINDOW + 1)
    return sum(map(of, range(0, height - _WINDOW + 1, rows))) / windows


def _ssim_of(x: NDArray[np.int16], y: NDArray[np.int16]) -> float:
    """The sum of SSIM over all windows. Sums and their products are whole numbers below 2**31: nothing is rounded
    before the last step."""
    count = _WINDOW * _WINDOW
    sum_x, sum_y = _sums(x).astype(np.int32), _sums(y).astype(np.int32)
    x, y = x.astype(np.int32), y.astype(np.int32)
    shared = _sums(x * y)
    x *= x
    y *= y
    x += y
    spread = _sums(x)
    product = sum_x * sum_y
    shared *= count
    shared -= product
    sum_x *= sum_x
    sum_y *= sum_y
    sum_x += sum_y
    spread *= count
    spread -= sum_x
    scale, sample = 1 / count**2, 1 / (count * (count - 1))
    alike = _scaled(product, 2 * scale, _C1)
    alike *= _scaled(shared, 2 * sample, _C2)
    whole = _scaled(sum_x, scale, _C1)
    whole *= _scaled(spread, sample, _C2)
    alike /= whole
    return float(alike.sum(dtype=np.float64))


def _scaled(whole: NDArray[np.int32], factor: float, offset: float) -> Plane:
    found = whole.astype(np.float32)
    found *= np.float32(factor)
    found += np.float32(offset)
    return found


def _sums(image: NDArray[Any]) -> NDArray[Any]:
    """The sum over each window: four additions in each direction in place of six."""
    two = image[:-1] + image[1:]
    down = two[:-2] + two[2:]
    down = down[:-3] + two[4:-1]
    down += image[6:]
    two = down[:, :-1] + down[:, 1:]
    four = two[:, :-2] + two[:, 2:]
    across: NDArray[Any] = four[:, :-3] + two[:, 4:-1]
    across += down[:, 6:]
    return across


def delta_e(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """The mean colour difference CIEDE2000 (sRGB, D65): 1 is just visible side by side. Raises `ValueError` for two
    sizes."""
    _same(a, b)
    rows = _rows(a)

    def of(top: int) -> float:
        first, second = a[top : top + rows].reshape(-1, 3), b[top : top + rows].reshape(-1, 3)
        return float(_ciede2000(_lab(first), _lab(second)).sum(dtype=np.float64))

    pixels: int = a.shape[0] * a.shape[1]
    return sum(map(of, range(0, a.shape[0], rows))) / pixels


def _rows(image: NDArray[np.uint8]) -> int:
    width: int = image.shape[1]
    return max(1, _AT_ONCE // width)


def _same(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> None:
    if a.shape != b.shape:
        raise ValueError(f"images of shapes {a.shape} and {b.shape} cannot be compared")


@cache
def _tables() -> tuple[Plane, Plane, Plane, Plane]:
    """The light of each level; its shares of X, Y and Z, as places of the third table; that of CIELAB's function, and
    what L*, a* and b* are of it."""
    light = lab.linear(np.arange(256))
    shares = lab.SCALED * (_TABLE - 1) / 1.1
    curve = lab.curve(np.arange(_TABLE) / (_TABLE - 1) * 1.1)
    parts = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]])
    return (
        light.astype(np.float32),
        shares.astype(np.float32),
        curve.astype(np.float32),
        parts.astype(np.float32),
    )


def _lab(rgb: NDArray[np.uint8]) -> Plane:
    """L*, a* and b* in rows, of RGB of shape (pixels, 3)."""
    light, shares, curve, parts = _tables()
    places = shares @ light.take(rgb.T)
    places += np.float32(0.5)  # to round
    # Indices are of the type that `take` needs: it would convert them each time.
    found: Plane = parts @ curve.take(places.astype(np.intp), mode="clip")
    found[0] -= 16
    return found


def _ciede2000(one: Plane, other: Plane) -> Plane:
    """G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 color-difference formula (2005), equations 2 to 22.

    The mean hue is the direction of the bisector of both hues. Of a grey there is none, but then there is no difference
    of hue that it could weigh.
    """
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.sqrt(a1 * a1 + b1 * b1) + np.sqrt(a2 * a2 + b2 * b2)) * _HALF
    stretch = np.sqrt(_seventh(mean))
    stretch *= -_HALF
    stretch += np.float32(1.5)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.sqrt(a1 * a1 + b1 * b1), np.sqrt(a2 * a2 + b2 * b2)
    cos, sin = a1 * c2, b1 * c2
    cos += a2 * c1
    sin += b2 * c1
    length = 1 / np.maximum(np.sqrt(cos * cos + sin * sin), np.float32(1e-12))
    cos *= length
    sin *= length
    light = (l1 + l2) * _HALF
    light -= 50
    light *= light
    s_l = light / np.sqrt(light + 20)
    s_l *= np.float32(0.015)
    s_l += 1
    chroma = (c1 + c2) * _HALF
    s_c = chroma * np.float32(0.045)
    s_c += 1
    s_h = _weight(cos, sin)
    s_h *= chroma
    s_h *= np.float32(0.015)
    s_h += 1
    # The sine of the angle between the hues, over the cosine of half of it: nothing cancels where they are close.
    root = np.sqrt(c1 * c2)
    root *= 2
    d_h = a1 * b2
    d_h -= a2 * b1
    d_h *= length
    d_h *= root
    np.clip(d_h, -root, root, out=d_h)
    x, y, z = (l2 - l1) / s_l, (c2 - c1) / s_c, d_h / s_h
    squared = x * x + y * y + z * z
    blue = _turned(cos, sin, 275)
    some = np.flatnonzero(blue > np.float32(0.25))  # elsewhere its turn is below 0.01 degrees
    if some.size:
        of_blue = _rotation(blue[some], _turned(sin[some], -cos[some], 275), chroma[some])
        squared[some] += of_blue * y[some] * z[some]
    found: Plane = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
    return found


def _weight(cos: Plane, sin: Plane) -> Plane:
    """T of the paper: 1 - 0.17 cos(h - 30) + 0.24 cos(2h) + 0.32 cos(3h + 6) - 0.2 cos(4h - 63), by Clenshaw's
    recurrence for the multiples of the angle."""
    even, odd = _SERIES
    twice = cos + cos
    u3, v3 = twice * even[4] + even[3], twice * odd[4] + odd[3]
    u2, v2 = twice * u3, twice * v3
    u2 += even[2] - even[4]
    v2 += odd[2] - odd[4]
    u3 -= even[1]
    v3 -= odd[1]
    u1 = twice * u2
    u1 -= u3
    twice *= v2
    twice -= v3
    u1 *= cos
    u1 -= u2
    twice *= sin
    u1 += twice
    u1 += 1
    return u1


def _rotation(blue: Plane, away: Plane, chroma: Plane) -> Plane:
    """What hue and chroma have to do with each other around the hue of 275 degrees, of which the cosine (more than 0)
    and the sine are given. The sine over one plus the cosine is the tangent of half the angle."""
    degrees = np.float32(2 * 180 / np.pi) * _arctan(away / (1 + blue)) / 25
    turn = np.float32(60 * np.pi / 180) * np.exp(-degrees * degrees)
    rotation: Plane = -2 * np.sqrt(_seventh(chroma)) * np.sin(turn)
    return rotation


def _seventh(chroma: Plane) -> Plane:
    """c**7 / (c**7 + 25**7)."""
    scaled = chroma / 25
    power = scaled * scaled * scaled
    power = power * power * scaled
    ratio: Plane = power / (power + 1)
    return ratio


def _turned(cos: Plane, sin: Plane, degrees: float) -> Plane:
    """The cosine of the angle less so many degrees."""
    angle = np.radians(degrees)
    return cos * np.float32(np.cos(angle)) + sin * np.float32(np.sin(angle))


def _arctan(x: Plane) -> Plane:
    """Of -1 to 1, right to 0.00001 (Abramowitz and Stegun, 4.4.49)."""
    square = x * x
    series: Plane = np.full_like(x, 0.0208351)
    for factor in (-0.0851330, 0.1801410, -0.3302995, 0.9998660):
        series = series * square + np.float32(factor)
    result: Plane = series * x
    return result
