"""Server-sent events from the events file of a run, whoever writes it.

An event's id is where its line ends in the file: a client that comes back with the last one it has misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from runner import store
from runner.outgoing import outgoing
from runner.store import documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from runner.api import JSON

EVENTS: Final = "events.jsonl"
_EACH_S: Final = 0.4
"""How often a file is looked at."""
_ALIVE_S: Final = 15.0
"""How often a comment is sent where nothing else is: proxies close what is silent."""
_MOST_BYTES: Final = 1 << 20
_MOST_STREAMS: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a run. `end` is the offset in bytes behind it."""

    end: int
    text: str


def lines_after(file: Path, offset: int) -> tuple[list[Line], int]:
    """The whole lines of an events file after an offset, at most a megabyte of them, and where to go on.

    None where there is no file. An offset behind the end belongs to another file: it starts anew. Blocking.
    """
    try:
        with store.open_plain(file) as opened:
            if offset > os.fstat(opened.fileno()).st_size:
                offset = 0
            opened.seek(offset)
            data = opened.read(_MOST_BYTES)
    except OSError:
        return [], offset
    if len(data) == _MOST_BYTES and b"\n" not in data:  # no event is as long
        return [], offset + len(data)
    found = []
    for raw in data.split(b"\n")[:-1]:
        offset += len(raw) + 1
        with contextlib.suppress(ValueError):
            text = raw.decode("utf-8")
            documents.loads(text)
            found.append(Line(offset, text))
    return found, offset


def message(event: str, data: str, id: str = "") -> str:
    """One event as it is sent."""
    lines = [f"event: {event}", *([f"id: {id}"] if id else [])]
    lines += (f"data: {line}" for line in outgoing(data).splitlines() or [""])
    return "\n".join(lines) + "\n\n"


class Streams:
    """The open streams of a server, which end when it does."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self._open = 0

    def is_full(self) -> bool:
        """Whether there are as many as the server keeps open."""
        return self._open >= _MOST_STREAMS

    async def pause(self, wait_s: float = _EACH_S) -> bool:
        """Wait until it is time to look again; whether the server goes on."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), wait_s)
        return not self.closing.is_set()

    def response(self, messages: AsyncIterator[str]) -> StreamingResponse:
        """An answer that goes on."""
        headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
        return StreamingResponse(self._counted(messages), media_type="text/event-stream", headers=headers)

    async def _counted(self, messages: AsyncIterator[str]) -> AsyncIterator[str]:
        self._open += 1
        try:
            yield "retry: 1000\n\n"
            async for one in messages:
                yield one
        finally:
            self._open -= 1

    async def of_run(
        self, folder: Callable[[], Path | None], after: int, state: Callable[[], tuple[JSON, bool]]
    ) -> AsyncIterator[str]:
        """The events of a run from an offset on: `run` for each, `state` where that changed, `end` as the last one.

        `folder` is looked for until it is there; `state` is what there is to say of the run, and whether it has ended.
        Both are blocking.
        """
        offset, said, silent_s = after, "", 0.0
        while True:
            # In this order: what a run wrote before it ended is sent before its end.
            now, has_ended = await asyncio.to_thread(state)
            place = await asyncio.to_thread(folder)
            before, lines = offset, list[Line]()
            if place is not None:
                lines, offset = await asyncio.to_thread(lines_after, place / EVENTS, before)
            for line in lines:
                yield message("run", line.text, str(line.end))
            text = json.dumps(now)
            if text != said:
                yield message("state", text)
                said = text
            elif not lines:
                silent_s += _EACH_S
                if silent_s >= _ALIVE_S:
                    yield ": alive\n\n"
                    silent_s = 0.0
            if offset != before:
                continue
            if has_ended:
                yield message("end", text)
                return
            if not await self.pause():
                return

    async def of_changes(self, look: Callable[[], str], each_s: float) -> AsyncIterator[str]:
        """`changed` each time that `look`, which is blocking, says something else than before."""
        said, silent_s = "", 0.0
        while True:
            now = await asyncio.to_thread(look)
            if now != said:
                yield message("changed", "{}")
                said = now
            else:
                silent_s += each_s
                if silent_s >= _ALIVE_S:
                    yield ": alive\n\n"
                    silent_s = 0.0
            if not await self.pause(each_s):
                return
