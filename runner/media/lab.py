"""CIELAB (D65) from sRGB and back, and how far two colours are apart; in float64, for small images, single colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour = tuple[float, float, float]
"""L*, a* and b*."""

# IEC 61966-2-1, and the white point D65, with the digits of scikit-image: numbers can be compared with it to the third
# place.
_TO_XYZ: Final = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
SCALED: Final = _TO_XYZ / np.array([[0.95047], [1.0], [1.08883]])
"""From shares of light to X, Y and Z as parts of the white point's."""
_FROM_SCALED: Final = np.linalg.inv(SCALED)
_EPSILON: Final = (6 / 29) ** 3
_SLOPE: Final = (29 / 6) ** 2 / 3


def linear(levels: NDArray[Any]) -> NDArray[np.float64]:
    """Levels 0 to 255 of sRGB as shares of light, 0 to 1."""
    coded = np.asarray(levels, np.float64) / 255
    light: NDArray[np.float64] = np.where(coded > 0.04045, ((coded + 0.055) / 1.055) ** 2.4, coded / 12.92)
    return light


def curve(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB's function of X, Y and Z as parts of the white point's."""
    found: NDArray[np.float64] = np.where(scaled > _EPSILON, np.cbrt(scaled), scaled * _SLOPE + 4 / 29)
    return found


def to_lab(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """Levels 0 to 255 of shape (..., 3) as L*, a*, b*."""
    found = curve(linear(rgb) @ SCALED.T)
    x, y, z = found[..., 0], found[..., 1], found[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def from_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """L*, a*, b* of shape (..., 3) as levels, cut off at 0 and 255."""
    y = (lab[..., 0] + 16) / 116
    curved = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    scaled = np.where(curved > 6 / 29, curved**3, (curved - 4 / 29) / _SLOPE)
    light = np.clip(scaled @ _FROM_SCALED.T, 0, 1)
    coded = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)
    levels: NDArray[np.float64] = np.clip(coded, 0, 1) * 255
    return levels


def delta_e_2000(one: Colour, other: Colour) -> float:
    """The CIEDE2000 difference of two colours; about 1 can just be seen.

    G. Sharma, W. Wu, E. N. Dalal: The CIEDE2000 color-difference formula (2005), equations 2 to 22.
    """
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * math.sqrt(mean**7 / (mean**7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if not c1 * c2 else (h2 - h1 + 180) % 360 - 180
    hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn) / 2)
    mean_hue = h1 + h2 if not c1 * c2 else (h1 + turn / 2) % 360
    chroma, light = (c1 + c2) / 2, (l1 + l2) / 2 - 50
    t = (
        1
        - 0.17 * _cos(mean_hue - 30)
        + 0.24 * _cos(2 * mean_hue)
        + 0.32 * _cos(3 * mean_hue + 6)
        - 0.20 * _cos(4 * mean_hue - 63)
    )
    of_light = 1 + 0.015 * light**2 / math.sqrt(20 + light**2)
    of_chroma, of_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    rotation = -2 * math.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= math.sin(math.radians(60 * math.exp(-(((mean_hue - 275) / 25) ** 2))))
    parts = (l2 - l1) / of_light, (c2 - c1) / of_chroma, hue / of_hue
    return math.sqrt(max(0.0, sum(part**2 for part in parts) + rotation * parts[1] * parts[2]))


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))
