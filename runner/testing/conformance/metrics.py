"""What a metric must do: return one finite number for one subject, each time, and leave the subject as it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from runner.api import ClipSubject, MetricSpec
from runner.engine.plugin_calls import measured
from runner.errors import PluginFailed
from runner.testing.conformance.report import require

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    import numpy as np
    from numpy.typing import NDArray

    from runner.api import Subject
    from runner.testing.conformance.report import Checks
    from runner.testing.conformance.target import Target

    Read = Callable[[], Subject]

_THREADS: Final = 4
_ORDINARY: Final = {"clip": "an ordinary clip", "seam": "an ordinary seam"}


async def check(target: Target, checks: Checks, work: Path, http: httpx.AsyncClient) -> None:
    """Check a metric."""
    spec = cast("MetricSpec", target.spec)
    folder = work / "clips"
    folder.mkdir()
    reads = await asyncio.to_thread(_clips if spec.level == "clip" else _seams, folder)
    ordinary = reads[_ORDINARY[spec.level]]
    async with target.opened(work, http) as metric:
        measuring = _Measuring(target, metric)
        for name, read in reads.items():
            if measuring.broken:
                checks.skip("the others", "first, `measure` has to work with that one")
                return
            await checks.run(f"measures {name}", lambda read=read: measuring.one(read))  # type: ignore[misc]
        await checks.run("the same subject has the same number", lambda: measuring.twice(ordinary))
        await checks.run("changes nothing of its subject", lambda: measuring.unchanged(ordinary))
        await checks.run(f"the same from {_THREADS} threads at once", lambda: measuring.at_once(ordinary))


class _Measuring:
    def __init__(self, target: Target, metric: Any) -> None:
        self.call = target.call("measure")
        self.metric = metric
        self.broken = False
        """It raised, returned no number, or did not end."""

    async def one(self, read: Read) -> str:
        found = await self._measured(await asyncio.to_thread(read))
        return "it has no number" if found is None else f"{found:g}"

    async def twice(self, read: Read) -> None:
        subject = await asyncio.to_thread(read)
        found = [await self._measured(subject), await self._measured(subject)]
        found.append(await self._measured(await asyncio.to_thread(read)))
        require(len(set(found)) == 1, f"it returned {', '.join(map(str, found))}")

    async def unchanged(self, read: Read) -> None:
        subject = await asyncio.to_thread(read)
        arrays = _arrays(subject)
        before = [array.tobytes() for array in arrays]
        await self._measured(subject)
        require(before == [array.tobytes() for array in arrays], "the arrays of its subject have changed")

    async def at_once(self, read: Read) -> None:
        subject = await asyncio.to_thread(read)
        found = await asyncio.gather(*(self._measured(subject) for _ in range(_THREADS)))
        require(len(set(found)) == 1, f"it returned {', '.join(map(str, found))}")

    async def _measured(self, subject: Subject) -> float | None:
        try:
            return await measured(self.call, self.metric, subject)
        except (PluginFailed, asyncio.CancelledError, TimeoutError):
            self.broken = True
            raise


def _arrays(subject: Subject) -> list[NDArray[np.generic]]:
    if isinstance(subject, ClipSubject):
        sound = [subject.sound] if subject.sound is not None else []
        return [*subject.frames, *subject.stills, subject.changes, *sound]
    sound = [one for one in (subject.sound_before, subject.sound_after) if one is not None]
    images = [*subject.before, *subject.after, *subject.reduced_before, *subject.reduced_after]
    return [subject.handed_over, *images, *sound]


def _clips(folder: Path) -> dict[str, Read]:
    """Subjects by what they are."""
    from runner.media.measures import reading
    from runner.testing.conformance import pictures
    from runner.testing.conformance.pictures import Recipe

    recipes = {
        _ORDINARY["clip"]: Recipe(b_frames=2, sound_s=1.0),
        "a clip without sound": Recipe(),
        "a clip of a single frame": Recipe(times=(0.0,)),
    }
    for name, recipe in recipes.items():
        pictures.clip(folder / f"{name}.mp4", recipe)
    return {name: lambda name=name: reading.clip(folder / f"{name}.mp4") for name in recipes}  # type: ignore[misc]


def _seams(folder: Path) -> dict[str, Read]:
    from runner.media import frames, picture
    from runner.media.measures import seam_frames
    from runner.testing.conformance import pictures
    from runner.testing.conformance.pictures import Recipe

    before, after, single = (folder / f"{name}.mp4" for name in ("before", "after", "single"))
    pictures.clip(before, Recipe(b_frames=2))
    pictures.clip(after, Recipe(turn=0))
    pictures.clip(single, Recipe(times=(0.0,)))
    image, turned = folder / "handed_over.png", folder / "turned.png"
    last = frames.last_frame(before).rgb
    image.write_bytes(picture.encode(last).data)
    turned.write_bytes(picture.encode(last.swapaxes(0, 1).copy()).data)
    return {
        _ORDINARY["seam"]: lambda: seam_frames.seam(before, after, image),
        "a seam to a clip of a single frame": lambda: seam_frames.seam(before, single, image),
        "a seam to a clip of another shape": lambda: seam_frames.seam(before, after, turned),
    }
