"""A moving landscape, drawn from a look: sky, land in depth, lights in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .layers import SHADES, Shading, fill, shading, soften
from .palette import mix
from .planes import Planes
from .sky import Sky
from .sprites import Lights, bokeh, glitter
from .terrain import Line, outline, waves

if TYPE_CHECKING:
    from .look import Look

_LAYERS: Final = 6


class Scene:
    """Draws any moment of a shot. `width` and `height` are even; the time may be any number of seconds."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        chance = look.chance("scene")
        self._width, self._height = width, height
        short = min(width, height)
        horizon = int(height * chance.uniform(0.50, 0.62))
        self._sky = Sky(look, width, height, horizon)
        self._way = float(chance.choice((-1, 1)))
        self._drift = short * chance.uniform(0.012, 0.022)
        self._layers = [_Layer(look, index, width, height, horizon, self._way) for index in range(_LAYERS)]
        lights = bokeh(look, width, height)
        if look.land == "sea":
            lights = glitter(look, width, height, self._sky.disc_x, horizon) + lights[:6]
        self._lights = Lights(look, lights)
        self._luma = np.zeros((width, height), np.uint8)
        self._chroma = np.zeros((width // 2, height // 2), np.uint16)

    def draw(self, time_s: float) -> Planes:
        """The picture at a time; a new one at each call."""
        luma, chroma = self._luma, self._chroma
        pair = chroma.view(np.uint8).reshape(*chroma.shape, 2)
        self._sky.draw((luma, pair[..., 0], pair[..., 1]), self._way * self._drift * time_s)
        seen = [layer.at(time_s) for layer in self._layers]
        for index, (layer, (edge, shade)) in enumerate(zip(self._layers, seen, strict=True)):
            below = seen[index + 1][0].max() if index + 1 < len(seen) else self._height
            until = min(self._height, (int(below) + 3) // 2 * 2)
            fill(luma, layer.shading.luma, edge, shade, until)
            soften(luma, layer.shading.luma, edge)
            fill(chroma, layer.shading.chroma, edge[::2] / 2, shade[::2], until // 2)
        planes = Planes(
            np.ascontiguousarray(luma.T),
            np.ascontiguousarray(pair[..., 0].T),
            np.ascontiguousarray(pair[..., 1].T),
        )
        self._lights.draw(planes, time_s)
        return planes


class _Layer:
    """One outline, its place in the picture, its speed and its colours."""

    def __init__(self, look: Look, index: int, width: int, height: int, horizon: int, way: float) -> None:
        chance = look.chance(f"layer {index}")
        near = index / (_LAYERS - 1)
        short = min(width, height)
        water = look.land == "sea"
        self._columns = np.arange(width, dtype=np.float64)
        deep = height - horizon
        if water:
            self._surface = waves(int(short * (0.12 + 0.75 * near)), chance)
            self._base = horizon + deep * 0.94 * near**1.55
            self._high = short * (0.001 + 0.034 * near)
        else:
            self._outline = outline(look.land, near, short, chance)
            self._base = horizon + deep * (0.02 + 0.80 * near**1.15)
            self._high = {"mountains": 0.17, "dunes": 0.085, "forest": 0.11, "city": 0.17}[look.land] * short
            self._high *= 1.0 - 0.35 * near
        self._speed = way * short * (0.006 + 0.15 * near**1.7)
        self._start = chance.uniform(0, 6 * short)
        self._water = water
        self.shading = _colours(look, near, height, short)

    def at(self, time_s: float) -> tuple[Line, np.ndarray[tuple[int], np.dtype[np.intp]]]:
        """Its edge in rows and its shade, for each column."""
        offset = self._start + self._speed * time_s
        if self._water:
            line = self._surface(time_s, self._columns + offset)
            light = np.gradient(line)
            light = light / (np.abs(light).max() or 1.0)
        else:
            line, light = self._outline.at(offset, self._width)
        shade = np.rint((light + 1) / 2 * (SHADES - 1)).astype(np.intp)
        return self._base - self._high * line, shade

    @property
    def _width(self) -> int:
        return len(self._columns)


def _colours(look: Look, near: float, height: int, short: int) -> Shading:
    colours = look.palette
    haze = mix(colours.horizon, colours.middle, 0.35)
    crest = mix(haze, colours.near, 0.22 + 0.74 * near**0.85)
    if look.land == "sea":
        crest = mix(mix(colours.middle, colours.zenith, 0.25), colours.near, 0.10 + 0.70 * near)
        foot = mix(crest, colours.near, 0.45)
    else:
        foot = mix(crest, haze, 0.55 * (1 - 0.75 * near))
    rim = mix(crest, colours.disc, 0.45 * (1 - 0.6 * near))
    relief = {"mountains": 12, "dunes": 20, "sea": 10, "forest": 2, "city": 0}[look.land]
    return shading(crest, foot, rim, height=height, short=short, relief=relief * (1 - 0.4 * near))
