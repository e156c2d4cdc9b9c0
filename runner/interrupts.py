"""Ctrl-C and SIGTERM: one clean way out, from the first line of the program to the last.

A signal that arrives while something is being set up raises `KeyboardInterrupt`, and is remembered: a library may
swallow the exception, or trip over it. While a session runs it is handed to the session instead, twice; a third one
does not wait for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STOPPING = (
    b"\nrunner: stopping: finishing pending submissions so that nothing is paid twice "
    b"(press Ctrl-C again to cancel the tasks, too, where that saves money)\n",
    b"\nrunner: cancelling tasks where that saves money (press Ctrl-C again to quit now)\n",
)

# Signals belong to the process, and so does this.
_state: dict[str, Any] = {"seen": 0, "stop": None}


def seen() -> bool:
    """Whether the user, or the system, asked this command to stop."""
    return bool(_state["seen"])


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Handle both signals while one command runs, and put things back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.update(seen=0, stop=None)
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _state.update(seen=0, stop=None)


@contextlib.contextmanager
def handled_by(stop: Callable[[], None]) -> Iterator[None]:
    """Let a signal call `stop` on the running event loop while the body runs. The third signal does not wait for it.

    Raises `KeyboardInterrupt` when a signal came before.
    """
    if seen():
        raise KeyboardInterrupt
    _state["stop"] = (asyncio.get_running_loop(), stop)
    try:
        yield
    finally:
        _state["stop"] = None


def _stop(number: int, frame: object) -> None:
    _state["seen"] += 1
    handler: tuple[asyncio.AbstractEventLoop, Callable[[], None]] | None = _state["stop"]
    if handler is not None and _state["seen"] <= len(_STOPPING):
        # Written past all buffers: whatever was being printed when the signal came may hold their locks.
        with contextlib.suppress(OSError):
            os.write(2, _STOPPING[_state["seen"] - 1])
        loop, stop = handler
        loop.call_soon_threadsafe(stop)
        return
    raise KeyboardInterrupt
