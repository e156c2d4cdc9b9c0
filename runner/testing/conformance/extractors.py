"""What an extractor must do: return the true last frame, or refuse; never another one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from runner.api import ExtractorSpec, HandOver, HandOverRule
from runner.engine.plugin_calls import extracted
from runner.errors import MediaError, PluginFailed
from runner.testing.conformance.report import Failed, require, told

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from runner.api import Frame
    from runner.testing.conformance.pictures import Recipe
    from runner.testing.conformance.report import Checks
    from runner.testing.conformance.target import Target

# 8-bit levels, of the worst cell: the true frame is at most 2 off, one read as BT.601 19 or more, another one 200.
_TOLERANCE: Final = 12.0
_THREADS: Final = 4
_BEFORE: Final = 3
_COUNTED: Final = ("an ordinary clip", "B-frames", "variable frame rate")
_BROKEN: Final = ("an empty file", "a web page", "a clip cut off", "a clip cut off before its index")
_CHECK_OF: Final = {name: f"refuses {name}" for name in _BROKEN}


async def check(target: Target, checks: Checks, work: Path, http: httpx.AsyncClient) -> None:
    """Check an extractor."""
    clips = work / "clips"
    clips.mkdir()
    recipes = await asyncio.to_thread(_made, clips)
    async with target.opened(work, http) as extractor:
        reading = _Reading(target, extractor, clips, recipes)
        for name in recipes:
            if reading.broken:
                checks.skip("the other clips", "first, `extract` has to work with that one")
                return
            await checks.run(f"true last frame: {name}", lambda name=name: reading.one(name))  # type: ignore[misc]
        if isinstance(target.spec, ExtractorSpec) and target.spec.offsets:
            for name in _COUNTED:
                check = f"{_BEFORE} frames before the last: {name}"
                await checks.run(check, lambda name=name: reading.before(name))  # type: ignore[misc]
        for name, check in _CHECK_OF.items():
            await checks.run(check, lambda name=name: reading.refused(name))  # type: ignore[misc]
        await checks.run(f"right from {_THREADS} threads at once", reading.at_once)


class _Reading:
    def __init__(self, target: Target, extractor: Any, folder: Path, recipes: dict[str, Recipe]) -> None:
        self.call = target.call("extract")
        self.extractor = extractor
        self.broken = False
        """It raised what it should not, returned no frame, or did not end."""
        self.folder = folder
        self.recipes = recipes

    async def one(self, name: str) -> str:
        try:
            found = await self._extracted(name)
        except MediaError as error:
            # An extractor that refuses the most ordinary clip is of no use.
            require(name != _ORDINARY, f"it refuses an ordinary clip: {told(error)}")
            return f"refused, as it may: {error.line}"
        _check(found, self.recipes[name], name)
        return ""

    async def before(self, name: str) -> str:
        from runner.testing.conformance import pictures

        recipe = self.recipes[name]
        found = await self._extracted(name, HandOver(HandOverRule.OFFSET, _BEFORE))
        wanted = recipe.last - _BEFORE
        nearest = min(
            range(recipe.last + 1), key=lambda other: pictures.difference(found.rgb, other, recipe.turn)
        )
        require(
            nearest == wanted,
            f"it returned frame {nearest + 1} of {recipe.last + 1}, not frame {wanted + 1}",
        )
        time_s = recipe.times[wanted] / pictures.RATE
        off_s = abs(found.time_s - time_s)
        require(off_s < 0.5 / pictures.RATE, f"time_s is {found.time_s}, the frame is at {time_s}")
        return ""

    async def refused(self, name: str) -> str:
        try:
            await self._extracted(name)
        except MediaError as error:
            return error.line
        except Exception as error:
            raise Failed(f"it raised what is not a MediaError: {told(error)}") from error
        raise Failed("it returned a frame")

    async def at_once(self) -> None:
        names = [name for name in self.recipes for _ in range(2)]
        busy = asyncio.Semaphore(_THREADS)

        async def one(name: str) -> None:
            async with busy:
                await self.one(name)

        await asyncio.gather(*(one(name) for name in names))

    async def _extracted(self, name: str, policy: HandOver = HandOver.LAST) -> Frame:
        path = self.folder / f"{name}.mp4"
        try:
            return await extracted(self.call, self.extractor, path, policy)
        except (PluginFailed, asyncio.CancelledError):
            self.broken = True
            raise


def _is_turned(rgb: Any, turns: int, recipe: Recipe, expected: tuple[int, ...]) -> bool:
    """Whether a frame is the last one but for so many quarter turns."""
    import numpy as np

    from runner.testing.conformance import pictures

    upright = np.rot90(rgb, turns)
    return upright.shape == expected and pictures.difference(upright, recipe.last, recipe.turn) <= _TOLERANCE


def _check(found: Frame, recipe: Recipe, name: str) -> None:
    from runner.testing.conformance import pictures

    rgb = found.rgb
    expected = pictures.frame(recipe.last, recipe.turn).shape
    turned = next((turns for turns in (1, 2, 3) if _is_turned(rgb, turns, recipe, expected)), 0)
    require(
        not turned, "the frame is not rotated as the clip says: viewers turn it, and so must an extractor"
    )
    require(rgb.shape == expected, f"the frame has shape {rgb.shape}, a viewer sees {expected}")
    off = pictures.difference(rgb, recipe.last, recipe.turn)
    if off > _TOLERANCE:
        nearest = min(range(recipe.last + 1), key=lambda other: pictures.difference(rgb, other, recipe.turn))
        if nearest != recipe.last:
            raise Failed(f"it returned frame {nearest + 1} of {recipe.last + 1}, not the last one")
        raise Failed(f"the last frame is up to {off:.0f} levels off in colour; {_TOLERANCE:g} are allowed")
    if name == _ORDINARY:
        time_s = recipe.times[-1] / pictures.RATE
        require(
            abs(found.time_s - time_s) < 0.5 / pictures.RATE,
            f"time_s is {found.time_s}, the frame is at {time_s}",
        )
    require(
        found.method,
        "method is empty; the manifest says how a frame was found",
    )


_ORDINARY: Final = "an ordinary clip"


def _made(folder: Path) -> dict[str, Recipe]:
    """Make all files; the recipes of those that have a last frame."""
    from runner.testing.conformance import pictures
    from runner.testing.conformance.pictures import Recipe

    recipes = {
        _ORDINARY: Recipe(),
        "B-frames": Recipe(b_frames=3),
        "variable frame rate": Recipe(
            times=(*range(12), *(12 + 7.4 * step for step in range(1, 13))), b_frames=2
        ),
        "sound outlasts the picture": Recipe(b_frames=2, sound_s=3.0),
        "rotated by 90 degrees": Recipe(b_frames=2, turn=90),
        "rotated by 180 degrees": Recipe(turn=180),
        "a single frame": Recipe(times=(0.0,)),
    }
    for name, recipe in recipes.items():
        pictures.clip(folder / f"{name}.mp4", recipe)
    whole = folder / "whole"
    pictures.clip(whole, Recipe(b_frames=2, index_first=True))
    index_first = whole.read_bytes()
    index_last = (folder / "B-frames.mp4").read_bytes()
    page = b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 40
    broken = (b"", page, index_first[: len(index_first) * 3 // 4], index_last[: len(index_last) * 3 // 4])
    for name, data in zip(_BROKEN, broken, strict=True):
        (folder / f"{name}.mp4").write_bytes(data)
    return recipes
