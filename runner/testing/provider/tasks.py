"""A task, from its creation to its end; the work on all of them."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal
    from pathlib import Path

    from runner.testing.provider.accounts import Account
    from runner.testing.provider.clock import Clock

R = TypeVar("R")


class TaskFailed(Exception):
    """A task ends badly, with this text and the API's code for it. `refund=False` keeps its price."""

    def __init__(self, message: str, *, code: str = "500", refund: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.refund = refund


@dataclass(slots=True, kw_only=True, eq=False)
class Task(Generic[R]):
    """A task as the provider knows it. Times are seconds of its clock; `ended_at` is None while it runs.

    `request` is what the wire format keeps of its creation. The account holds `price` until the end.
    """

    id: str
    account: Account
    request: R
    price: Decimal
    created_at: float
    ended_at: float | None = None
    failure: TaskFailed | None = None
    clip: Path | None = None
    polls: int = 0
    fetches: int = 0

    @property
    def refunded(self) -> bool:
        return self.failure is not None and self.failure.refund

    def end(self, at: float, failure: TaskFailed | None) -> None:
        self.ended_at, self.failure = at, failure
        self.account.settle(self.price, refund=self.refunded)


class Worker(Protocol[R]):
    """What an emulator says of its tasks."""

    def due_at(self, task: Task[R]) -> float:
        """When it may end: it ends then, or when its clip is made, whichever is later."""

    def scripted(self, task: Task[R]) -> TaskFailed | None:
        """How it is to fail by the script; None where it is not."""

    async def clip(self, task: Task[R]) -> Path | None:
        """Make what was asked for. Raises `TaskFailed`."""

    def ended(self, task: Task[R], failure: TaskFailed | None) -> None:
        """Called at its end, to `Task.end` it, and to tell."""


class Work(Generic[R]):
    """Brings tasks to their end."""

    def __init__(self, clock: Clock, worker: Worker[R]) -> None:
        self._clock = clock
        self._worker = worker
        self._work: set[asyncio.Task[None]] = set()

    def begin(self, task: Task[R]) -> None:
        work = asyncio.get_running_loop().create_task(self._through(task))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def close(self) -> None:
        await cancelled(self._work)

    async def _through(self, task: Task[R]) -> None:
        tried, failure = False, None
        while True:
            # A script may change while the task runs: one that was to fail may have to be made after all.
            if not tried and self._worker.scripted(task) is None:
                tried, failure = True, await self._made(task)
            await self._clock.until(lambda: self._worker.due_at(task))
            scripted = self._worker.scripted(task)
            if tried or scripted is not None:
                break
        self._worker.ended(task, scripted or failure)

    async def _made(self, task: Task[R]) -> TaskFailed | None:
        try:
            task.clip = await self._worker.clip(task)
        except TaskFailed as failed:
            return failed
        except Exception as bug:
            # A task that never ends would hide it.
            print(f"emulator: the clip of {task.id} could not be made: {bug!r}", file=sys.stderr, flush=True)
            return TaskFailed("internal error, please try again later.")
        return None


async def cancelled(work: set[asyncio.Task[None]]) -> None:
    """Cancel what is still going on, and wait until it ended."""
    for one in list(work):
        one.cancel()
    await asyncio.gather(*work, return_exceptions=True)


def most_at_once(tasks: Iterable[Task[R]]) -> int:
    """How many ran at the same time."""
    moments = [(task.created_at, 1) for task in tasks]
    moments += [(task.ended_at, -1) for task in tasks if task.ended_at is not None]
    most = now = 0
    for _, change in sorted(moments, key=lambda one: (one[0], -one[1])):
        now += change
        most = max(most, now)
    return most
