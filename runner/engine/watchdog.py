"""Notices that a plugin blocks the event loop, in which all other shots wait: `time.sleep`, or a blocking HTTP client,
in an asynchronous method."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import FrameType

    from runner.engine.timing import Timing

_PLUGINS = "runner.plugins."


@contextlib.asynccontextmanager
async def watching(timing: Timing, notify: Callable[[str], None]) -> AsyncIterator[None]:
    """Call `notify`, from another thread, once for each place of a plugin that keeps this event loop from running for
    `timing.stall_s` seconds."""
    watched = _Watched(threading.get_ident())
    ended = threading.Event()
    beat = asyncio.create_task(_beat(watched, timing))
    thread = threading.Thread(
        target=_watch, args=(watched, timing, notify, ended), name="watchdog", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        beat.cancel()
        await asyncio.wait([beat])


class _Watched:
    """How often the loop of a thread has run."""

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.beats = 0


async def _beat(watched: _Watched, timing: Timing) -> None:
    while True:
        watched.beats += 1
        await asyncio.sleep(timing.stall_s / 4)


def _watch(watched: _Watched, timing: Timing, notify: Callable[[str], None], ended: threading.Event) -> None:
    told: set[str] = set()
    beats = -1
    while not ended.wait(timing.stall_s):
        if beats == watched.beats:
            place = _plugin_place(sys._current_frames().get(watched.thread))
            if place and place not in told:
                told.add(place)
                notify(place)
        beats = watched.beats


def _plugin_place(frame: FrameType | None) -> str:
    """What to say of the innermost frame of a plugin, empty where none is at work."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_PLUGINS):
            name = module.removeprefix(_PLUGINS).partition(".")[0]
            return (
                f"plugin {name} blocks the event loop in {frame.f_code.co_name}, at {frame.f_code.co_filename}:"
                f"{frame.f_lineno}: all other shots wait for it; use an asynchronous client, or asyncio.to_thread"
            )
        frame = frame.f_back
    return ""
