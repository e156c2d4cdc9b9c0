"""Small lights in front of the scene: discs out of focus, fireflies, and the glitter of a disc on water."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .planes import mix, yuv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .look import Look
    from .planes import Plane, Planes


class Bokeh:
    """Discs out of focus in daylight, fireflies in the dark: they drift and breathe."""

    def __init__(self, look: Look, width: int, height: int, count: int) -> None:
        short, dark = min(width, height), look.palette.dark
        ranges = (
            (0.003, 0.007) if dark else (0.014, 0.050),  # radius
            (0, width),
            (0.35 if dark else 0.1, 1.0),  # place down the image
            (0.02, 0.09),  # speed to the left and upwards, in short sides a second
            (0.01, 0.05),
            (0.5, 0.9) if dark else (0.06, 0.20),  # brightness
            (0.5, 1.6),  # how fast it breathes, in radians a second
            (0, 6.28),
        )
        low, high = np.array(ranges).T
        radius, x, y, left, up, bright, pulse, phase = look.chance("bokeh").uniform(low, high, (count, 8)).T
        self._radius = short * radius
        self._soft = self._radius * 1.6 if dark else np.maximum(1.5, self._radius * 0.22)
        self._place, self._speed = np.array((x, y * height)), np.array((-short * left, -short * up))
        self._bright, self._pulse, self._phase = bright, pulse, phase
        self._levels = yuv(mix(look.palette.horizon, look.palette.disc, 0.7))

    def draw(self, planes: Planes, time_s: float) -> None:
        """Paint onto `planes`, which are changed."""
        height, width = planes.y.shape
        bright = self._bright * (0.6 + 0.4 * np.sin(self._pulse * time_s + self._phase))
        reach = self._radius + self._soft
        size = np.array(((width,), (height,))) + 2 * reach
        places = (self._place + self._speed * time_s + reach) % size - reach
        for x, y, radius, soft, light in zip(*places, self._radius, self._soft, bright, strict=True):
            for plane, level, scale in zip(planes, self._levels, (1, 2, 2), strict=True):
                disc = (x / scale, y / scale, radius / scale, soft / scale)
                _spot(plane, disc, float(level), light)


def _spot(plane: Plane, disc: tuple[float, float, float, float], level: float, bright: float) -> None:
    """Paint a disc: its place, its radius, and how wide its edge is, in pixels of the plane."""
    height, width = plane.shape
    x, y, radius, soft = disc
    reach = radius + soft
    left, right = max(0, int(x - reach)), min(width, int(x + reach) + 2)
    top, bottom = max(0, int(y - reach)), min(height, int(y + reach) + 2)
    if left >= right or top >= bottom:
        return
    across = np.arange(left, right, dtype=np.float32) + np.float32(0.5 - x)
    down = np.arange(top, bottom, dtype=np.float32) + np.float32(0.5 - y)
    share = np.sqrt(np.add.outer(down * down, across * across))
    share *= np.float32(-1 / soft)
    share += np.float32(radius / soft + 0.5)
    np.clip(share, 0, 1, out=share)
    box = plane[top:bottom, left:right]
    share *= (level - box) * np.float32(bright)
    share += box
    share += np.float32(0.5)
    box[...] = share


class Glitter:
    """Dashes of light on the water, in a path that widens from below the disc towards the viewer.

    They flicker in place, so where they fall is worked out once: for each plane the pixels, how much of each
    is covered, and by which dash.
    """

    def __init__(self, look: Look, width: int, height: int, x: float, horizon: int) -> None:
        chance = look.chance("glitter")
        short = min(width, height)
        near = np.sort(chance.random(150) ** 1.5)
        count = len(near)
        self._pulse = chance.uniform(3.0, 8.0, count)
        self._phase = chance.uniform(0, 2 * np.pi, count)
        self._bright = 0.95 - 0.5 * near
        self._levels = yuv(mix(look.palette.horizon, look.palette.disc, 0.7))
        centre = x + chance.normal(size=count) * short * (0.02 + 0.13 * near)
        row = horizon + 2 + near * (height - horizon) * 0.97
        wide = short * (0.004 + 0.022 * near) * chance.uniform(0.5, 1.4, count)
        tall = np.maximum(0.5, short * (0.0008 + 0.0020 * near))
        self._spots = [
            _dashes(centre / scale, row / scale, wide / scale, tall / scale, width // scale, height // scale)
            for scale in (1, 2, 2)
        ]

    def draw(self, planes: Planes, time_s: float) -> None:
        flicker = (0.5 + 0.5 * np.sin(self._pulse * time_s + self._phase)) ** 3 * self._bright
        for plane, level, (where, cover, dash) in zip(planes, self._levels, self._spots, strict=True):
            flat = plane.reshape(-1)
            behind = flat[where]
            flat[where] = behind + (level - behind) * (cover * flicker[dash]) + 0.5


def _dashes(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    wide: NDArray[np.float64],
    tall: NDArray[np.float64],
    width: int,
    height: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """The pixels under each dash, how much of them is covered, and the number of the dash."""
    where, cover, dash = [], [], []
    for index, (cx, cy, half, thick) in enumerate(zip(x, y, wide, tall, strict=True)):
        columns = np.arange(max(0, int(cx - half - 2)), min(width, int(cx + half + 3)))
        rows = np.arange(max(0, int(cy - thick - 2)), min(height, int(cy + thick + 3)))
        across = np.clip((half - np.abs(columns + 0.5 - cx)) / (1 + 0.5 * half) + 0.3, 0, 1)
        down = np.clip(thick - np.abs(rows + 0.5 - cy) + 0.5, 0, 1)
        share = (down[:, None] * across[None, :]).ravel()
        seen = share > 0
        where.append((rows[:, None] * width + columns[None, :]).ravel()[seen])
        cover.append(share[seen])
        dash.append(np.full(int(seen.sum()), index))
    return np.concatenate(where), np.concatenate(cover), np.concatenate(dash)
