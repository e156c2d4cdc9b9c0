"""Hearing from KIE when a task has ended.

What comes in is believed in one thing only, the id of a task, and all that follows is that the task is polled: KIE
signs the id and the time, not the body, and without a key in its settings nothing at all.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from runner.errors import PluginError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from types import TracebackType

    from . import Callback

_OLDEST_S: Final = 300.0  # KIE documents no window
_LARGEST: Final = 256 * 1024


class Receiver:
    """A web server for callbacks. Enter it to start listening."""

    def __init__(
        self, options: Callback, log: logging.Logger, clock: Callable[[], float] = time.time
    ) -> None:
        self._options = options
        self._log = log
        self._clock = clock
        self._path = f"/{secrets.token_urlsafe(18)}"
        self._events: dict[str, asyncio.Event] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What KIE is told to call."""
        return f"{self._options.public_url.rstrip('/')}{self._path}"

    async def __aenter__(self) -> Receiver:
        app = web.Application(client_max_size=_LARGEST)
        # A tunnel may or may not keep the path of its public address.
        app.router.add_post("/{path:.*}", self._received)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._options.bind, self._options.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PluginError(
                "callbacks from KIE cannot be listened for",
                where=f"generator.callback.bind={self._options.bind} generator.callback.port={self._options.port}",
                why=error.strerror or str(error),
                hint="take another port, or leave callback.public_url empty: tasks are polled anyway",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def called(self, task: str) -> None:
        """Return when there was a callback about `task` since the last time."""
        event = self._events.setdefault(task, asyncio.Event())
        await event.wait()
        event.clear()

    async def _received(self, request: web.Request) -> web.Response:
        if not request.path.endswith(self._path):
            raise web.HTTPNotFound
        try:
            task = _task(json.loads(await request.read()))
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest from None
        if not task:
            raise web.HTTPBadRequest
        if self._options.hmac_key and not self._signed(request, task):
            self._log.warning("a callback with a wrong signature was not believed")
            raise web.HTTPUnauthorized
        event = self._events.get(task)
        if event is not None:
            event.set()
        return web.json_response({"code": 200})

    def _signed(self, request: web.Request, task: str) -> bool:
        sent_at = request.headers.get("X-Webhook-Timestamp", "")
        try:
            age_s = abs(self._clock() - float(sent_at))
        except ValueError:
            return False
        text = f"{task}.{sent_at}".encode("utf-8", "replace")
        wanted = base64.b64encode(hmac.digest(self._options.hmac_key.encode(), text, hashlib.sha256))
        given = request.headers.get("X-Webhook-Signature", "").encode("utf-8", "replace")
        return hmac.compare_digest(wanted, given) and age_s <= _OLDEST_S


def _task(found: Any) -> str:
    """The id in any of the shapes that are documented. Raises `ValueError` for something else."""
    if not isinstance(found, dict):
        raise ValueError("no object")
    data = found.get("data")
    inner = data if isinstance(data, dict) else {}
    return str(inner.get("taskId") or inner.get("task_id") or found.get("taskId") or "")
