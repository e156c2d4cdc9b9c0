"""Size, rate and length of a clip, from the words of a request."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runner.api import ShotRequest

DURATION_S: Final = (0.1, 600.0)
_SHORT_SIDE: Final = (64, 2160)
_LONG_SIDE: Final = 4096
_FPS: Final = (1.0, 120.0)
_TELEVISION: Final = (24, 30, 48, 60, 120)


@dataclass(frozen=True, slots=True)
class Geometry:
    """`width` and `height` in pixels, both even; `frames` at exactly `fps` frames a second."""

    width: int
    height: int
    fps: Fraction
    frames: int

    @property
    def duration_s(self) -> Fraction:
        return self.frames / self.fps


def geometry(request: ShotRequest) -> Geometry:
    """Read the geometry of a request. Raises `ValueError` that names the field and what it may be."""
    low, high = DURATION_S
    if not low <= request.duration_s <= high:
        raise ValueError(f"a duration of {request.duration_s:g} s; it may be {low:g} to {high:g} s")
    if not _FPS[0] <= request.fps <= _FPS[1]:
        raise ValueError(f"{request.fps:g} frames per second; it may be {_FPS[0]:g} to {_FPS[1]:g}")
    width, height = _size(request.aspect_ratio, request.resolution)
    fps = rate(request.fps)
    frames = max(1, math.floor(Fraction(request.duration_s) * fps + Fraction(1, 2)))
    return Geometry(width=width, height=height, fps=fps, frames=frames)


def rate(fps: float) -> Fraction:
    """The exact rate that a person means: 23.976 and 23.98 are 24000/1001, as television has it."""
    for nominal in _TELEVISION:
        ntsc = Fraction(nominal * 1000, 1001)
        if abs(float(ntsc) - fps) < 0.006:
            return ntsc
    return Fraction(fps).limit_denominator(1001)


def _size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    number = r"(\d+(?:\.\d+)?)"
    aspect = re.fullmatch(rf"\s*{number}\s*:\s*{number}\s*", aspect_ratio, re.ASCII)
    if aspect is None or not (wide := float(aspect[1])) or not (tall := float(aspect[2])):
        raise ValueError(f"an aspect ratio of {aspect_ratio!r}; it is written W:H, such as 16:9")
    match = re.fullmatch(r"\s*(\d{1,5})p\s*", resolution, re.ASCII)
    low, high = _SHORT_SIDE
    if match is None or not low <= int(match[1]) <= high or int(match[1]) % 2:
        raise ValueError(f"a resolution of {resolution!r}; it is an even short side of {low}p to {high}p")
    short = int(match[1])
    long = round(short * max(wide, tall) / min(wide, tall) / 2) * 2
    if long > _LONG_SIDE:
        raise ValueError(
            f"{aspect_ratio} at {resolution} is {long} pixels long; at most {_LONG_SIDE} can be drawn"
        )
    return (long, short) if wide >= tall else (short, long)
