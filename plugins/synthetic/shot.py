"""One shot, frame by frame: its scene, the image it starts from, its title, what goes wrong on purpose."""

from __future__ import annotations

import math
from threading import Event
from typing import TYPE_CHECKING, Final

import numpy as np

from runner.media import Title

from . import clip, motion
from .look import look
from .planes import OFFSET, Planes, blend
from .scene import Scene
from .sound import Chord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from runner.api import ShotRequest

    from .geometry import Geometry
    from .look import Look
    from .options import SyntheticOptions

_FLOOR_S: Final = 1 / 25
"""The least time from one frame to the next: at high rates things move faster rather than hardly at all."""


class StoppedError(Exception):
    """The render was stopped."""


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
            clip.write(path, self._frames(sight), self._shape, sound, b_frames=self._options.b_frames)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def _check(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _frames(self, sight: Look) -> Iterator[Planes]:
        shape, options = self._shape, self._options
        size = (shape.width, shape.height)
        scene, still = Scene(sight, *size), None
        if self._first is not None:
            corner = int(sight.chance("corner").integers(4))
            still = motion.Still(self._first, *size, reframe=options.reframe, corner=corner)
        names = Title(self._request.sequence, self._request.shot, *size)
        last_s = float((shape.frames - 1) / shape.fps)
        for index in range(shape.frames):
            self._check()
            moved = max(0, index - options.repeat_first)
            planes = _image(scene, still, shape, moved)
            if strength := names.strength(float(moved / shape.fps), last_s):
                planes = Planes(*(plane.copy() for plane in planes))
                names.draw(*planes, strength)
            yield _spoilt(planes, options, shape, index)
            self.progress = (index + 1) / shape.frames


def _image(scene: Scene, still: motion.Still | None, shape: Geometry, index: int) -> Planes:
    """The frame of a well-behaved shot, without its title."""
    moved_s = index * max(_FLOOR_S, float(1 / shape.fps))
    if still is None:
        return scene.draw(moved_s)
    share = motion.share(float(index / shape.fps), float(shape.duration_s))
    if share <= 0:
        return still.at(0)
    drawn = scene.draw(moved_s)
    return drawn if share >= 1 else blend(still.at(moved_s), drawn, share)


def _spoilt(planes: Planes, options: SyntheticOptions, shape: Geometry, index: int) -> Planes:
    """Drift and fades: they grow from nothing in the first frame to their full size in the last."""
    last = max(1, shape.frames - 1)
    if options.drift_brightness:
        planes = _brighter(planes, options.drift_brightness * index / last)
    if options.drift_hue:
        planes = _turned(planes, options.drift_hue * index / last)
    if options.fade_to_black:
        fade = max(1, min(shape.frames // 3, round(shape.fps)))
        black = Planes(*(np.full_like(plane, level) for plane, level in zip(planes, OFFSET, strict=True)))
        planes = blend(planes, black, (index - last + fade) / fade)
    return planes


def _brighter(planes: Planes, levels: float) -> Planes:
    table = np.clip(np.rint(np.arange(256) + levels * 219 / 255), 16, 235).astype(np.uint8)
    return planes._replace(y=table[planes.y])


def _turned(planes: Planes, degrees: float) -> Planes:
    angle = math.radians(degrees)
    u, v = (plane.astype(np.float32) - 128 for plane in (planes.u, planes.v))
    turned = (u * math.cos(angle) - v * math.sin(angle), u * math.sin(angle) + v * math.cos(angle))
    u8, v8 = (np.clip(np.rint(plane + 128), 16, 240).astype(np.uint8) for plane in turned)
    return Planes(planes.y, u8, v8)
