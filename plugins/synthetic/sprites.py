"""Small lights in front of the scene: drifting bokeh, fireflies, and the glitter of a disc on water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .palette import mix, yuv

if TYPE_CHECKING:
    from .look import Look
    from .planes import Planes


@dataclass(frozen=True, slots=True)
class Light:
    """A soft ellipse that drifts and breathes. Lengths are pixels, speeds pixels or radians a second."""

    x: float
    y: float
    dx: float
    dy: float
    wide: float
    tall: float
    soft: float
    bright: float
    pulse: float
    phase: float
    sharp: int


def bokeh(look: Look, width: int, height: int) -> list[Light]:
    """Discs out of focus in daylight, fireflies in the dark."""
    chance = look.chance("bokeh")
    short = min(width, height)
    lights = []
    for _ in range(18 if look.palette.dark else 11):
        size = short * (chance.uniform(0.003, 0.007) if look.palette.dark else chance.uniform(0.014, 0.050))
        lights.append(
            Light(
                x=chance.uniform(0, width),
                y=chance.uniform(0.35 if look.palette.dark else 0.1, 1.0) * height,
                dx=-short * chance.uniform(0.02, 0.09),
                dy=-short * chance.uniform(0.01, 0.05),
                wide=size,
                tall=size,
                soft=size * 1.6 if look.palette.dark else max(1.5, size * 0.22),
                bright=chance.uniform(0.5, 0.9) if look.palette.dark else chance.uniform(0.06, 0.20),
                pulse=chance.uniform(0.5, 1.6),
                phase=chance.uniform(0, 6.28),
                sharp=1,
            )
        )
    return lights


def glitter(look: Look, width: int, height: int, x: float, horizon: int) -> list[Light]:
    """Dashes of light on the water, in a path that widens from below the disc towards the viewer."""
    chance = look.chance("glitter")
    short = min(width, height)
    lights = []
    for _ in range(70):
        near = chance.random() ** 1.4
        lights.append(
            Light(
                x=x + chance.normal() * short * (0.03 + 0.13 * near),
                y=horizon + 2 + near * (height - horizon) * 0.95,
                dx=short * chance.uniform(-0.01, 0.01),
                dy=0,
                wide=short * (0.006 + 0.030 * near) * chance.uniform(0.6, 1.4),
                tall=short * (0.0008 + 0.0030 * near),
                soft=max(1.0, short * 0.0025),
                bright=0.85 - 0.45 * near,
                pulse=chance.uniform(2.0, 5.0),
                phase=chance.uniform(0, 6.28),
                sharp=3,
            )
        )
    return lights


class Lights:
    """Draws lights of one colour onto planes."""

    def __init__(self, look: Look, lights: list[Light]) -> None:
        self._lights = lights
        self._levels = yuv(mix(look.palette.horizon, look.palette.disc, 0.7))

    def draw(self, planes: Planes, time_s: float) -> None:
        height, width = planes.y.shape
        for light in self._lights:
            breath = 0.5 + 0.5 * np.sin(light.pulse * time_s + light.phase)
            bright = (
                light.bright * (0.25 + 0.75 * breath)
                if light.sharp == 1
                else light.bright * breath**light.sharp
            )
            if bright < 0.02:
                continue
            reach = light.wide + light.soft
            x = (light.x + light.dx * time_s + reach) % (width + 2 * reach) - reach
            y = (light.y + light.dy * time_s + reach) % (height + 2 * reach) - reach
            for plane, level, scale in zip(planes.each(), self._levels, (1, 2, 2), strict=True):
                _spot(plane, light, x / scale, y / scale, scale, float(level), bright)


def _spot(
    plane: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
    light: Light,
    x: float,
    y: float,
    scale: int,
    level: float,
    bright: float,
) -> None:
    height, width = plane.shape
    wide, tall, soft = light.wide / scale, light.tall / scale, light.soft / scale
    left, right = max(0, int(x - wide - soft)), min(width, int(x + wide + soft) + 2)
    top, bottom = max(0, int(y - tall - soft)), min(height, int(y + tall + soft) + 2)
    if left >= right or top >= bottom:
        return
    across = np.clip(np.abs(np.arange(left, right, dtype=np.float32) + 0.5 - x) - (wide - tall), 0, None)
    down = np.arange(top, bottom, dtype=np.float32) + 0.5 - y
    away = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    share = np.clip((tall - away) / soft + 0.5, 0, 1)
    share *= share * (3 - 2 * share) * np.float32(bright)
    box = plane[top:bottom, left:right]
    box[...] = box + (level - box) * share + np.float32(0.5)
