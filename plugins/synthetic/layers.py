"""Land seen in depth: each layer is an outline over a column of colours, the nearer the faster.

Everything here is laid out column by column (shape (width, height)): then the colours below an outline are
one contiguous piece of a table, which is what makes this fast.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .planes import mix, yuv
from .terrain import Line, Outline, Water

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .look import Look
    from .planes import Colour

_HIGH: Final = {"mountains": 0.17, "dunes": 0.105, "forest": 0.11, "city": 0.17}
"""How far outlines rise and fall around their base, as a share of the short side."""
_SPEED: Final = {"mountains": 1.3, "dunes": 2.3, "forest": 0.75, "city": 0.6, "sea": 3.2}
"""The gentler the outlines, the faster they pass: from one frame to the next each image changes visibly."""
_RELIEF: Final = {"mountains": 11, "dunes": 26, "sea": 14, "forest": 2, "city": 0}
"""How much slopes that face the light differ from those that do not, in levels of luma."""
_SHADES: Final = 24  # steps of light on a slope
_REACH: Final = 4
_Number = TypeVar("_Number", np.uint8, np.uint16)


class Layer:
    """One outline, its place in the image, its speed and its colours.

    The colours below the outline are looked up as [shade, height - row of the outline], a column at a time: shape
    (_SHADES, height + 2, height) for luma, each a view that slides over a small table. Chroma is half that, a pair of
    bytes in one number, so that both planes are looked up at once.
    """

    def __init__(
        self, look: Look, index: int, near: float, size: tuple[int, int], horizon: int, way: float
    ) -> None:
        width, height = size
        chance = look.chance(f"layer {index}")
        short, deep = min(size), height - horizon
        self._start = chance.uniform(0, 6 * short)
        self._surface: Outline | Water
        if look.land == "sea":
            self._surface = Water(short * (0.10 + 0.75 * near), width, chance)
            self._base = horizon + deep * 0.92 * near**1.6
            self._high = short * (0.0012 + 0.036 * near)
            travel = 0.004 + 0.05 * near
        else:
            self._surface = Outline(look.land, near, short, width, chance)
            self._base = horizon + deep * (0.02 + 0.80 * near**1.15)
            self._high = _HIGH[look.land] * short * (1 - 0.35 * near)
            travel = 0.012 + 0.19 * near**1.6
        self._speed = way * short * travel * _SPEED[look.land]
        colours = _colours(look, near)
        self._luma = _sliding(_table(look, near, colours, height, short)[..., 0], height)
        chroma = np.ascontiguousarray(_table(look, near, colours, height // 2, short / 2)[..., 1:])
        self._chroma = _sliding(chroma.view(np.uint16)[..., 0], height // 2)

    def at(self, time_s: float) -> tuple[Line, NDArray[np.intp]]:
        """Its edge in rows and its shade, for each column."""
        line, light = self._surface.at(self._start + self._speed * time_s, time_s)
        shade = np.rint((light + 1) / 2 * (_SHADES - 1)).astype(np.intp)
        return self._base - self._high * line, shade

    def draw(
        self,
        luma: NDArray[np.uint8],
        chroma: NDArray[np.uint16],
        edge: Line,
        shade: NDArray[np.intp],
        until: int,
    ) -> None:
        """Paint from `edge` down to row `until`, which is even."""
        _fill(luma, self._luma, edge, shade, until)
        _soften(luma, self._luma, edge)
        _fill(chroma, self._chroma, edge[::2] / 2 - 0.5, shade[::2], until // 2)


def _colours(look: Look, near: float) -> tuple[Colour, Colour, Colour, float]:
    """At the outline, far below it, in the line of light along it; and how far down the fog reaches, in short sides."""
    colours = look.palette
    haze = mix(colours.horizon, colours.middle, 0.35)
    fog = 0.30
    if look.land == "sea":
        # Far water mirrors the low sky, near water shows its own depth.
        crest = mix(mix(haze, colours.middle, 0.55 * near), colours.near, 0.18 + 0.55 * near**0.8)
        foot = mix(crest, colours.near, 0.45)
        fog = 0.03 + 0.15 * near
    else:
        crest = mix(haze, colours.near, 0.22 + 0.74 * near**0.85)
        foot = mix(crest, haze, 0.55 * (1 - 0.75 * near))
    return crest, foot, mix(crest, colours.disc, 0.45 * (1 - 0.6 * near)), fog


def _table(
    look: Look, near: float, colours: tuple[Colour, Colour, Colour, float], rows: int, short: float
) -> NDArray[np.uint8]:
    """The video levels of each shade, `rows` above the outline and as many below it."""
    crest, foot, rim, fog = colours
    depth = np.clip(np.arange(2 * rows + 1) - rows, 0, None)
    far = (1 - np.exp(-depth / (fog * short)))[:, None]
    edge = np.exp(-depth / max(1.0, 0.006 * short))[:, None] * 0.5
    body = crest + (foot - crest) * far
    levels = yuv(body + (rim - body) * edge)[None].repeat(_SHADES, axis=0)
    relief = _RELIEF[look.land] * (1 - 0.4 * near)
    light = np.linspace(-relief, relief, _SHADES, dtype=np.float32)
    levels[..., 0] += light[:, None] * np.exp(-depth / (0.53 * fog * short)).astype(np.float32)
    return np.clip(np.rint(levels), 16, 240).astype(np.uint8)


def _fill(
    target: NDArray[_Number], table: NDArray[_Number], edge: Line, shade: NDArray[np.intp], until: int
) -> None:
    """Paint everything from `edge` (rows, one a column) down to row `until`, in the colours of `table`."""
    height = target.shape[1]
    top = np.clip(np.ceil(edge), 0, height).astype(np.intp)
    first = int(top.min())
    rows = until - first
    if rows <= 0:
        return
    start = height + first - top
    below = _below(height)[start, :rows]
    np.copyto(target[:, first:until], table[shade, start, :rows], where=below)


def _soften(target: NDArray[np.uint8], table: NDArray[np.uint8], edge: Line) -> None:
    """Anti-alias an outline just painted: cover the pixels above it in part, on steep slopes more of them."""
    width, height = target.shape
    steep = np.clip(np.abs(np.diff(edge, append=edge[-1:])), 1, _REACH)[:, None]
    rows = np.ceil(edge).astype(np.intp)[:, None] - np.arange(1, _REACH)
    cover = np.clip((rows + 1 - edge[:, None]) / steep + 0.5 * (1 - 1 / steep), 0, 1)
    cover[(rows < 0) | (rows >= height)] = 0
    place = np.clip(rows, 0, height - 1) + np.arange(width)[:, None] * height
    flat = target.reshape(-1)
    behind = flat[place]
    flat[place] = behind + (float(table[_SHADES // 2, height, 0]) - behind) * cover + 0.5


def _sliding(table: NDArray[_Number], height: int) -> NDArray[_Number]:
    return sliding_window_view(table, height, axis=1)


@lru_cache(maxsize=8)
def _below(height: int) -> NDArray[np.bool_]:
    """Whether each row lies below an outline, looked up as [height - row of the outline]."""
    return sliding_window_view(np.arange(2 * height + 1) >= height, height)
