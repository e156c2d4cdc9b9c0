"""Size, rate and length of a clip, from the words of a request."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from runner.api import Objection

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    for problem in problems(request):
        raise ValueError(f"{problem.key} of {problem.value!r}: it is {problem.allowed}")
    width, height = _size(request.aspect_ratio, request.resolution)
    fps = rate(request.fps)
    frames = max(1, math.floor(Fraction(request.duration_s) * fps + Fraction(1, 2)))
    return Geometry(width=width, height=height, fps=fps, frames=frames)


def problems(request: ShotRequest) -> Iterator[Objection]:
    """What of a request's geometry cannot be drawn."""
    cannot = "synthetic cannot make this"
    low, high = DURATION_S
    if not low <= request.duration_s <= high:
        yield Objection("duration_s", cannot, request.duration_s, f"{low:g} to {high:g} s")
    if not _FPS[0] <= request.fps <= _FPS[1]:
        yield Objection("fps", cannot, request.fps, f"{_FPS[0]:g} to {_FPS[1]:g} frames per second")
    shape, short = _shape(request.aspect_ratio), _short_side(request.resolution)
    if shape is None:
        yield Objection("aspect_ratio", cannot, request.aspect_ratio, "written W:H, such as 16:9")
    if short is None:
        least, most = _SHORT_SIDE
        yield Objection(
            "resolution", cannot, request.resolution, f"an even short side of {least}p to {most}p"
        )
    if shape is not None and short is not None and max(_pixels(shape, short)) > _LONG_SIDE:
        longest = f"at most {_LONG_SIDE} pixels on the long side, not {max(_pixels(shape, short))}"
        yield Objection("aspect_ratio", cannot, request.aspect_ratio, longest)


def rate(fps: float) -> Fraction:
    """The exact rate that a person means: 23.976 and 23.98 are 24000/1001, as television has it."""
    for nominal in _TELEVISION:
        ntsc = Fraction(nominal * 1000, 1001)
        if abs(float(ntsc) - fps) < 0.006:
            return ntsc
    return Fraction(fps).limit_denominator(1001)


def _size(aspect_ratio: str, resolution: str) -> tuple[int, int]:
    shape, short = _shape(aspect_ratio), _short_side(resolution)
    assert shape is not None, "it is checked before"
    assert short is not None, "it is checked before"
    return _pixels(shape, short)


def _shape(aspect_ratio: str) -> tuple[float, float] | None:
    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(rf"\s*{number}\s*:\s*{number}\s*", aspect_ratio, re.ASCII)
    if found is None or not (wide := float(found[1])) or not (tall := float(found[2])):
        return None
    return wide, tall


def _short_side(resolution: str) -> int | None:
    found = re.fullmatch(r"\s*(\d{1,5})p\s*", resolution, re.ASCII)
    if found is None or not _SHORT_SIDE[0] <= int(found[1]) <= _SHORT_SIDE[1] or int(found[1]) % 2:
        return None
    return int(found[1])


def _pixels(shape: tuple[float, float], short: int) -> tuple[int, int]:
    wide, tall = shape
    long = round(short * max(wide, tall) / min(wide, tall) / 2) * 2
    return (long, short) if wide >= tall else (short, long)
