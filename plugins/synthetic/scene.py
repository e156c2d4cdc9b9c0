"""A moving landscape, drawn from a look: sky, land in depth, lights in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .layers import SHADES, Shading, fill, shading, soften
from .palette import mix
from .planes import Planes
from .sky import Sky
from .sprites import Bokeh, Glitter
from .terrain import Line, Water, outline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .look import Look

_LAYERS: Final = {"mountains": 6, "dunes": 6, "forest": 6, "city": 6, "sea": 9}
_HIGH: Final = {"mountains": 0.17, "dunes": 0.105, "forest": 0.11, "city": 0.17}
"""How far outlines rise and fall around their base, as a share of the short side."""
_SPEED: Final = {"mountains": 1.3, "dunes": 2.3, "forest": 0.75, "city": 0.6, "sea": 3.2}
"""The gentler the outlines, the faster they pass: from one frame to the next each image changes visibly."""
_RELIEF: Final = {"mountains": 11, "dunes": 26, "sea": 14, "forest": 2, "city": 0}


class Scene:
    """Draws any moment of a shot. `width` and `height` are even; the time may be any number of seconds."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        chance = look.chance("scene")
        self._height = height
        horizon = int(height * chance.uniform(0.50, 0.62))
        self._sky = Sky(look, width, height, horizon)
        self._way = float(chance.choice((-1, 1)))
        self._drift = self._way * min(width, height) * chance.uniform(0.022, 0.036)
        count = _LAYERS[look.land]
        self._layers = [
            _Layer(look, index, index / (count - 1), (width, height), horizon, self._way)
            for index in range(count)
        ]
        wet = look.land == "sea"
        self._glitter = Glitter(look, width, height, self._sky.disc_x, horizon) if wet else None
        self._bokeh = Bokeh(look, width, height, 5 if wet else 16 if look.palette.dark else 10)
        self._luma = np.zeros((width, height), np.uint8)
        self._chroma = np.zeros((width // 2, height // 2), np.uint16)

    def draw(self, time_s: float) -> Planes:
        """The image at a time; a new one at each call."""
        luma, chroma = self._luma, self._chroma
        pair = chroma.view(np.uint8).reshape(*chroma.shape, 2)
        self._sky.draw((luma, pair[..., 0], pair[..., 1]), self._drift * time_s)
        seen = [layer.at(time_s) for layer in self._layers]
        for index, (layer, (edge, shade)) in enumerate(zip(self._layers, seen, strict=True)):
            below = seen[index + 1][0].max() if index + 1 < len(seen) else self._height
            until = min(self._height, (int(below) + 3) // 2 * 2)
            fill(luma, layer.shading.luma, edge, shade, until)
            soften(luma, layer.shading.luma, edge)
            fill(chroma, layer.shading.chroma, edge[::2] / 2 - 0.5, shade[::2], until // 2)
        planes = Planes(*(np.ascontiguousarray(plane.T) for plane in (luma, pair[..., 0], pair[..., 1])))
        if self._glitter is not None:
            self._glitter.draw(planes, time_s)
        self._bokeh.draw(planes, time_s)
        return planes


class _Layer:
    """One outline, its place in the image, its speed and its colours."""

    def __init__(
        self, look: Look, index: int, near: float, size: tuple[int, int], horizon: int, way: float
    ) -> None:
        width, height = size
        chance = look.chance(f"layer {index}")
        short, deep = min(size), height - horizon
        self._width = width
        self._start = chance.uniform(0, 6 * short)
        self._water = self._outline = None
        if look.land == "sea":
            self._water = Water(short * (0.10 + 0.75 * near), width, chance)
            self._base = horizon + deep * 0.92 * near**1.6
            self._high = short * (0.0012 + 0.036 * near)
            travel = 0.004 + 0.05 * near
        else:
            self._outline = outline(look.land, near, short, chance)
            self._base = horizon + deep * (0.02 + 0.80 * near**1.15)
            self._high = _HIGH[look.land] * short * (1 - 0.35 * near)
            travel = 0.012 + 0.19 * near**1.6
        self._speed = way * short * travel * _SPEED[look.land]
        self.shading = _colours(look, near, height, short)

    def at(self, time_s: float) -> tuple[Line, NDArray[np.intp]]:
        """Its edge in rows and its shade, for each column."""
        offset = self._start + self._speed * time_s
        if self._outline is not None:
            line, light = self._outline.at(offset, self._width)
        elif self._water is not None:
            line, light = self._water.at(offset, time_s)
        shade = np.rint((light + 1) / 2 * (SHADES - 1)).astype(np.intp)
        return self._base - self._high * line, shade


def _colours(look: Look, near: float, height: int, short: int) -> Shading:
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
    rim = mix(crest, colours.disc, 0.45 * (1 - 0.6 * near))
    relief = _RELIEF[look.land] * (1 - 0.4 * near)
    return shading(crest, foot, rim, height=height, short=short, fog=fog, relief=relief)
