"""The sky: a gradient, a glowing disc, stars in the dark ones, and a veil of clouds that drifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .palette import Colour, mix, yuv

if TYPE_CHECKING:
    from .look import Look

Levels = NDArray[np.float32]


class Sky:
    """Draws into column-wise planes, shape (width, rows); `rows` reaches a little below the horizon."""

    def __init__(self, look: Look, width: int, height: int, horizon: int) -> None:
        chance = look.chance("sky")
        self.short = min(width, height)
        self.disc_x = width * chance.uniform(0.24, 0.76)
        self.disc_y = horizon - self.short * chance.uniform(0.06, 0.34)
        self.radius = self.short * chance.uniform(0.055, 0.11)
        rows = min(height, (horizon + self.short // 5) // 2 * 2)
        self.rows = rows
        clouds = _clouds(width * 2, rows, horizon, self.short, chance)
        veil = mix(look.palette.horizon, look.palette.disc, 0.45)
        strength = chance.uniform(0.35, 0.6) * (0.6 if look.palette.dark else 1.0)
        self._planes = []
        for scale in (1, 2):
            levels = self._paint(look, width // scale, rows // scale, horizon / scale, scale)
            if scale == 1:
                levels[..., 0] += _stars(look, width, rows, horizon, chance)
                # Dither: the eye sees the steps of a long gradient, and no step that is broken up.
                levels[..., 0] += chance.uniform(-0.5, 0.5, (width, rows)).astype(np.float32)
            cover = np.ascontiguousarray(clouds[::scale, ::scale]) * np.float32(strength)
            for channel in (0,) if scale == 1 else (1, 2):
                base = np.ascontiguousarray(levels[..., channel])
                self._planes.append((base, float(yuv(veil)[channel]) - base, cover, scale))

    def draw(self, targets: tuple[NDArray[np.uint8], ...], offset: float) -> None:
        """Paint luma and both chroma planes; the clouds stand `offset` columns of luma further left."""
        for target, (base, change, cover, scale) in zip(targets, self._planes, strict=True):
            width, rows = base.shape
            place = (offset / scale) % width
            whole = int(place)
            share = np.float32(place - whole)
            veil = cover[whole : whole + width] * (1 - share)
            veil += cover[whole + 1 : whole + 1 + width] * share
            veil *= change
            veil += base
            veil += np.float32(0.5)
            target[:, :rows] = veil

    def _paint(self, look: Look, width: int, rows: int, horizon: float, scale: int) -> Levels:
        colours = look.palette
        high = np.clip(1 - np.arange(rows) / horizon, 0, 1)  # 0 at the horizon, 1 at the top
        lower = mix(colours.horizon, colours.middle, np.clip(high / 0.45, 0, 1) ** 0.8)
        column = yuv(mix(lower, colours.zenith, np.clip((high - 0.30) / 0.70, 0, 1) ** 1.1))
        x = (np.arange(width, dtype=np.float32) + 0.5) * scale - self.disc_x
        y = (np.arange(rows, dtype=np.float32) + 0.5) * scale - self.disc_y
        away = np.hypot(x[:, None], y[None, :])
        levels = np.broadcast_to(column, (width, rows, 3)).copy()
        halo = mix(colours.horizon, colours.disc, 0.5)
        _light(levels, halo, 0.55 * np.exp(-away / (self.short * 0.28)))
        _light(
            levels, colours.disc, 0.55 * np.exp(-np.clip(away - self.radius, 0, None) / (self.short * 0.035))
        )
        _light(levels, colours.disc, np.clip((self.radius - away) / (1.2 * scale) + 0.5, 0, 1))
        return levels


def _light(levels: Levels, colour: Colour, share: NDArray[np.float32]) -> None:
    levels += (yuv(colour) - levels) * share[..., None]


def _clouds(width: int, rows: int, horizon: int, short: int, chance: np.random.Generator) -> Levels:
    """Cover from 0 to 1, shape (width + 2, rows): long soft streaks that repeat after half the width."""
    period = width // 2
    across = np.fft.fftfreq(period)[:, None] * short * 1.0
    down = np.fft.rfftfreq(rows)[None, :] * short * 0.26
    far = np.hypot(across, down)
    far[0, 0] = 1
    strength = np.where(far > 0.25, far**-1.9, 0) * np.exp(-((far / 14) ** 2))
    noise = np.fft.irfft2(strength * np.exp(2j * np.pi * chance.random(far.shape)), (period, rows))
    noise /= noise.std() or 1.0
    cover = np.clip((noise - 0.35) / 1.9, 0, 1)
    high = np.clip(1 - np.arange(rows) / horizon, 0, 1)
    cover *= np.clip(high / 0.12, 0, 1) * np.clip((1.15 - high) / 0.5, 0, 1)
    return np.concatenate((cover, cover, cover[:2])).astype(np.float32)


def _stars(look: Look, width: int, rows: int, horizon: int, chance: np.random.Generator) -> Levels:
    sky = np.zeros((width, rows), np.float32)
    if look.palette.dark:
        count = 220
        x = chance.integers(1, width - 1, count)
        y = (horizon * 0.9 * chance.random(count) ** 1.5).astype(np.intp).clip(1, rows - 2)
        bright = 150 * chance.random(count) ** 3 + 12
        size = max(1, round(min(width, rows) / 700))
        for dx in range(size):
            for dy in range(size):
                sky[np.clip(x + dx, 0, width - 1), np.clip(y + dy, 0, rows - 1)] = bright / size
    return sky
