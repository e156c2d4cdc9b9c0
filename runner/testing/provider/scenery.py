"""What a clip shows where no picture is given: hills in mist under a low sun, and lights that rise.

Drawn small and scaled up, since everything in it is soft: a few milliseconds for each frame.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHORT: Final = 216  # pixels of the drawing's short side, at most
_SCALE: Final = 1.5  # at least
_HILLS: Final = 5
_LIGHTS: Final = 8
_RISE: Final = np.array((0.065, 0.03, 0.008))
# The top of the sky, the horizon, the sun, the nearest hill.
_PALETTES: Final = (
    ("2f4178", "ffc5a1", "fff3dc", "1d1a3b"),
    ("43306b", "ffb763", "fff3c8", "2a1233"),
    ("2878bd", "e6f6f4", "fffffa", "0e4159"),
    ("1d6d7a", "f0f6d4", "fffde6", "0a3840"),
    ("071033", "5577bb", "f1f4ff", "040a20"),
    ("1b1048", "f19bc9", "fff0f7", "140931"),
    ("4a87a8", "fce0ae", "fffbe8", "6f2a1b"),
    ("3a4a58", "d3dfdf", "f8fbfb", "16222c"),
    ("093769", "c5f1de", "fffeea", "052538"),
    ("2b1710", "f4b56a", "fff3d4", "170a05"),
)


class Scenery:
    """Depends on the words alone; `at` draws any moment."""

    def __init__(self, words: str, width: int, height: int) -> None:
        scale = max(_SCALE, min(width, height) / _SHORT)
        self._width, self._height = max(8, round(width / scale)), max(8, round(height / scale))
        self._short = min(self._width, self._height)
        chance = np.random.default_rng(list(hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()))
        colours = [_rgb(text) for text in _PALETTES[int(chance.integers(len(_PALETTES)))]]
        top, self._haze, self._sun, near = (np.float32(chance.uniform(0.92, 1.06)) * one for one in colours)
        self._x = (np.arange(self._width, dtype=np.float32) + np.float32(0.5))[None, :]
        self._y = (np.arange(self._height, dtype=np.float32) + np.float32(0.5))[:, None]
        horizon = self._height * float(chance.uniform(0.48, 0.6))
        high = np.clip(1 - self._y / np.float32(horizon), 0, 1)[..., None] ** np.float32(0.8)
        sky = self._haze + (top - self._haze) * high
        self._sky = np.repeat(sky, self._width, axis=1)
        self._way = float(chance.choice((-1, 1)))
        self._place = (
            float(chance.uniform(0.25, 0.75)) * self._width,
            horizon - self._short * float(chance.uniform(0.1, 0.3)),
        )
        self._radius = self._short * float(chance.uniform(0.06, 0.1))
        depth = np.linspace(0, 1, _HILLS)
        self._base = horizon + (self._height - horizon) * (0.02 + 0.85 * depth**1.2)
        self._colours = [self._haze + (near - self._haze) * np.float32(0.3 + 0.7 * one) for one in depth]
        self._speed = 0.012 + 0.1 * depth**1.5  # short sides a second
        self._turns = (
            chance.uniform(2.2, 3.4, (_HILLS, 1)) * np.array((1, 2.3, 5.1)) * (1.2 - 0.5 * depth[:, None])
        )
        self._phases = chance.uniform(0, 2 * np.pi, (_HILLS, 3))
        self._lights = chance.uniform(
            (0, 0, 0.012, 0.02, 0.10), (1, 1, 0.055, 0.06, 0.35), (_LIGHTS, 5)
        )  # x, y, radius, speed, brightness

    def at(self, time_s: float) -> NDArray[np.uint8]:
        """RGB of shape (height, width, 3), smaller than the clip."""
        image = self._sky.copy()
        travel = self._way * self._short * time_s
        x, y = self._place
        box, away = self._away(x + 0.01 * travel, y, self._short)
        glow = np.exp(np.minimum(self._radius - away, 0) * (1 / (0.2 * self._short))) * 0.5 - 0.006
        _mix(image[box], self._sun, np.maximum(glow, (self._radius - away) * 0.6 + 0.5))
        for hill in range(_HILLS):
            along = self._x[0] / self._short + self._way * self._speed[hill] * time_s
            rise = _RISE @ np.sin(self._turns[hill][:, None] * along + self._phases[hill][:, None])
            edge = (self._base[hill] - self._short * rise).astype(np.float32)
            first = max(0, int(edge.min()) - 1)
            below = self._y[first:] - edge
            mist = np.clip(below * (1 / (0.3 * self._short)), 0, 1)[..., None] * 0.3
            _mix(image[first:], self._colours[hill] + (self._haze - self._colours[hill]) * mist, below + 0.5)
        for across, down, size, speed, bright in self._lights.tolist():
            radius = size * self._short
            room = self._height + 4 * radius
            y = (down * room - speed * self._short * time_s) % room - 2 * radius
            box, away = self._away(across * self._width + 0.02 * travel, y, 1.2 * radius)
            _mix(image[box], self._sun, np.clip((radius - away) * (1 / (0.3 * radius)) + 0.5, 0, 1) * bright)
        return np.clip(image + 0.5, 0, 255).astype(np.uint8)

    def _away(self, x: float, y: float, reach: float) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
        """The box around a place, and how far its pixels are from there."""
        top, left = max(0, int(y - reach)), max(0, int(x - reach))
        box = slice(top, max(top, int(y + reach) + 2)), slice(left, max(left, int(x + reach) + 2))
        return box, np.hypot(self._x[:, box[1]] - x, self._y[box[0]] - y)


def _rgb(text: str) -> NDArray[np.float32]:
    return np.array([int(text[place : place + 2], 16) for place in (0, 2, 4)], np.float32)


def _mix(image: NDArray[np.float32], colour: NDArray[np.float32], share: NDArray[np.float32]) -> None:
    image += (colour - image) * np.clip(share, 0, 1)[..., None]
