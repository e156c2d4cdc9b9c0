"""The soundtrack: a soft chord that swells and fades, in a key of the shot's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from .look import Look

RATE: Final = 48_000
_CHORDS: Final = (
    (0, 7, 12, 16, 19),
    (0, 7, 12, 15, 22),
    (0, 7, 14, 16, 21),
    (0, 5, 12, 17, 19),
    (0, 7, 11, 14, 16),
)
_SCALE: Final = (0, 2, 4, 7, 9)
_LOUD: Final = 0.055
"""Of full scale, for each note: about -20 dBFS together."""


class Chord:
    """Samples by position, so that a clip of any length needs no more memory than a moment of it."""

    def __init__(self, look: Look, duration_s: Fraction) -> None:
        chance = look.chance("sound")
        root = 110 * 2 ** ((int(chance.choice(_SCALE)) + int(chance.integers(-3, 4))) / 12)
        notes = _CHORDS[int(chance.integers(len(_CHORDS)))]
        self.samples = max(1, round(duration_s * RATE))
        self._pitch = root * 2 ** (np.array(notes) / 12)
        self._detune = chance.uniform(0.0006, 0.0016)
        self._swell = chance.uniform(0.05, 0.13, len(notes))
        self._phase = chance.uniform(0, 2 * np.pi, len(notes))
        self._edge = min(0.4 * RATE, self.samples / 4)

    def at(self, first: int, count: int) -> NDArray[np.float32]:
        """Left and right, shape (2, count), -1 to 1, from sample `first` on."""
        place = np.arange(first, first + count, dtype=np.float64)
        time_s = place / RATE
        out = np.zeros((2, count))
        for pitch, swell, phase in zip(self._pitch, self._swell, self._phase, strict=True):
            level = 0.6 + 0.4 * np.sin(2 * np.pi * swell * time_s + phase)
            for side, detune in enumerate((-self._detune, self._detune)):
                angle = 2 * np.pi * pitch * (1 + detune) * time_s + phase
                out[side] += level * (np.sin(angle) + 0.18 * np.sin(2 * angle))
        ends = np.clip(np.minimum(place, self.samples - 1 - place) / self._edge, 0, 1)
        result: NDArray[np.float32] = (out * (_LOUD * ends * ends * (3 - 2 * ends))).astype(np.float32)
        return result
