"""Land seen in depth: each layer is an outline over a column of colours, the nearer the faster.

Everything here is laid out column by column (shape (width, height)): then the colours below an outline are
one contiguous piece of a table, which is what makes this fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .palette import Colour, yuv

Columns = NDArray[np.uint8]

SHADES = 24
"""Steps of light on a slope."""


@dataclass(frozen=True, slots=True)
class Shading:
    """The colours below an outline, for each shade and depth.

    Shape (SHADES, 2 * height + 1), depth 0 in the middle. Chroma is a pair of bytes in one number, so that
    both planes are looked up at once.
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

    def table(rows: int, side: float) -> NDArray[np.float32]:
        depth = np.clip(np.arange(2 * rows + 1) - rows, 0, None)
        far = (1 - np.exp(-depth / (fog * side)))[:, None]
        edge = np.exp(-depth / max(1.0, 0.006 * side))[:, None] * 0.5
        body = crest + (foot - crest) * far
        levels = yuv(body + (rim - body) * edge)[None].repeat(SHADES, axis=0)
        light = np.linspace(-relief, relief, SHADES, dtype=np.float32)
        levels[..., 0] += light[:, None] * np.exp(-depth / (0.53 * fog * side)).astype(np.float32)
        return np.clip(np.rint(levels), 16, 240)

    return Shading(
        luma=table(height, short)[..., 0].astype(np.uint8), chroma=_pairs(table(height // 2, short / 2))
    )


def _pairs(table: NDArray[np.float32]) -> NDArray[np.uint16]:
    pairs = np.ascontiguousarray(table[..., 1:].astype(np.uint8))
    return pairs.view(np.uint16)[..., 0]


def fill(
    target: NDArray[np.uint8] | NDArray[np.uint16],
    table: NDArray[np.uint8] | NDArray[np.uint16],
    edge: NDArray[np.float64],
    shade: NDArray[np.intp],
    until: int,
) -> None:
    """Paint everything from `edge` (rows, one a column) down to row `until`, in the colours of `table`."""
    height = target.shape[1]
    top = np.clip(np.ceil(edge), 0, height).astype(np.intp)
    first = max(0, int(top.min()))
    rows = until - first
    if rows <= 0:
        return
    start = height + first - top
    colours = sliding_window_view(table, rows, axis=1)[shade, start]
    below = sliding_window_view(np.arange(2 * height + 1) >= height, rows)[start]
    np.copyto(target[:, first:until], colours, where=below)


def soften(
    target: NDArray[np.uint8], table: NDArray[np.uint8], edge: NDArray[np.float64], reach: int = 4
) -> None:
    """Anti-alias an outline just painted: cover the pixels above it in part."""
    height = target.shape[1]
    steep = np.clip(np.abs(np.gradient(edge)), 1, reach)
    rows = np.ceil(edge).astype(np.intp)[:, None] - np.arange(1, reach)[None]
    cover = np.clip((rows + 1 - edge[:, None]) / steep[:, None] + 0.5 * (1 - 1 / steep[:, None]), 0, 1)
    cover[(rows < 0) | (rows >= height)] = 0
    rows = np.clip(rows, 0, height - 1)
    columns = np.arange(target.shape[0])[:, None]
    behind = target[columns, rows].astype(np.float64)
    front = float(table[SHADES // 2, height])
    target[columns, rows] = np.rint(behind + (front - behind) * cover).astype(np.uint8)
