"""What an account may do at once, and how fast: shared by everything in this process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from runner.api import GeneratorCapabilities, Rate


class Window:
    """At most `rate.count` starts in any `rate.per_s` seconds, first come first served."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._starts: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Wait until one more may start, and count it."""
        async with self._turn:
            while True:
                now = self._clock()
                while self._starts and now - self._starts[0] >= self._rate.per_s:
                    self._starts.popleft()
                if len(self._starts) < self._rate.count:
                    self._starts.append(now)
                    return
                await asyncio.sleep(self._starts[0] + self._rate.per_s - now)

    def hold(self, seconds: float) -> None:
        """Let nothing start for a while: the provider asked for it."""
        until = self._clock() + seconds - self._rate.per_s
        self._starts.extend([until] * (self._rate.count - len(self._starts)))


class AccountLimits:
    """The limits of each account in use. The strictest of its generators' statements holds."""

    def __init__(self, in_flight: int) -> None:
        self._everything = asyncio.Semaphore(in_flight)
        self._windows: dict[str, Window] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    @contextlib.asynccontextmanager
    async def slot(self, account: str, able: GeneratorCapabilities) -> AsyncIterator[None]:
        """One of the tasks that may be at the provider at a time."""
        if able.in_flight is None:
            async with self._everything:
                yield
            return
        own = self._slots.setdefault(account, asyncio.Semaphore(able.in_flight))
        async with self._everything, own:
            yield

    async def start(self, account: str, able: GeneratorCapabilities) -> None:
        """Wait for the account's turn to submit."""
        if able.rate is not None:
            await self._windows.setdefault(account, Window(able.rate)).start()
