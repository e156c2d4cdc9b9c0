"""Colours that go together: moods, each a handful of colours, bent a little for every prompt and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .planes import MATRIX, OFFSET

Colour = NDArray[np.float64]
"""Three numbers; which ones is in the name of the function that takes them."""


@dataclass(frozen=True, slots=True)
class Palette:
    """OKLab colours: the sky from top to horizon, the disc in it, and the nearest, darkest ground."""

    zenith: Colour
    middle: Colour
    horizon: Colour
    disc: Colour
    near: Colour
    dark: bool


# zenith, middle, horizon, disc, near
MOODS: Final[dict[str, tuple[str, str, str, str, str]]] = {
    "dawn": ("2f4178", "a3709c", "ffc5a1", "fff3dc", "1d1a3b"),
    "gold": ("43306b", "d0597a", "ffb763", "fff3c8", "2a1233"),
    "ember": ("2a1036", "a3224c", "ff8443", "ffe0a8", "19071b"),
    "noon": ("2878bd", "77bfe6", "e6f6f4", "fffffa", "0e4159"),
    "mint": ("1d6d7a", "6cc3b4", "f0f6d4", "fffde6", "0a3840"),
    "night": ("050a22", "142459", "4767b0", "f1f4ff", "030616"),
    "aurora": ("04112a", "0b4a5f", "56d6ad", "e9fff4", "020c1b"),
    "violet": ("1b1048", "683da0", "f19bc9", "fff0f7", "140931"),
    "desert": ("4a87a8", "e6c593", "fce0ae", "fffbe8", "6f2a1b"),
    "storm": ("1b2631", "4c6374", "c6d5d6", "f8fbfb", "0c141b"),
    "rose": ("7286c6", "efb6c8", "ffe8da", "ffffff", "53396e"),
    "amber": ("2b1710", "8b4b22", "f4b56a", "fff3d4", "170a05"),
    "lagoon": ("093769", "1c9db6", "c5f1de", "fffeea", "052538"),
    "neon": ("130a31", "7b209f", "ff5c9c", "ffe6b0", "09041f"),
}
_DARK: Final = ("night", "aurora", "neon", "ember")


def palette(mood: str, chance: np.random.Generator) -> Palette:
    """The colours of a mood, turned by up to 18 degrees and lit a little differently by `chance`."""
    angle = np.radians(chance.uniform(-18, 18))
    light = chance.uniform(0.93, 1.06)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    bent = []
    for text in MOODS[mood]:
        lab = oklab(text)
        bent.append(np.concatenate(((min(lab[0] * light, 1.0),), turn @ lab[1:])))
    zenith, middle, horizon, disc, near = bent
    disc[0] = max(disc[0], 0.97)  # the light itself never dulls
    return Palette(zenith, middle, horizon, disc, near, dark=mood in _DARK)


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
