"""The generator object: a provider's submit, poll and fetch, played by threads of this process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from runner.api import Context, EncodedImage, Result, ShotRequest, Sink, State, Status, TaskRef
from runner.errors import FetchFailed, MediaError, SubmitRefused
from runner.media import decode_image, read_image

from . import transfer
from .geometry import Geometry, geometry
from .shot import Render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from .options import SyntheticOptions

_SCHEME: Final = "synthetic:"


@dataclass(slots=True)
class _Task:
    """A task as the provider knows it."""

    request: ShotRequest
    options: SyntheticOptions
    shape: Geometry
    path: Path
    since_s: float
    render: Render | None = None
    work: asyncio.Task[None] | None = None
    done: bool = False
    reason: str = ""


@dataclass(slots=True, eq=False)
class Synthetic:
    """Draws clips. Entered and left like a connection: leaving it stops what still runs.

    `clock` gives seconds that never go back; it decides when a task leaves the queue and when it may be done.
    """

    options: SyntheticOptions
    context: Context
    clock: Callable[[], float] = time.monotonic
    _tasks: dict[str, _Task] = field(init=False, default_factory=dict)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="synthetic")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks.values():
            if task.render is not None:
                task.render.stop()
            if task.work is not None:
                task.work.cancel()
        running = [task.work for task in self._tasks.values() if task.work is not None]
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    async def submit(self, request: ShotRequest, token: str) -> TaskRef:
        """Check the request and start on it. Raises `SubmitRefused`."""
        where = f"{request.sequence}/{request.shot}"
        try:
            options = self.options.with_params(request.params)
            shape = geometry(request)
        except ValueError as error:
            raise SubmitRefused("synthetic cannot draw this shot", where=where, why=str(error)) from error
        if options.fail == "submit":
            raise SubmitRefused(
                "synthetic refused this shot", where=where, why="it was asked to: fail=submit"
            )
        id = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:20]
        task = _Task(request, options, shape, self.context.work_dir / f"{id}.mp4", self.clock())
        self._tasks[id] = task
        if options.fail != "running":
            task.work = asyncio.create_task(self._work(task), name=f"synthetic {where}")
        return TaskRef(id)

    async def poll(self, ref: TaskRef) -> Status:
        """Where a task stands: queued, then running for `latency_s` at least, then done."""
        task = self._tasks.get(ref.id)
        if task is None:
            why = "this task is not known here: a synthetic task ends with the run that submitted it"
            return Status(state=State.FAILED, reason=why)
        if task.reason:
            return Status(state=State.FAILED, reason=task.reason)
        elapsed = self.clock() - task.since_s - task.options.queue_s
        if elapsed < 0:
            return Status(state=State.QUEUED, progress=0.0)
        waited = min(1.0, elapsed / task.options.latency_s) if task.options.latency_s else 1.0
        if task.options.fail == "running":
            if waited < 1:
                return Status(state=State.RUNNING, progress=waited * 0.5)
            return Status(state=State.FAILED, reason="it was asked to fail: fail=running")
        if task.done and waited >= 1:
            return Status(state=State.SUCCEEDED, progress=1.0, results=(Result(f"{_SCHEME}{ref.id}"),))
        drawn = task.render.progress if task.render is not None else 0.0
        return Status(state=State.RUNNING, progress=min(0.99, waited, drawn))

    async def fetch(self, status: Status, sink: Sink) -> None:
        """Stream the clip. Raises `FetchFailed`."""
        url = status.results[0].url if status.results else ""
        task = self._tasks.get(url.removeprefix(_SCHEME))
        if task is None or not task.done or not url.startswith(_SCHEME):
            why = "synthetic has not drawn it"
            raise FetchFailed("there is no such clip to fetch", where=url, why=why, status=404)
        if task.options.fail == "after":
            raise FetchFailed("the clip cannot be fetched", where=url, why="it was asked to fail: fail=after")
        await transfer.send(task.path, task.options.deliver, sink)

    async def _work(self, task: _Task) -> None:
        loop = asyncio.get_running_loop()
        try:
            first = await self._first_frame(task.request)
            task.render = Render(task.request, task.options, task.shape, first)
            await loop.run_in_executor(self._threads, task.render.run, task.path)
            task.done = True
        except MediaError as error:
            task.reason = "; ".join(part for part in (error.line, error.where) if part)
        except Exception as error:
            self.context.log.exception(
                "synthetic could not draw %s/%s", task.request.sequence, task.request.shot
            )
            task.reason = f"it could not be drawn: {error!r}"

    async def _first_frame(self, request: ShotRequest) -> NDArray[np.uint8] | None:
        if request.image is None:
            return None
        loop = asyncio.get_running_loop()
        if isinstance(request.image, EncodedImage):
            return await loop.run_in_executor(self._threads, decode_image, request.image)
        data, name = await transfer.download(self.context.http, request.image.url)
        return await loop.run_in_executor(self._threads, lambda: decode_image(read_image(data, name=name)))
