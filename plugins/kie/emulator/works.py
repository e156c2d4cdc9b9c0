"""Makes what tasks ask for: reaches their media as a stranger would, has clips drawn, and puts results up."""

from __future__ import annotations

import asyncio
import math
import secrets
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from runner.errors import MediaError
from runner.media.magic import picture_format
from runner.testing.provider.drawing import Look
from runner.testing.provider.fetching import PROBLEMS
from runner.testing.provider.tasks import TaskFailed

from . import shape
from .record import compact, milliseconds, result_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from runner.api import EncodedImage
    from runner.testing.provider.clock import Clock
    from runner.testing.provider.fetching import Fetched, Fetcher
    from runner.testing.provider.files import Files
    from runner.testing.provider.request_log import RequestLog
    from runner.testing.provider.studio import Studio

    from .options import Options
    from .record import KieTask

FETCH_FAILED: Final = "Image fetch failed. Check access settings or use our File Upload API instead."
NO_AUDIO: Final = "The Google model was unable to generate audio for this request"
_SOUND: Final = ("sound", "audio", "generate_audio")
"""The fields that turn the sound off."""
_MB: Final = 1_000_000
_CLIP_MB: Final = 200
_SHORTEST_S: Final = Fraction(1, 10)
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0


@dataclass
class Works:
    """The `Worker` of all tasks. `told` is called with each that came to its end."""

    options: Options
    clock: Clock
    log: RequestLog
    files: Files
    fetcher: Fetcher
    studio: Studio
    tasks: Mapping[str, KieTask]
    told: Callable[[KieTask], None]

    def due_at(self, task: KieTask) -> float:
        return math.inf if task.request.rule.stuck else task.request.due_at

    def scripted(self, task: KieTask) -> TaskFailed | None:
        fail = task.request.rule.fail
        return None if fail is None else TaskFailed(fail.msg, code=fail.code, refund=fail.refund)

    async def clip(self, task: KieTask) -> Path | None:
        if task.request.rule.stuck:
            return None
        await self._reach_media(task)
        return None if task.request.model.makes == "character" else await self._made(task)

    def ended(self, task: KieTask, failure: TaskFailed | None) -> None:
        if failure is None:
            self._deliver(task)
        task.end(self.clock.now(), failure)
        self.told(task)

    # --- what is given --------------------------------------------------------------------------------------------

    async def _reach_media(self, task: KieTask) -> None:
        """See that the clips and the sound are there of which the drawing makes no use."""
        model, given = task.request.model, task.request.given
        if model.makes == "copy":
            return  # what is copied is fetched anyway
        used = given.get(model.clip) if model.clip else None
        addresses = [one for one in model.played(given) if one != used]
        await asyncio.gather(*(self._fetched(one, self.fetcher.start(one)) for one in addresses))

    async def _made(self, task: KieTask) -> Path:
        model, given = task.request.model, task.request.given
        addresses = model.seen(given)
        pictures = dict(
            zip(
                addresses, await asyncio.gather(*(self._picture(task, one) for one in addresses)), strict=True
            )
        )
        if model.makes == "copy":
            return await self._copy(task, given)
        before = await self._before(task)
        first = pictures.get(model.starts_from(given)) if model.starts_from(given) else before
        last = pictures.get(model.ends_on(given)) if model.ends_on(given) else None
        return await self._clip(task, None if task.request.rule.ignore_image else first, last)

    async def _picture(self, task: KieTask, address: str) -> EncodedImage:
        from runner.media import picture

        rules = task.request.model.pictures
        fetched = await self._whole(address, rules.max_mb)
        try:
            found = await self.studio.run(picture.read, fetched.data)
        except MediaError:
            raise TaskFailed(FETCH_FAILED, code="400") from None
        if task.request.model.audio_trap and fetched.content_type != f"image/{found.format}":
            raise TaskFailed(NO_AUDIO)
        if unfit := rules.unfit(found):
            raise TaskFailed(unfit, code="400")
        return found

    async def _before(self, task: KieTask) -> EncodedImage | None:
        """The last frame of the clip that this one goes on from, if it does."""
        model, given = task.request.model, task.request.given
        path: Path | None = None
        if model.clip and given.get(model.clip):
            path = self.studio.folder / f"{secrets.token_hex(16)}.mp4"
            path.write_bytes((await self._whole(str(given[model.clip]), _CLIP_MB)).data)
        elif model.task and given.get(model.task):
            path = self._clip_of(task, str(given[model.task]))
        if path is None:
            return None
        try:
            return await self.studio.run(_last_frame, path)
        except MediaError as problem:
            raise TaskFailed(f"The video cannot be used: {problem.what}") from None

    def _clip_of(self, task: KieTask, id: str) -> Path:
        other = self.tasks.get(id)
        if other is None or other.account is not task.account or other.clip is None:
            raise TaskFailed("task_id not found", code="422")
        return other.clip

    async def _copy(self, task: KieTask, given: dict[str, Any]) -> Path:
        address = next((str(value) for name, value in given.items() if name.endswith("_url")), "")
        data = (await self._whole(address, _CLIP_MB)).data
        path = self.studio.folder / f"{secrets.token_hex(16)}.{picture_format(data) or 'mp4'}"
        path.write_bytes(data)
        return path

    async def _whole(self, address: str, max_mb: int) -> Fetched:
        return await self._fetched(address, self.fetcher.whole(address, max_mb * _MB))

    async def _fetched(self, address: str, fetching: Awaitable[Fetched]) -> Fetched:
        """What came, noted in the books. Raises `TaskFailed`, with the only text that is known for it."""
        try:
            fetched = await fetching
        except PROBLEMS as problem:
            self.log.note(
                "fetches",
                at=self.clock.now(),
                url=address,
                problem=str(problem) or type(problem).__name__,
            )
            raise TaskFailed(FETCH_FAILED, code="400") from None
        self.log.note("fetches", at=self.clock.now(), url=address, size=len(fetched.data), problem="")
        return fetched

    # --- the clip -------------------------------------------------------------------------------------------------

    async def _clip(self, task: KieTask, first: EncodedImage | None, last: EncodedImage | None) -> Path:
        given = task.request.model.completed(task.request.given)
        size = shape.size(
            task.request.model,
            given,
            None if first is None else shape.Size(first.width, first.height),
            self.options.max_short_side,
        )
        asked = max(
            _SHORTEST_S, Fraction(task.request.rule.clip_s or shape.duration_s(task.request.model, given))
        )
        look = Look(
            title=task.request.model.name.rpartition("/")[2],
            prompt=task.request.prompt,
            seed=str(given.get("seed", "")),
            duration_s=asked.limit_denominator(1000),
            width=size.width,
            height=size.height,
            fps=Fraction(self.options.fps),
            sound=all(given.get(name) is not False for name in _SOUND),
        )
        return await self.studio.clip(look, first, last)

    def _deliver(self, task: KieTask) -> None:
        """Put the result up, in the shape that the script wants."""
        creation, options = task.request, self.options
        if task.clip is None:
            # Only this much is known: the result is an object with an id in it.
            creation.result_json = compact({"resultObject": {"characterId": secrets.token_hex(16)}})
            return
        family = creation.model.name.partition("/")[0]
        for _ in range(2 if creation.rule.result == "several" else 1):
            stem = f"{milliseconds(self.clock.now())}-{secrets.token_hex(5)}"
            url = self.files.show(
                f"results/{family}/{stem}{task.clip.suffix}",
                task.clip,
                options.result_days * _DAY_S,
                address_life_s=options.result_url_hours * _HOUR_S,
                result=True,
                steps=creation.rule.download,
            )
            creation.urls.append(url)
        creation.urls = list(creation.rule.urls) or creation.urls
        creation.result_json = result_json(creation.model, creation.rule.result, creation.urls)


def _last_frame(path: Path) -> EncodedImage:
    from runner.media import frames, picture

    return picture.encode(frames.last_frame(path).rgb)
