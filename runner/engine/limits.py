"""What an account may do at once, and how fast: shared by all runs of a session."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runner.api import GeneratorCapabilities, Rate
    from runner.engine.timing import Timing

_IN_FLIGHT: Final = 8  # where neither the configuration nor the generator states a limit
_CHECK_AGAIN_S: Final = 0.05


@dataclass(slots=True)
class _Request:
    """A request that counts against a rate. `until` is when its response came; `None` while none did.

    A provider counts a request when it arrives, which is some time between sending it and having its response. Counted
    from its response on, a request leaves the window here no sooner than there.
    """

    until: float | None = None


class AccountLimits:
    """The limits of each account: tasks at a time, and requests in any stretch of time."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._slots: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._requests: dict[tuple[str, str], list[_Request]] = {}

    @contextlib.asynccontextmanager
    async def slot(
        self, account: str, caps: GeneratorCapabilities, in_flight: int | None
    ) -> AsyncIterator[None]:
        """One of the tasks that may be at the provider at a time.

        `in_flight` is the user's limit over all accounts; runs with the same limit share it. `None` leaves it to what
        the generator allows.
        """
        async with contextlib.AsyncExitStack() as held:
            for semaphore in self._semaphores(account, caps, in_flight):
                await held.enter_async_context(semaphore)
            yield

    def is_full(self, account: str, caps: GeneratorCapabilities, in_flight: int | None) -> bool:
        """Whether `slot` would have to wait."""
        return any(semaphore.locked() for semaphore in self._semaphores(account, caps, in_flight))

    def _semaphores(
        self, account: str, caps: GeneratorCapabilities, in_flight: int | None
    ) -> Iterator[asyncio.Semaphore]:
        own = caps.limits.in_flight
        if in_flight is not None:
            yield self._semaphore("", in_flight)
        if own is not None or in_flight is None:
            yield self._semaphore(account, own or _IN_FLIGHT)

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

    def _semaphore(self, account: str, limit: int) -> asyncio.Semaphore:
        return self._slots.setdefault((account, limit), asyncio.Semaphore(limit))

    @contextlib.asynccontextmanager
    async def _turn(self, account: str, what: str, rate: Rate | None) -> AsyncIterator[None]:
        if rate is None:
            yield
            return
        at = (account, what)
        with contextlib.ExitStack() as counted:
            async with self._turns.setdefault(at, asyncio.Lock()):
                while (wait_s := self._wait_s(at, rate)) > 0:
                    await self._timing.sleep(wait_s)
                counted.enter_context(self._counted(at))
            yield

    def _wait_s(self, at: tuple[str, str], rate: Rate) -> float:
        """How long to wait before another request may be sent; 0 is at once."""
        now = self._timing.monotonic()
        sent = self._requests.setdefault(at, [])
        sent[:] = [one for one in sent if one.until is None or now - one.until < rate.per_s]
        if len(sent) < rate.count:
            return 0.0
        answered = [one.until for one in sent if one.until is not None]
        return max(min(answered) + rate.per_s - now, 0.001) if answered else _CHECK_AGAIN_S

    @contextlib.contextmanager
    def _counted(self, at: tuple[str, str]) -> Iterator[None]:
        """Count the request that the body sends."""
        request = _Request()
        self._requests.setdefault(at, []).append(request)
        try:
            yield
        finally:
            request.until = self._timing.monotonic()
