"""What an account may do at once, and how fast: shared by all runs of a session, and by all sessions over one root on
one machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.store.interface import Taken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from runner.api import GeneratorCapabilities, Rate
    from runner.engine.timing import Timing
    from runner.store.interface import Turns

_IN_FLIGHT: Final = 8  # where neither the configuration nor the generator states a limit
_CHECK_AGAIN_S: Final = 0.05
_ASK_AGAIN_S: Final = 1.0
"""The longest wait before the limits of all sessions are looked at again, in seconds."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Request:
    """A request that counts against a rate. `until` is when its response came; `None` while none did.

    A provider counts a request when it arrives, which is some time between sending it and having its response. Counted
    from its response on, a request leaves the window here no sooner than there.
    """

    until: float | None = None


class AccountLimits:
    """The limits of each account: tasks at a time, and requests in any stretch of time."""

    def __init__(self, timing: Timing, shared: Turns | None = None) -> None:
        """`shared` counts the requests of other sessions, too; without it those of this one count alone."""
        self._timing = timing
        self._shared = shared
        self._asking: dict[str, asyncio.Lock] = {}
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
            for (name, limit), semaphore in self._semaphores(account, caps, in_flight):
                await held.enter_async_context(semaphore)
                await held.enter_async_context(self._taken(f"{limit} in flight {name}", limit, 0.0))
            yield

    def is_full(self, account: str, caps: GeneratorCapabilities, in_flight: int | None) -> bool:
        """Whether `slot` would have to wait."""
        return any(semaphore.locked() for _, semaphore in self._semaphores(account, caps, in_flight))

    def _semaphores(
        self, account: str, caps: GeneratorCapabilities, in_flight: int | None
    ) -> Iterator[tuple[tuple[str, int], asyncio.Semaphore]]:
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

    def _semaphore(self, account: str, limit: int) -> tuple[tuple[str, int], asyncio.Semaphore]:
        at = (account, limit)
        return at, self._slots.setdefault(at, asyncio.Semaphore(limit))

    @contextlib.asynccontextmanager
    async def _taken(self, of: str, most: int, within_s: float) -> AsyncIterator[None]:
        """Count the body among what all sessions do, once it may be."""
        taken: Taken | float | None = None
        if self._shared is not None:
            async with self._asking.setdefault(of, asyncio.Lock()):
                while not isinstance(taken := await self._try(self._shared, of, most, within_s), Taken):
                    if taken is None:
                        break
                    await self._timing.sleep(min(taken, _ASK_AGAIN_S))
        try:
            yield
        finally:
            if self._shared is not None and isinstance(taken, Taken):
                # At once: a task that is being cancelled does not wait for a thread.
                with contextlib.suppress(OSError):
                    self._shared.give_back(taken, self._timing.monotonic())

    async def _try(self, shared: Turns, of: str, most: int, within_s: float) -> Taken | float | None:
        try:
            return shared.take(of, most, within_s, self._timing.monotonic())
        except OSError as error:
            _log.warning("the limits of this session do not count what others do: %s", error)
            self._shared = None
            return None

    @contextlib.asynccontextmanager
    async def _turn(self, account: str, what: str, rate: Rate | None) -> AsyncIterator[None]:
        if rate is None:
            yield
            return
        at = (account, what)
        async with contextlib.AsyncExitStack() as counted:
            async with self._turns.setdefault(at, asyncio.Lock()):
                while (wait_s := self._wait_s(at, rate)) > 0:
                    await self._timing.sleep(wait_s)
                await counted.enter_async_context(self._taken(f"{what} {account}", rate.count, rate.per_s))
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
