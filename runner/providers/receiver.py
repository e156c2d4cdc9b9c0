"""A web server on this machine: for the callbacks of a provider, or whatever else a plugin serves.

A callback is believed in one thing only, the id of a task, and all that follows is that the task is polled: callbacks
can be forged where the provider does not sign them, and few sign the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.errors import PluginError
from runner.net import own_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp import web

_LARGEST: Final = 256 * 1024


@contextlib.asynccontextmanager
async def listening(app: web.Application, bind: str, port: int) -> AsyncIterator[str]:
    """Serve `app` on bind:port (0 is any free port) and yield its URL on this machine, without a final slash.

    Raises `OSError` where the address cannot be listened on.
    """
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None, logger=_log(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, bind, port).start()
        host, actual = runner.addresses[0][:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        url = f"http://[{host}]:{actual}" if ":" in host else f"http://{host}:{actual}"
        with own_servers.serving(url):
            yield url
    finally:
        await runner.cleanup()


def _log() -> logging.Logger:
    """Where aiohttp says what went wrong: the logs of the runs, and never the terminal.

    What strangers send that is no HTTP is not even worth that.
    """
    from aiohttp import http_exceptions

    log = logging.getLogger("runner.server")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
        noise = (http_exceptions.HttpProcessingError, ConnectionError, asyncio.TimeoutError)
        log.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], noise)))
    return log


@dataclass(slots=True, kw_only=True, eq=False)
class CallbackReceiver:
    """Receives callbacks about tasks. Enter it to start listening.

    Messages suppose that the generator's options have a mapping `callback` with `public_url`, `bind` and `port`.
    """

    public_url: str
    """A tunnel or proxy that leads to bind:port on this machine."""
    bind: str
    port: int
    task_of: Callable[[Any], str]
    """Returns the task id in a callback's JSON, and raises `ValueError` for anything else."""
    log: logging.Logger
    verify: Callable[[Mapping[str, str], str], bool] | None = None
    """Says whether the headers prove that the provider sent a callback about this task id; without it every callback is
    believed."""
    _path: str = field(init=False, default_factory=lambda: f"/{secrets.token_urlsafe(18)}")
    _events: dict[str, asyncio.Event] = field(init=False, default_factory=dict)
    _stack: AsyncExitStack = field(init=False, default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        """The URL to give to the provider: its path cannot be guessed."""
        return f"{self.public_url.rstrip('/')}{self._path}"

    async def __aenter__(self) -> CallbackReceiver:
        """Start listening. Raises `PluginError` where the address cannot be listened on."""
        from aiohttp import web

        app = web.Application(client_max_size=_LARGEST)
        # A tunnel may or may not keep the path of its public URL.
        app.router.add_post("/{path:.*}", self._received)
        try:
            await self._stack.enter_async_context(listening(app, self.bind, self.port))
        except OSError as error:
            raise PluginError(
                "cannot listen for callbacks",
                where=f"generator.callback.bind={self.bind} generator.callback.port={self.port}",
                why=error.strerror or str(error),
                hint="take another port, or leave callback.public_url empty: tasks are polled anyway",
            ) from error
        self._stack.enter_context(own_servers.known_as(self.url, "(callback)"))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def called(self, task: str) -> None:
        """Return when there was a callback about `task` since the last time."""
        event = self._events.setdefault(task, asyncio.Event())
        await event.wait()
        event.clear()

    async def _received(self, request: web.Request) -> web.Response:
        from aiohttp import web

        if not request.path.endswith(self._path):
            raise web.HTTPNotFound
        try:
            task = self.task_of(json.loads(await request.read()))
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest from None
        if not task:
            raise web.HTTPBadRequest
        if self.verify is not None and not self.verify(request.headers, task):
            self.log.warning("a callback with a wrong signature was not believed")
            raise web.HTTPUnauthorized
        event = self._events.get(task)
        if event is not None:
            event.set()
        return web.json_response({"code": 200})
