"""How the colours of a clip wander while its image stays the same: what a chain hands on and adds up.

Looked for where a clip ends. A model that drifts does so to the end, while a dissolve or a change of light that the
prompt asked for has mostly settled by then, and over the whole clip the two cannot be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from runner.media.seam import ColourChange, colour_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SAME_SCENE: Final = 0.9
_NOTED_LUMA: Final = 12.0
_NOTED_HUE: Final = 12.0
_NOTED_CHROMA: Final = 4.0


def drift(stations: Sequence[NDArray[Any]]) -> ColourChange:
    """The colour change over the last third of a clip, given frames spread evenly over it; none if the scene changes.

    Luma and chroma in 8-bit levels, hue in degrees, as `colour_change` has them.
    """
    start, end = stations[(len(stations) - 1) * 2 // 3], stations[-1]
    if _structure(start, end) < _SAME_SCENE:
        return ColourChange(0.0, 0.0, 0.0)
    return colour_change(start, end)


def described(change: ColourChange) -> str:
    """The drift in words where it is worth a word, else nothing."""
    parts = []
    if abs(change.luma) >= _NOTED_LUMA:
        parts.append(f"{abs(change.luma):.0f} levels {'brighter' if change.luma > 0 else 'darker'}")
    if change.chroma >= _NOTED_CHROMA and abs(change.hue_deg) >= _NOTED_HUE:
        parts.append(f"{abs(change.hue_deg):.0f} degrees of hue away")
    return " and ".join(parts)


def _structure(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The correlation of two reduced grey images, which brightness and colour do not touch."""
    first, second = _reduced(a), _reduced(b)
    spread = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    return float((first * second).sum()) / spread if spread > 1e-9 else 0.0


def _reduced(rgb: NDArray[Any]) -> NDArray[np.float64]:
    small = Image.fromarray(rgb).convert("L").resize((96, 54), Image.Resampling.BOX)
    grey: NDArray[np.float64] = np.asarray(small, np.float64)
    centred: NDArray[np.float64] = grey - float(grey.mean())
    return centred
