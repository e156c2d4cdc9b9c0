"""Land seen in depth: each layer is an outline over a column of colours, the nearer the faster.

Everything here is laid out column by column (shape (width, height)): then the colours below an outline are
one contiguous piece of a table, which is what makes this fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .palette import yuv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .palette import Colour
    from .terrain import Line

SHADES: Final = 24
"""Steps of light on a slope."""

_REACH: Final = 4
_Number = TypeVar("_Number", np.uint8, np.uint16)


@dataclass(frozen=True, slots=True)
class Shading:
    """The colours below an outline, looked up as [shade, height - row of the outline], a column at a time.

    Shape (SHADES, height + 2, height) for luma. Chroma is half that, a pair of bytes in one number, so that
    both planes are looked up at once. Each is a view that slides over a small table.
    """

    luma: NDArray[np.uint8]
    chroma: NDArray[np.uint16]


def shading(
    crest: Colour, foot: Colour, rim: Colour, *, height: int, short: int, fog: float, relief: float
) -> Shading:
    """From `crest` at the outline to `foot` far below it, with a line of `rim` light along the edge.

    `fog` is how far down that takes, as a share of the short side. `relief` is how much slopes that face the
    light differ from those that do not, in levels of luma.
    """

    def table(rows: int, side: float) -> NDArray[np.uint8]:
        depth = np.clip(np.arange(2 * rows + 1) - rows, 0, None)
        far = (1 - np.exp(-depth / (fog * side)))[:, None]
        edge = np.exp(-depth / max(1.0, 0.006 * side))[:, None] * 0.5
        body = crest + (foot - crest) * far
        levels = yuv(body + (rim - body) * edge)[None].repeat(SHADES, axis=0)
        light = np.linspace(-relief, relief, SHADES, dtype=np.float32)
        levels[..., 0] += light[:, None] * np.exp(-depth / (0.53 * fog * side)).astype(np.float32)
        return np.clip(np.rint(levels), 16, 240).astype(np.uint8)

    luma = table(height, short)[..., 0]
    chroma = np.ascontiguousarray(table(height // 2, short / 2)[..., 1:]).view(np.uint16)[..., 0]
    return Shading(_sliding(luma, height), _sliding(chroma, height // 2))


def fill(
    target: NDArray[_Number], table: NDArray[_Number], edge: Line, shade: NDArray[np.intp], until: int
) -> None:
    """Paint everything from `edge` (rows, one a column) down to row `until`, in the colours of `table`."""
    height = target.shape[1]
    top = np.minimum(np.maximum(np.ceil(edge), 0), height).astype(np.intp)
    first = int(top.min())
    rows = until - first
    if rows <= 0:
        return
    start = height + first - top
    below = _below(height)[start, :rows]
    np.copyto(target[:, first:until], table[shade, start, :rows], where=below)


def soften(target: NDArray[np.uint8], table: NDArray[np.uint8], edge: Line) -> None:
    """Anti-alias an outline just painted: cover the pixels above it in part, on steep slopes more of them."""
    width, height = target.shape
    steep = np.minimum(np.maximum(np.abs(np.diff(edge, append=edge[-1:])), 1), _REACH)[:, None]
    rows = np.ceil(edge).astype(np.intp)[:, None] - np.arange(1, _REACH)
    cover = np.clip((rows + 1 - edge[:, None]) / steep + 0.5 * (1 - 1 / steep), 0, 1)
    cover[(rows < 0) | (rows >= height)] = 0
    place = np.clip(rows, 0, height - 1) + np.arange(width)[:, None] * height
    flat = target.reshape(-1)
    behind = flat[place]
    flat[place] = behind + (float(table[SHADES // 2, height, 0]) - behind) * cover + 0.5


def _sliding(table: NDArray[_Number], height: int) -> NDArray[_Number]:
    return sliding_window_view(table, height, axis=1)


@lru_cache(maxsize=8)
def _below(height: int) -> NDArray[np.bool_]:
    """Whether each row lies below an outline, looked up as [height - row of the outline]."""
    return sliding_window_view(np.arange(2 * height + 1) >= height, height)
