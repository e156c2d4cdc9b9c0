"""Telling the client's own server that a task has ended."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from .task import compact

if TYPE_CHECKING:
    from .books import Books
    from .clock import Clock
    from .options import Options
    from .task import Task

_TRIES: Final = 3
_PAUSE_S: Final = 5.0
_FAILED: Final = 501


class Callbacks:
    """POSTs each ended task that asked for it: three tries, and no more after an answer of 200."""

    def __init__(self, options: Options, clock: Clock, books: Books) -> None:
        self._options = options
        self._clock = clock
        self._books = books
        self._work: set[asyncio.Task[None]] = set()

    def ended(self, task: Task) -> None:
        """Start to tell of a task, if it has an address to tell it to."""
        if not task.callback.startswith(("http://", "https://")):
            return
        for _ in range(2 if self._options.callback_twice else 1):
            work = asyncio.get_running_loop().create_task(self._tell(task))
            self._work.add(work)
            work.add_done_callback(self._work.discard)

    async def close(self) -> None:
        for work in list(self._work):
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _tell(self, task: Task) -> None:
        body = compact(self._body(task)).encode("utf-8", "replace")
        timeout = aiohttp.ClientTimeout(total=self._options.callback_timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for number in range(1, _TRIES + 1):
                entry = self._books.note(
                    self._books.callbacks,
                    at=self._clock.now(),
                    task=task.id,
                    url=task.callback,
                    number=number,
                )
                try:
                    async with http.post(task.callback, data=body, headers=self._headers(task)) as answer:
                        entry.update(status=answer.status, problem="")
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
                    entry.update(status=None, problem=str(problem) or type(problem).__name__)
                if number < _TRIES:
                    await self._clock.until(self._clock.now() + _PAUSE_S)

    def _headers(self, task: Task) -> dict[str, str]:
        """The body is not signed: the signature proves no more than the task's id."""
        headers = {"Content-Type": "application/json"}
        if self._options.webhook_key:
            timestamp = str(int(self._clock.now()))
            digest = hmac.new(
                self._options.webhook_key.encode(), f"{task.id}.{timestamp}".encode(), hashlib.sha256
            ).digest()
            headers["X-Webhook-Timestamp"] = timestamp
            headers["X-Webhook-Signature"] = base64.b64encode(digest).decode()
        return headers

    def _body(self, task: Task) -> dict[str, Any]:
        """`envelope` as recordInfo has it, `short` as the page about signatures; a `union` has the keys of both."""
        shape, failed = self._options.callback_shape, task.fail_code is not None
        top = {} if shape == "envelope" else {"taskId": task.id}
        record = {} if shape == "short" else task.record(self._clock.now())
        short = {} if shape == "envelope" else {"task_id": task.id, "callbackType": "task_completed"}
        well = "Success" if shape == "short" else "success"
        return {
            **top,
            "code": _FAILED if failed else 200,
            "msg": task.fail_msg if failed else well,
            "data": {**record, **short},
        }
