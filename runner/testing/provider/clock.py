"""A provider's clock: it runs with the machine's, and can be moved forward."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_S: Final = 3600.0


class Clock:
    """Seconds since 1970, plus what it was moved ahead. All times of a provider are of this clock."""

    def __init__(self) -> None:
        # The machine's wall clock may be set back; a window of ten seconds must not notice.
        self._start = time.time() - time.monotonic()
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._start + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move ahead, and wake all who wait."""
        self._start += seconds
        self.wake()

    def wake(self) -> None:
        """Have all who wait look again at what they wait for."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        await self.until(lambda: until)

    async def until(self, due: Callable[[], float]) -> None:
        """Wait until the clock shows `due()`, which may change; `wake` then."""
        while (left := due() - self.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), min(left, _LONGEST_S))
