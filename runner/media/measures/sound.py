"""How loud samples are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from runner.media.loudness import integrated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK: Final = 4_800
"""Samples that are measured at a time: 0.1 s."""


def loudness_lufs(sound: NDArray[np.float32]) -> float | None:
    """The integrated loudness (EBU R 128) of mono samples at 48 kHz, heard from two speakers; `None` is silence."""

    def blocks() -> Iterator[NDArray[np.float32]]:
        for at in range(0, sound.size, _BLOCK):
            yield np.stack([sound[at : at + _BLOCK]] * 2)

    return integrated(blocks())
