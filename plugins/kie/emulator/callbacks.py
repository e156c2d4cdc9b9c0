"""Telling the client's own server that a task has ended."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from runner.testing.provider.tasks import cancelled

from .record import compact, record

if TYPE_CHECKING:
    from runner.testing.provider.clock import Clock
    from runner.testing.provider.request_log import RequestLog

    from .options import Options
    from .record import KieTask

_TRIES: Final = 3
_PAUSE_S: Final = 5.0
_FAILED: Final = 501


@dataclass
class Callbacks:
    """POSTs each ended task that asked for it: three tries, and no more after an answer of 200."""

    options: Options
    clock: Clock
    log: RequestLog

    def __post_init__(self) -> None:
        self._work: set[asyncio.Task[None]] = set()

    def ended(self, task: KieTask) -> None:
        """Start to tell of a task, if it has an address to tell it to."""
        if not task.request.callback.startswith(("http://", "https://")):
            return
        for _ in range(2 if self.options.callback_twice else 1):
            work = asyncio.get_running_loop().create_task(self._tell(task))
            self._work.add(work)
            work.add_done_callback(self._work.discard)

    async def close(self) -> None:
        await cancelled(self._work)

    async def _tell(self, task: KieTask) -> None:
        body = compact(self._body(task)).encode("utf-8", "replace")
        timeout = aiohttp.ClientTimeout(total=self.options.callback_timeout)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for number in range(1, _TRIES + 1):
                entry = self.log.note(
                    "callbacks",
                    at=self.clock.now(),
                    task=task.id,
                    url=task.request.callback,
                    number=number,
                )
                try:
                    async with http.post(
                        task.request.callback, data=body, headers=self._headers(task)
                    ) as answer:
                        entry.update(status=answer.status, problem="")
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
                    entry.update(status=None, problem=str(problem) or type(problem).__name__)
                if number < _TRIES:
                    await self.clock.sleep(_PAUSE_S)

    def _headers(self, task: KieTask) -> dict[str, str]:
        """The body is not signed: the signature proves no more than the task's id."""
        headers = {"Content-Type": "application/json"}
        if self.options.webhook_key:
            timestamp = str(int(self.clock.now()))
            digest = hmac.new(
                self.options.webhook_key.encode(), f"{task.id}.{timestamp}".encode(), hashlib.sha256
            ).digest()
            headers["X-Webhook-Timestamp"] = timestamp
            headers["X-Webhook-Signature"] = base64.b64encode(digest).decode()
        return headers

    def _body(self, task: KieTask) -> dict[str, Any]:
        """`envelope` as recordInfo has it, `short` as the page about signatures; a `union` has the keys of both."""
        shape, failure = self.options.callback_shape, task.failure
        top = {} if shape == "envelope" else {"taskId": task.id}
        whole = {} if shape == "short" else record(task, self.clock.now())
        short = {} if shape == "envelope" else {"task_id": task.id, "callbackType": "task_completed"}
        well = "Success" if shape == "short" else "success"
        return {
            **top,
            "code": 200 if failure is None else _FAILED,
            "msg": well if failure is None else failure.message,
            "data": {**whole, **short},
        }
