"""Puts the parts together, listens, and serves until told to stop."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from .accounts import Accounts
from .books import Books
from .callbacks import Callbacks
from .clock import Clock
from .downloads import Downloads
from .fetching import Fetcher
from .files import Files
from .jobs import Jobs
from .server import Server
from .studio import Studio
from .uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable

    from .options import Options

_BACKLOG: Final = 4096
_GRACE_S: Final = 0.2


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any that is free. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


async def serve(
    options: Options,
    listening: socket.socket,
    *,
    quiet: bool,
    die_with_parent: bool,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. `ready` gets the address once it answers."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if die_with_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    options = dataclasses.replace(options, public_url=options.public_url or url)
    with tempfile.TemporaryDirectory(prefix="emulator-", ignore_cleanup_errors=True) as folder:
        clock, books = Clock(), Books()
        accounts = Accounts(options.keys, options.credits, options.rate, options.poll_rate)
        files = Files(Path(folder), clock, options.public_url)
        fetcher = Fetcher(options.fetch_timeout_s)
        callbacks = Callbacks(options, clock, books)
        jobs = Jobs(options, clock, books, quiet=quiet)
        studio = jobs.studio = Studio(options, clock, books, files, fetcher, jobs.tasks, callbacks.ended)
        uploads = Uploads(options, clock, books, files, fetcher, jobs)
        downloads = Downloads(clock, books, files)
        server = Server(options, clock, books, accounts, files, jobs, uploads, downloads)
        runner = web.AppRunner(
            server.application(), handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE_S
        )
        await runner.setup()
        await web.SockSite(runner, listening, backlog=_BACKLOG).start()
        ready(url)
        await stop.wait()
        await runner.cleanup()
        await callbacks.close()
        await studio.close()
        await fetcher.close()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a thread that holds its lock upsets the interpreter on its way out.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)
