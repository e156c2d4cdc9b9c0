"""The outlines of the land: ridges, dunes, hills with trees, roofs, waves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Line = NDArray[np.float64]
"""A height for each column, -1 (low) to 1 (high) or so."""

_SWELL: Final = np.array((0.5, 0.28, 0.16, 0.06), np.float32)
_PERIOD: Final = 6
"""An outline repeats after this many short sides of the image."""


class Outline:
    """One layer of a land. `near` is 0 for the farthest and 1 for the nearest. It repeats."""

    def __init__(self, land: str, near: float, short: int, width: int, chance: np.random.Generator) -> None:
        self._width = width
        self._line = _LANDS[land](near, short, chance)
        slope = np.gradient(_smooth(self._line, max(1, short // 30)))
        steep = np.abs(slope).max() or 1.0
        self._light = np.clip(slope / steep * 1.6, -1, 1)

    def at(self, offset: float, time_s: float) -> tuple[Line, Line]:
        """Its line from a fractional column on, and how much each column faces the light (-1 to 1)."""
        first = int(np.floor(offset))
        share = offset - first
        columns = np.arange(first, first + self._width + 1) % len(self._line)
        line, light = self._line[columns], self._light[columns]
        return line[:-1] + np.diff(line) * share, light[:-1] + np.diff(light) * share


class Water:
    """The surface of water: waves of four lengths, the longest of `length` pixels, run both ways."""

    def __init__(self, length: float, width: int, chance: np.random.Generator) -> None:
        lengths = length * np.array((1.0, 0.61, 0.37, 0.19)) * chance.uniform(0.9, 1.1, 4)
        self._turns = 2 * np.pi / lengths
        self._speeds = np.array((3.0, -2.1, 4.0, -5.2)) * chance.uniform(0.8, 1.2, 4)
        self._phases = chance.uniform(0, 2 * np.pi, 4)
        self._angles = (np.arange(width) * self._turns[:, None]).astype(np.float32)

    def at(self, offset: float, time_s: float) -> tuple[Line, Line]:
        """Its line at a time, from a fractional column on, and how much each column faces the light (-1 to 1)."""
        phases = (self._phases + self._turns * offset + self._speeds * time_s) % (2 * np.pi)
        swell = np.sin(self._angles + phases.astype(np.float32)[:, None])
        line = _SWELL @ (swell + np.float32(0.35) * swell * swell)  # crests are sharper than troughs
        slope = _SWELL @ (np.roll(swell, -1, axis=1) - swell)
        slope[-1] = slope[-2]
        return line.astype(np.float64), np.clip(slope * np.float32(1 / self._turns[0]), -1, 1)


def _hills(near: float, short: int, chance: np.random.Generator, *, fine: float = 2.2) -> Line:
    """A sum of waves that fit the period, each the weaker the shorter it is."""
    columns = _PERIOD * short
    spectrum = np.zeros(columns // 2 + 1, complex)
    waves = np.arange(3, min(400, columns // 4))
    strength = (waves / 3.0) ** -fine
    spectrum[waves] = strength * np.exp(2j * np.pi * chance.random(len(waves)))
    return _level(np.fft.irfft(spectrum, columns))


def _mountains(near: float, short: int, chance: np.random.Generator) -> Line:
    rough = _hills(near, short, chance, fine=1.15 + 0.35 * near)
    folded = 1 - np.abs(_hills(near, short, chance, fine=1.7))
    return _level(0.55 * folded + 0.45 * rough)


def _dunes(near: float, short: int, chance: np.random.Generator) -> Line:
    swell = _hills(near, short, chance, fine=2.6)
    crests = 1 - np.abs(_hills(near, short, chance, fine=3.2)) ** 0.9
    return _level(0.5 * swell + 0.7 * _smooth(crests, max(1, short // 90)))


def _forest(near: float, short: int, chance: np.random.Generator) -> Line:
    ground = 0.75 * _hills(near, short, chance)
    columns = len(ground)
    line = ground.copy()
    size = short * (0.035 + 0.10 * near)
    place = 0.0
    while place < columns:
        tall = size * chance.uniform(0.45, 1.0)
        _plant(line, ground, place, tall, short)
        place += tall * chance.uniform(0.22, 0.75) * (4 if chance.random() < 0.06 else 1)
    return line


def _plant(line: Line, ground: Line, place: float, tall: float, short: int) -> None:
    """Raise a conifer: a spike of tiers, each wider than the one above it."""
    half = max(2, int(tall * 0.24))
    columns = np.arange(int(place) - half, int(place) + half + 1)
    aside = np.abs(columns - place) / (tall * 0.24)
    tiers = 4
    height = 1 - aside - 0.10 * ((aside * tiers) % 1.0)
    unit = tall / (short * 0.11)
    columns = columns % len(line)
    line[columns] = np.maximum(
        line[columns], ground[int(place) % len(line)] + unit * np.clip(height, -0.05, 1)
    )


def _city(near: float, short: int, chance: np.random.Generator) -> Line:
    line = np.empty(_PERIOD * short)
    place = 0
    while place < len(line):
        wide = max(2, int(short * chance.uniform(0.02, 0.07) * (0.6 + 0.9 * near)))
        high = chance.uniform(-0.8, 0.5) + (chance.uniform(0.3, 1.0) if chance.random() < 0.2 else 0)
        line[place : place + wide] = high
        if chance.random() < 0.35:  # a setback, and now and then a mast
            line[place + wide // 4 : place + wide - wide // 4] = high + 0.16
        if chance.random() < 0.2:
            line[place + wide // 2 : place + wide // 2 + max(1, short // 360)] = high + 0.5
        place += wide
    return line


_LANDS: Final[dict[str, Callable[[float, int, np.random.Generator], Line]]] = {
    "mountains": _mountains,
    "dunes": _dunes,
    "forest": _forest,
    "city": _city,
}


def _level(line: Line) -> Line:
    line = line - line.mean()
    return line / (np.abs(line).max() or 1.0)


def _smooth(line: Line, reach: int) -> Line:
    """The mean over `reach` columns to either side, around the seam of the period."""
    width = 2 * reach + 1
    total = np.cumsum(np.concatenate((line[-reach - 1 :], line, line[:reach])))
    return (total[width:] - total[:-width]) / width
