"""One shot, frame by frame: its scene, the image it starts from, its title, what goes wrong on purpose."""

from __future__ import annotations

import math
from threading import Event
from typing import TYPE_CHECKING, Final

import numpy as np

from . import clip, motion, title
from .look import look
from .planes import Planes, black, blend
from .scene import Scene
from .sound import Chord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.api import ShotRequest

    from .geometry import Geometry
    from .options import SyntheticOptions

_FLOOR_S: Final = 1 / 25
"""The least time from one frame to the next: at high rates things move faster rather than hardly at all."""


class StoppedError(Exception):
    """The render was told to stop."""


class Render:
    """A clip in the making. `run` blocks; `progress` and `stop` may be used from other threads."""

    def __init__(
        self,
        request: ShotRequest,
        options: SyntheticOptions,
        shape: Geometry,
        first: NDArray[np.uint8] | None,
    ) -> None:
        self._request, self._options, self._shape = request, options, shape
        self._first = None if options.ignore_image else first
        self._stop = Event()
        self.progress = 0.0

    def stop(self) -> None:
        self._stop.set()

    def run(self, path: Path) -> None:
        """Write the clip to `path`. Raises `StoppedError`, and leaves no file then."""
        try:
            self._check()
            sight = look(self._request)
            sound = Chord(sight, self._shape.duration_s) if self._options.audio else None
            clip.write(path, self._frames(), self._shape, sound, b_frames=self._options.b_frames)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _check(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _frames(self) -> Iterator[Planes]:
        shape, options = self._shape, self._options
        draw = _Drawing(self._request, options, shape, self._first)
        spoil = _Spoiling(options, shape)
        for index in range(shape.frames):
            self._check()
            moved = max(0, index - options.repeat_first)
            yield spoil(draw(moved), index)
            self.progress = (index + 1) / shape.frames


class _Drawing:
    """What a well-behaved shot looks like at each frame."""

    def __init__(
        self,
        request: ShotRequest,
        options: SyntheticOptions,
        shape: Geometry,
        first: NDArray[np.uint8] | None,
    ) -> None:
        sight = look(request)
        size = (shape.width, shape.height)
        self._shape = shape
        self._scene = Scene(sight, *size)
        self._title = title.Title(request.sequence, request.shot, *size)
        self._last_s = float((shape.frames - 1) / shape.fps)
        self._still = None
        if first is not None:
            corner = int(sight.chance("corner").integers(4))
            self._still = motion.Still(first, *size, reframe=options.reframe, corner=corner)

    def __call__(self, index: int) -> Planes:
        time_s = float(index / self._shape.fps)
        moved_s = index * max(_FLOOR_S, float(1 / self._shape.fps))
        picture = self._picture(time_s, moved_s)
        strength = title.strength(time_s, self._last_s)
        if strength <= 0:
            return picture
        return self._title.draw(Planes(*(plane.copy() for plane in picture.each())), strength)

    def _picture(self, time_s: float, moved_s: float) -> Planes:
        if self._still is None:
            return self._scene.draw(moved_s)
        share = motion.share(time_s, float(self._shape.duration_s))
        if share <= 0:
            return self._still.at(0)
        scene = self._scene.draw(moved_s)
        return scene if share >= 1 else blend(self._still.at(moved_s), scene, share)


class _Spoiling:
    """Drift and fades: they grow from nothing in the first frame to their full size in the last."""

    def __init__(self, options: SyntheticOptions, shape: Geometry) -> None:
        self._options = options
        self._last = max(1, shape.frames - 1)
        self._fade = max(1, min(shape.frames // 3, round(shape.fps)))
        self._black = black(shape.width, shape.height)

    def __call__(self, planes: Planes, index: int) -> Planes:
        part = index / self._last
        if self._options.drift_brightness:
            planes = _brighter(planes, self._options.drift_brightness * part)
        if self._options.drift_hue:
            planes = _turned(planes, self._options.drift_hue * part)
        if self._options.fade_to_black:
            planes = blend(planes, self._black, (index - self._last + self._fade) / self._fade)
        return planes


def _brighter(planes: Planes, levels: float) -> Planes:
    table = np.clip(np.rint(np.arange(256) + levels * 219 / 255), 16, 235).astype(np.uint8)
    return Planes(table[planes.y], planes.u, planes.v)


def _turned(planes: Planes, degrees: float) -> Planes:
    angle = math.radians(degrees)
    u, v = (plane.astype(np.float32) - 128 for plane in (planes.u, planes.v))
    turned = (u * math.cos(angle) - v * math.sin(angle), u * math.sin(angle) + v * math.cos(angle))
    u8, v8 = (np.clip(np.rint(plane + 128), 16, 240).astype(np.uint8) for plane in turned)
    return Planes(planes.y, u8, v8)
