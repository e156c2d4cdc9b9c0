"""The process of an emulator: it listens, and serves until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BACKLOG: Final = 4096
_GRACE_S: Final = 0.1


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any that is free. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def serve(
    handler: web.Application | Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    listening: socket.socket,
    *,
    ready: Callable[[], None],
    die_with_parent: bool,
) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input closes. `ready` is called once it answers.

    A handler that is no application gets all requests: without a router, a request costs as little as it can.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if die_with_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    runner: web.BaseRunner
    if isinstance(handler, web.Application):
        runner = web.AppRunner(handler, handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE_S)
    else:
        server = web.Server(handler, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_GRACE_S)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=_BACKLOG).start()
    ready()
    await stop.wait()
    await runner.cleanup()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a thread that holds its lock upsets the interpreter on its way out.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)
