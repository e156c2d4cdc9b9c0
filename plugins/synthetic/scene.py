"""A moving landscape, drawn from a look: sky, land in depth, lights in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .layers import Layer
from .planes import Planes
from .sky import Sky
from .sprites import Bokeh, Glitter

if TYPE_CHECKING:
    from .look import Look

_LAYERS: Final = {"mountains": 6, "dunes": 6, "forest": 6, "city": 6, "sea": 9}


class Scene:
    """Draws any moment of a shot. `width` and `height` are even; the time may be any number of seconds."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        chance = look.chance("scene")
        self._height = height
        horizon = int(height * chance.uniform(0.50, 0.62))
        self._sky = Sky(look, width, height, horizon)
        way = float(chance.choice((-1, 1)))
        self._drift = way * min(width, height) * chance.uniform(0.022, 0.036)
        count = _LAYERS[look.land]
        self._layers = [
            Layer(look, index, index / (count - 1), (width, height), horizon, way) for index in range(count)
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
        columns = (luma, pair[..., 0], pair[..., 1])
        self._sky.draw(columns, self._drift * time_s)
        seen = [layer.at(time_s) for layer in self._layers]
        for index, (layer, (edge, shade)) in enumerate(zip(self._layers, seen, strict=True)):
            below = seen[index + 1][0].max() if index + 1 < len(seen) else self._height
            layer.draw(luma, chroma, edge, shade, until=min(self._height, (int(below) + 3) // 2 * 2))
        planes = Planes(*(np.ascontiguousarray(plane.T) for plane in columns))
        if self._glitter is not None:
            self._glitter.draw(planes, time_s)
        self._bokeh.draw(planes, time_s)
        return planes
