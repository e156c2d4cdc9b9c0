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


class Rates:
    """When each account last submitted. Outlives a run, so that the jobs of a sweep keep to one limit together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._starts: dict[str, deque[float]] = {}

    def wait_s(self, account: str, rate: Rate) -> float:
        """Count a start and return 0, or return how long to wait before asking again."""
        starts, now = self._starts.setdefault(account, deque()), self.clock()
        while starts and now - starts[0] >= rate.per_s:
            starts.popleft()
        if len(starts) < rate.count:
            starts.append(now)
            return 0.0
        return starts[0] + rate.per_s - now


class AccountLimits:
    """What each account may do in this run: tasks at a time, and new ones in any stretch of time."""

    def __init__(self, in_flight: int, rates: Rates) -> None:
        self._everything = asyncio.Semaphore(in_flight)
        self._rates = rates
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._turns: dict[str, asyncio.Lock] = {}

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
        """Wait for the account's turn to submit, first come first served."""
        if able.rate is None:
            return
        async with self._turns.setdefault(account, asyncio.Lock()):
            while True:
                wait_s = self._rates.wait_s(account, able.rate)
                if not wait_s:
                    return
                await asyncio.sleep(wait_s)
