"""What is heard at a seam: a click, or a step in level. Pure.

Sound is samples from -1 to 1, one channel: the end of one clip, and the start of the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.media.thresholds import LEVEL_VARIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_SEAM_S: Final = 0.004
_AROUND_S: Final = 0.2
_BLOCK_S: Final = 0.025
_SILENCE: Final = 1e-4
_SILENCE_DB: Final = -79.0
"""Below full scale: what is quieter is nothing."""


def click(before: NDArray[Any], after: NDArray[Any], rate: int) -> float:
    """How much more abruptly the sound turns within 4 ms of the seam than anywhere within 200 ms of it; 1 is as much.

    0 where there is too little sound to tell.
    """
    around, near = int(_AROUND_S * rate), int(_AT_SEAM_S * rate)
    left, right = before[-around:], after[:around]
    if min(len(left), len(right)) <= 4 * near:
        return 0.0
    turns = np.abs(np.diff(np.concatenate([left, right]), 2))
    seam = len(left) - 1
    here = float(turns[seam - near : seam + near].max())
    elsewhere = float(np.concatenate([turns[: seam - near], turns[seam + near :]]).max())
    return here / max(elsewhere, _SILENCE)


def level_step_db(before: NDArray[Any], after: NDArray[Any], rate: int) -> float:
    """The change of level at the seam, in dB, above 0 where it gets louder. 0 where one side is silent, or where the
    level varies as much by itself."""
    around = int(_AROUND_S * rate)
    left, right = _levels(before[-around:], rate), _levels(after[:around], rate)
    if not len(left) or not len(right) or min(left.max(), right.max()) <= _SILENCE_DB:
        return 0.0
    step = float(np.median(right) - np.median(left))
    own = max(float(left.std()), float(right.std()))
    return step if abs(step) >= LEVEL_VARIES * own else 0.0


def _levels(sound: NDArray[Any], rate: int) -> NDArray[np.float64]:
    """The level of each block of 25 ms, in dB."""
    block = int(_BLOCK_S * rate)
    blocks = np.asarray(sound[: len(sound) // block * block], np.float64).reshape(-1, block)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(np.square(blocks).mean(axis=1), _SILENCE**2))
    return levels
