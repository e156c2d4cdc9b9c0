"""Ctrl-C and SIGTERM: one clean way out, from the first line of the program to the last.

A signal that arrives while something is being set up raises `KeyboardInterrupt`, and is remembered: a library may
swallow the exception, or trip over it. While a run is under way it cancels the run's task instead; a second one
does not wait for that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

_STOPPING = (
    b"\nrunner: stopping; what is being asked for is noted first, so that it is not paid for twice "
    b"(once more stops at once)\n"
)

# Signals belong to the process, and so does this.
_state: dict[str, Any] = {"seen": 0, "task": None}


def seen() -> bool:
    """Whether the person, or the system, asked this command to stop."""
    return bool(_state["seen"])


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Handle both signals while one command runs, and put things back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.update(seen=0, task=None)
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state.update(seen=0, task=None)


@contextlib.contextmanager
def cancelling(task: asyncio.Task[Any]) -> Iterator[None]:
    """Let a signal cancel `task` while the body runs. Raises `KeyboardInterrupt` when one came before."""
    if seen():
        raise KeyboardInterrupt
    _state["task"] = task
    try:
        yield
    finally:
        _state["task"] = None


def _stop(number: int, frame: object) -> None:
    _state["seen"] += 1
    task: asyncio.Task[Any] | None = _state["task"]
    if task is not None and _state["seen"] == 1:
        # Written past all buffers: whatever was being printed when the signal came may hold their locks.
        with contextlib.suppress(OSError):
            os.write(2, _STOPPING)
        task.get_loop().call_soon_threadsafe(task.cancel)
        return
    raise KeyboardInterrupt
