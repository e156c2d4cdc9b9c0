"""What an account may do at once, and how fast: shared by everything in this process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from runner.api import GeneratorCapabilities, Rate

_IN_FLIGHT: Final = 8  # where neither the configuration nor the generator says
_LOOK_AGAIN_S: Final = 0.05


@dataclass(slots=True)
class _Request:
    """A request that counts against a rate. `until` is when its answer came; `None` while none did.

    A provider counts a request when it arrives, which is some time between sending it and having its answer. Counted
    from its answer on, a request leaves the window here no sooner than there.
    """

    until: float | None = None


class Rates:
    """What each account asked lately. Outlives a run, so that the jobs of a sweep keep to one limit together."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._asked: dict[tuple[str, str], list[_Request]] = {}

    def wait_s(self, account: str, what: str, rate: Rate) -> float:
        """How long to wait before another request may be sent; 0 is at once."""
        now = self.clock()
        asked = self._asked.setdefault((account, what), [])
        asked[:] = [one for one in asked if one.until is None or now - one.until < rate.per_s]
        if len(asked) < rate.count:
            return 0.0
        answered = [one.until for one in asked if one.until is not None]
        return max(min(answered) + rate.per_s - now, 0.001) if answered else _LOOK_AGAIN_S

    @contextlib.contextmanager
    def counted(self, account: str, what: str) -> Iterator[None]:
        """Count the request that the body sends."""
        request = _Request()
        self._asked.setdefault((account, what), []).append(request)
        try:
            yield
        finally:
            request.until = self.clock()


class AccountLimits:
    """What each account may do in this run: tasks at a time, and requests in any stretch of time.

    `in_flight` is over all accounts; `None` leaves it to what each generator allows.
    """

    def __init__(self, in_flight: int | None, rates: Rates) -> None:
        self._everything = None if in_flight is None else asyncio.Semaphore(in_flight)
        self._rates = rates
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    @contextlib.asynccontextmanager
    async def slot(self, account: str, caps: GeneratorCapabilities) -> AsyncIterator[None]:
        """One of the tasks that may be at the provider at a time."""
        async with contextlib.AsyncExitStack() as held:
            if self._everything is not None:
                await held.enter_async_context(self._everything)
            if caps.limits.in_flight is not None or self._everything is None:
                own = self._slots.setdefault(account, asyncio.Semaphore(caps.limits.in_flight or _IN_FLIGHT))
                await held.enter_async_context(own)
            yield

    @contextlib.asynccontextmanager
    async def submission(self, account: str, caps: GeneratorCapabilities) -> AsyncIterator[None]:
        """Wait for the account's turn to submit, first come first served; the body sends the request."""
        async with self._turn(account, "submit", caps.limits.submit):
            yield

    @contextlib.asynccontextmanager
    async def poll(self, account: str, caps: GeneratorCapabilities) -> AsyncIterator[None]:
        """Wait for the account's turn to poll."""
        async with self._turn(account, "poll", caps.limits.poll):
            yield

    @contextlib.asynccontextmanager
    async def _turn(self, account: str, what: str, rate: Rate | None) -> AsyncIterator[None]:
        if rate is None:
            yield
            return
        with contextlib.ExitStack() as counted:
            async with self._turns.setdefault((account, what), asyncio.Lock()):
                while True:
                    wait_s = self._rates.wait_s(account, what, rate)
                    if not wait_s:
                        break
                    await asyncio.sleep(wait_s)
                counted.enter_context(self._rates.counted(account, what))
            yield
