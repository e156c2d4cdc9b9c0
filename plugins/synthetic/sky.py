"""The sky: a gradient, a glowing disc, stars in the dark ones, and a veil of clouds that drifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .planes import mix, yuv

if TYPE_CHECKING:
    from .look import Look

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Veiled:
    """One plane of sky. Clouds change `base` by `change` times their cover, which repeats after its width.

    `step` is the cover's difference from column to column, for places in between. `clear` is what is below.
    """

    base: Levels
    change: Levels
    cover: Levels
    step: Levels
    clear: NDArray[np.uint8]
    scale: int

    def draw(self, target: NDArray[np.uint8], offset: float) -> None:
        width, rows = self.base.shape
        place = (offset / self.scale) % width
        whole = int(place)
        levels = self.step[whole : whole + width] * np.float32(place - whole)
        levels += self.cover[whole : whole + width]
        levels *= self.change
        levels += self.base
        target[:, :rows] = levels
        target[:, rows : rows + self.clear.shape[1]] = self.clear


class Sky:
    """Draws into column-wise planes, from the top to a little below the horizon."""

    def __init__(self, look: Look, width: int, height: int, horizon: int) -> None:
        chance = look.chance("sky")
        self._short = min(width, height)
        self.disc_x = width * chance.uniform(0.24, 0.76)
        self._disc_y = horizon - self._short * chance.uniform(0.06, 0.34)
        self._radius = self._short * chance.uniform(0.055, 0.11)
        horizon = horizon // 2 * 2
        rows = min(height, (horizon + self._short // 4) // 2 * 2)
        clouds = _clouds(width, horizon, self._short, chance)
        clouds *= chance.uniform(0.35, 0.6) * (0.6 if look.palette.dark else 1.0)
        veil = yuv(mix(look.palette.horizon, look.palette.disc, 0.45))
        self._planes = []
        for channel, scale in enumerate((1, 2, 2)):
            base = self._paint(look, width // scale, rows // scale, horizon / scale, scale, channel)
            if channel == 0:
                self._sprinkle(base, look, horizon, chance)
            cover = np.ascontiguousarray(clouds[::scale, ::scale])
            step = np.diff(cover, axis=0, append=cover[1:2])
            base += np.float32(0.5)
            high, clear = base[:, : horizon // scale], base[:, horizon // scale :].astype(np.uint8)
            change = veil[channel] - high
            self._planes.append(_Veiled(np.ascontiguousarray(high), change, cover, step, clear, scale))

    def draw(self, targets: tuple[NDArray[np.uint8], ...], offset: float) -> None:
        """Paint luma and both chroma planes; the clouds stand `offset` columns of luma further left."""
        for target, plane in zip(targets, self._planes, strict=True):
            plane.draw(target, offset)

    def _paint(self, look: Look, width: int, rows: int, horizon: float, scale: int, channel: int) -> Levels:
        colours = look.palette
        high = np.clip(1 - np.arange(rows) / horizon, 0, 1)  # 0 at the horizon, 1 at the top
        lower = mix(colours.horizon, colours.middle, np.clip(high / 0.45, 0, 1) ** 0.8)
        column = yuv(mix(lower, colours.zenith, np.clip((high - 0.30) / 0.70, 0, 1) ** 1.1))[:, channel]
        away = self._away(width, rows, scale)
        level = np.broadcast_to(column, (width, rows)).copy()
        halo = yuv(mix(colours.horizon, colours.disc, 0.5))[channel]
        disc = yuv(colours.disc)[channel]
        level += (halo - level) * (0.55 * np.exp(away * (-1 / (self._short * 0.28))))
        beyond = np.maximum(away - self._radius, 0)
        level += (disc - level) * (0.55 * np.exp(beyond * (-1 / (self._short * 0.035))))
        level += (disc - level) * np.clip((self._radius - away) / (1.2 * scale) + 0.5, 0, 1)
        return level

    def _away(self, width: int, rows: int, scale: int) -> Levels:
        """Distance from the centre of the disc, in pixels of luma."""
        x = (np.arange(width, dtype=np.float32) + 0.5) * scale - np.float32(self.disc_x)
        y = (np.arange(rows, dtype=np.float32) + 0.5) * scale - np.float32(self._disc_y)
        away: Levels = np.hypot(x[:, None], y[None, :])
        return away

    def _sprinkle(self, level: Levels, look: Look, horizon: int, chance: np.random.Generator) -> None:
        """Add stars, and the noise that keeps a long gradient from showing its steps."""
        width, rows = level.shape
        level += chance.uniform(-0.4, 0.4, level.shape).astype(np.float32)
        if not look.palette.dark:
            return
        size = max(1, round(self._short / 700))
        x = chance.integers(0, width - size, 220)
        y = np.clip(horizon * 0.9 * chance.random(220) ** 1.5, 0, rows - size).astype(np.intp)
        bright = 150 * chance.random(220) ** 3 + 12
        bright[np.hypot(x - self.disc_x, y - self._disc_y) < self._radius * 1.3] = 0
        for dx in range(size):
            for dy in range(size):
                spot = level[x + dx, y + dy] + bright.astype(np.float32) / size
                level[x + dx, y + dy] = np.minimum(spot, 232)


def _clouds(width: int, rows: int, short: int, chance: np.random.Generator) -> Levels:
    """Cover from 0 to 1 of long soft streaks: twice the same `width` columns and a few more, by `rows`."""
    across = np.fft.fftfreq(width)[:, None] * short
    down = np.fft.rfftfreq(rows)[None, :] * short * 0.26
    far = np.hypot(across, down)
    far[0, 0] = 1
    strength = np.where(far > 0.25, far**-1.9, 0) * np.exp(-((far / 14) ** 2))
    noise = np.fft.irfft2(strength * np.exp(2j * np.pi * chance.random(far.shape)), (width, rows))
    cover = np.clip((noise / (noise.std() or 1.0) - 0.35) / 1.9, 0, 1).astype(np.float32)
    high = np.clip(1 - np.arange(rows) / rows, 0, 1)
    cover *= (np.clip(high / 0.12, 0, 1) * np.clip((1.15 - high) / 0.5, 0, 1)).astype(np.float32)
    return np.concatenate((cover, cover, cover[:2]))
