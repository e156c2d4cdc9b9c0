"""The emulator's clock: it runs with the machine's, and can be moved forward."""

from __future__ import annotations

import asyncio
import contextlib
import time


class Clock:
    """Seconds since 1970, plus what it was moved ahead. All times of the emulator are of this clock."""

    def __init__(self) -> None:
        # The machine's wall clock may be set back; a window of ten seconds must not notice.
        self._start = time.time() - time.monotonic()
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._start + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move ahead, and wake all who wait."""
        self._start += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def until(self, at: float) -> None:
        """Wait until the clock shows `at`."""
        while (left := at - self.now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)


def milliseconds(at: float) -> int:
    """The API's own unit of time."""
    return int(at * 1000)
