"""Ctrl-C and SIGTERM: one clean way out, from the first line of the program to the last.

A signal that arrives while something is being set up raises `KeyboardInterrupt`, and is remembered: a library may
swallow the exception, or trip over it. While a session runs it is handed to the session instead, twice; a third one
does not wait for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STOPPING = (
    "runner: stopping: finishing pending submissions so that nothing is paid twice "
    "(press Ctrl-C again to cancel the tasks, too, where that saves money)",
    "runner: cancelling tasks where that saves money (press Ctrl-C again to quit now)",
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
        loop, stop = handler
        # Printed by the loop: what the signal interrupted may hold the locks of standard error, or draw there.
        loop.call_soon_threadsafe(_announce, _STOPPING[_state["seen"] - 1])
        loop.call_soon_threadsafe(stop)
        return
    raise KeyboardInterrupt


def _announce(message: str) -> None:
    """Say what a signal does. The first line break ends the line on which a terminal shows `^C`."""
    with contextlib.suppress(OSError):
        print(f"\n{message}", file=sys.stderr, flush=True)
