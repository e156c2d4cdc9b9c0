"""Where the provider's clips are made and kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp

from runner.testing.fake_provider import clips
from runner.testing.fake_provider.script import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.testing.fake_provider.books import Books, Task

_FETCH_S: Final = aiohttp.ClientTimeout(total=10)


class Canned:
    """One clip for all: no time is lost on making it, and no picture is fetched."""

    def __init__(self, books: Books) -> None:
        look = clips.Look.of({"prompt": "canned", "duration_s": 1.0}, Behaviour())
        self._clip = clips.make(look, None)
        self._books = books

    def order(self, task: Task, behaviour: Behaviour) -> None:
        task.clip = "canned"  # known without the books

    def clip(self, name: str) -> bytes:
        return self._clip

    async def close(self) -> None:
        """Nothing to stop."""


class Drawn:
    """Clips drawn in threads, from a first frame fetched over HTTP, and kept in `folder` under their digest."""

    def __init__(self, books: Books, folder: Path, clock: Callable[[], float]) -> None:
        folder.mkdir(exist_ok=True)
        self._books = books
        self._folder = folder
        self._clock = clock
        self._work: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    def order(self, task: Task, behaviour: Behaviour) -> None:
        work = asyncio.get_running_loop().create_task(self._make(task, behaviour))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    def clip(self, name: str) -> bytes:
        return (self._folder / f"{name}.mp4").read_bytes()

    async def close(self) -> None:
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _make(self, task: Task, behaviour: Behaviour) -> None:
        url = task.body.get("image_url")
        try:
            image = await self._image(url) if url else None
            look = clips.Look.of(task.body, behaviour)
            name = look.digest(image)
            if not (self._folder / f"{name}.mp4").exists():
                data = await asyncio.to_thread(clips.make, look, image)
                self._keep(name, data)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            reason = f"{f'the picture at {url} cannot be used: ' if url else ''}{problem or type(problem).__name__}"
            self._books.record({"event": "unmade", "task": task.id, "reason": reason})
        else:
            self._books.record({"event": "made", "task": task.id, "at": self._clock(), "clip": name})

    async def _image(self, url: str) -> bytes:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=_FETCH_S)
        async with self._http.get(url) as response:
            response.raise_for_status()
            return await response.read()

    def _keep(self, name: str, data: bytes) -> None:
        written = self._folder / f"{name}.part"
        written.write_bytes(data)
        written.replace(self._folder / f"{name}.mp4")
