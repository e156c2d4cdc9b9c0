"""`python -m runner.testing.fake_provider`: serve until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from runner.testing.fake_provider.books import Books
from runner.testing.fake_provider.log import Log
from runner.testing.fake_provider.provider import Provider
from runner.testing.fake_provider.server import Server
from runner.testing.fake_provider.studio import Canned, Drawn

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> None:
    """Print one line of JSON with the base URL, then serve."""
    parser = argparse.ArgumentParser(prog="fake_provider", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    parser.add_argument(
        "--state", type=Path, required=True, help="the file of its books; read again on a restart"
    )
    parser.add_argument("--canned", action="store_true", help="one clip for all, made beforehand")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when stdin closes")
    asyncio.run(_serve(parser.parse_args(words)))


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.die_with_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()

    log = Log(arguments.state)
    books = Books(log)
    studio = Canned(books) if arguments.canned else Drawn(books, Path(f"{arguments.state}.clips"), time.time)
    provider = Provider(books, studio, time.time)
    server = web.Server(Server(provider, books), handler_cancellation=True, access_log=None)
    listening = await loop.create_server(server, "127.0.0.1", arguments.port, backlog=4096)
    port = listening.sockets[0].getsockname()[1]
    print(json.dumps({"base_url": f"http://127.0.0.1:{port}"}), flush=True)
    await stop.wait()
    listening.close()
    await server.shutdown(timeout=0.1)
    await studio.close()
    log.close()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not sys.stdin: a thread that holds its lock upsets the interpreter on its way out.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    main()
