"""Works on tasks: fetches their pictures as a stranger would, has the clips drawn, and ends them in time."""

from __future__ import annotations

import asyncio
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from runner.errors import MediaError
from runner.media.magic import picture_format

from . import draw, shape
from .clock import milliseconds
from .fetching import PROBLEMS
from .result import result_json
from .task import compact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from runner.api import EncodedImage

    from .books import Books
    from .clock import Clock
    from .fetching import Fetched, Fetcher
    from .files import Files
    from .options import Options
    from .task import Task

FETCH_FAILED: Final = "Image fetch failed. Check access settings or use our File Upload API instead."
NO_AUDIO: Final = "The Google model was unable to generate audio for this request"
_SOUND: Final = ("sound", "audio", "generate_audio")
"""The fields that turn the sound off."""
_MB: Final = 1_000_000
_CLIP_MB: Final = 200
_WORKERS: Final = 2
_SHORTEST_S: Final = Fraction(1, 10)


class Failed(Exception):
    """The task ends badly, with this code and text."""

    def __init__(self, code: str, msg: str) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg


class Studio:
    """One for the whole server. `ended` is called with each task that came to its end."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        books: Books,
        files: Files,
        fetcher: Fetcher,
        tasks: Mapping[str, Task],
        ended: Callable[[Task], None],
    ) -> None:
        self._options = options
        self._clock = clock
        self._books = books
        self._files = files
        self._fetcher = fetcher
        self._tasks = tasks
        self._folder = files.folder
        self._ended = ended
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="draw")
        self._work: set[asyncio.Task[None]] = set()
        self._drawn: dict[str, asyncio.Future[Path]] = {}

    def order(self, task: Task) -> None:
        """Start on a task."""
        work = asyncio.get_running_loop().create_task(self._through(task))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def close(self) -> None:
        for work in list(self._work):
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _through(self, task: Task) -> None:
        rule = task.rule
        if rule.stuck:
            return
        problem: Failed | None = None
        try:
            if rule.fail is not None:
                raise Failed(rule.fail.code, rule.fail.msg)
            await self._reach_media(task)
            if task.model.makes != "character":
                task.clip = str(await self._made(task))
        except Failed as failed:
            problem = failed
        except Exception as bug:
            # A task that never ends would hide it.
            print(f"emulator: the clip of {task.id} could not be made: {bug!r}", file=sys.stderr, flush=True)
            problem = Failed("500", "internal error, please try again later.")
        await self._clock.until(task.due_at)
        if problem is None:
            self._deliver(task)
        else:
            task.fail_code, task.fail_msg = problem.code, problem.msg
            task.refunded = rule.fail.refund if rule.fail is not None else True
        task.ended_at = self._clock.now()
        task.account.settle(task.credits, refund=task.refunded)
        self._ended(task)

    # --- what is given --------------------------------------------------------------------------------------------

    async def _reach_media(self, task: Task) -> None:
        """See that the clips and the sound are there of which the drawing makes no use."""
        model, given = task.model, task.given
        if model.makes == "copy":
            return  # what is copied is fetched anyway
        used = given.get(model.clip) if model.clip else None
        addresses = [one for one in model.played(given) if one != used]
        await asyncio.gather(*(self._fetched(one, self._fetcher.start(one)) for one in addresses))

    async def _made(self, task: Task) -> Path:
        model, given = task.model, task.given
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
        return await self._clip(task, first, last)

    async def _picture(self, task: Task, address: str) -> EncodedImage:
        from runner.media import picture

        rules = task.model.pictures
        fetched = await self._whole(address, rules.max_mb)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, picture.read, fetched.data)
        except MediaError:
            raise Failed("400", FETCH_FAILED) from None
        if task.model.audio_trap and fetched.content_type != f"image/{found.format}":
            raise Failed("500", NO_AUDIO)
        if unfit := rules.unfit(found):
            raise Failed("400", unfit)
        return found

    async def _before(self, task: Task) -> EncodedImage | None:
        """The last frame of the clip that this one goes on from, if it does."""
        model, given = task.model, task.given
        path: Path | None = None
        if model.clip and given.get(model.clip):
            path = self._folder / f"{secrets.token_hex(16)}.mp4"
            path.write_bytes((await self._whole(str(given[model.clip]), _CLIP_MB)).data)
        elif model.task and given.get(model.task):
            path = self._clip_of(task, str(given[model.task]))
        if path is None:
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, _last_frame, path)
        except MediaError as problem:
            raise Failed("500", f"The video cannot be used: {problem.what}") from None

    def _clip_of(self, task: Task, id: str) -> Path:
        from pathlib import Path

        other = self._tasks.get(id)
        if other is None or other.account is not task.account or not other.clip:
            raise Failed("422", "task_id not found")
        return Path(other.clip)

    async def _copy(self, task: Task, given: dict[str, Any]) -> Path:
        address = next((str(value) for name, value in given.items() if name.endswith("_url")), "")
        data = (await self._whole(address, _CLIP_MB)).data
        path = self._folder / f"{secrets.token_hex(16)}.{picture_format(data) or 'mp4'}"
        path.write_bytes(data)
        return path

    async def _whole(self, address: str, max_mb: int) -> Fetched:
        return await self._fetched(address, self._fetcher.whole(address, max_mb * _MB))

    async def _fetched(self, address: str, fetching: Awaitable[Fetched]) -> Fetched:
        """What came, noted in the books. Raises `Failed`, with the only text that is known for it."""
        try:
            fetched = await fetching
        except PROBLEMS as problem:
            self._books.note(
                self._books.fetches,
                at=self._clock.now(),
                url=address,
                problem=str(problem) or type(problem).__name__,
            )
            raise Failed("400", FETCH_FAILED) from None
        self._books.note(
            self._books.fetches, at=self._clock.now(), url=address, size=len(fetched.data), problem=""
        )
        return fetched

    # --- the clip -------------------------------------------------------------------------------------------------

    async def _clip(self, task: Task, first: EncodedImage | None, last: EncodedImage | None) -> Path:
        given = task.model.completed(task.given)
        size = shape.size(
            task.model,
            given,
            None if first is None else shape.Size(first.width, first.height),
            self._options.max_short_side,
        )
        asked = max(_SHORTEST_S, Fraction(task.rule.clip_s or shape.duration_s(task.model, given)))
        look = draw.Look(
            model=task.model.name,
            prompt=task.prompt,
            seed=str(given.get("seed", "")),
            duration_s=asked.limit_denominator(1000),
            width=size.width,
            height=size.height,
            fps=self._options.fps,
            sound=all(given.get(name) is not False for name in _SOUND),
        )
        key = look.key(None if first is None else first.data, None if last is None else last.data)
        if key not in self._drawn:
            drawing = asyncio.get_running_loop().run_in_executor(
                self._pool, _draw, look, first, last, self._folder / f"{key}.mp4"
            )
            self._drawn[key] = drawing
            drawing.add_done_callback(lambda done: self._drawn.pop(key) if done.exception() else None)
        return await asyncio.shield(self._drawn[key])

    def _deliver(self, task: Task) -> None:
        """Put the result up, in the shape that the script wants."""
        from pathlib import Path

        if not task.clip:
            # Only this much is known: the result is an object with an id in it.
            task.result_json = compact({"resultObject": {"characterId": secrets.token_hex(16)}})
            return
        family = task.model.name.partition("/")[0]
        for _ in range(2 if task.rule.result == "several" else 1):
            name = f"results/{family}/{milliseconds(self._clock.now())}-{secrets.token_hex(5)}{Path(task.clip).suffix}"
            url = self._files.show(
                name,
                Path(task.clip),
                self._options.result_life_s,
                address_life_s=self._options.result_url_life_s,
                result=True,
                steps=task.rule.download,
            )
            task.urls.append(url)
        task.urls = list(task.rule.urls) or task.urls
        task.result_json = result_json(task)


def _draw(look: draw.Look, first: EncodedImage | None, last: EncodedImage | None, path: Path) -> Path:
    from runner.media import picture

    start, end = (None if one is None else picture.decode(one) for one in (first, last))
    data = draw.make(look, start, end)
    path.write_bytes(data)
    return path


def _last_frame(path: Path) -> EncodedImage:
    from runner.media import frames, picture

    return picture.encode(frames.last_frame(path).rgb)
