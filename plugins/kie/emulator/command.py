"""`runner emulate kie`: puts the parts together, and serves until told to stop."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.testing.provider import serving
from runner.testing.provider.clock import Clock
from runner.testing.provider.fetching import Fetcher
from runner.testing.provider.files import Files
from runner.testing.provider.options import parsed
from runner.testing.provider.request_log import RequestLog
from runner.testing.provider.studio import Studio
from runner.testing.provider.tasks import Work

from .callbacks import Callbacks
from .jobs import Jobs
from .options import Options
from .server import Server
from .uploads import Uploads
from .works import Works

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from .record import KieTask
    from .script import Script

_NAME: Final = "kie"
_ABOUT: Final = "Serve the API of KIE.AI on this machine: accounts, uploads, tasks, clips. Ctrl-C ends it."


def main(words: Sequence[str]) -> int:
    """Serve until Ctrl-C; 0 then. Raises `UsageError`."""
    options = parsed(Options, words, prog=f"python -m runner emulate {_NAME}", description=_ABOUT)
    if options is None:
        return 0
    script, listening = options.rules(), options.listen()
    asyncio.run(_serve(options, script, listening))
    return 0


async def _serve(options: Options, script: Script, listening: socket.socket) -> None:
    url = serving.url_of(listening)
    options = dataclasses.replace(options, public_url=(options.public_url or url).rstrip("/"))
    with tempfile.TemporaryDirectory(prefix="emulator-", ignore_cleanup_errors=True) as folder:
        clock, log, studio = Clock(), RequestLog(), Studio(Path(folder))
        files = Files(Path(folder), clock, options.public_url)
        fetcher = Fetcher(options.fetch_timeout)
        callbacks = Callbacks(options, clock, log)
        tasks: dict[str, KieTask] = {}
        works = Works(options, clock, log, files, fetcher, studio, tasks, callbacks.ended)
        work = Work(clock, works)
        jobs = Jobs(options, script, clock, log, tasks, work.begin)
        uploads = Uploads(options, clock, log, files, fetcher, jobs)
        server = Server(options, clock, log, files, tasks, jobs, uploads)
        await serving.serve(
            server.application(),
            listening,
            ready=lambda: _announce(url, options.keys[0]),
            die_with_parent=options.die_with_parent,
        )
        await callbacks.close()
        await work.close()
        studio.close()
        await fetcher.close()


def _announce(url: str, key: str) -> None:
    print(f"{_NAME.upper()} emulator: {url}")
    print(f"export {_NAME.upper()}_API_KEY={key}")
    print(
        f"python -m runner +project=ad_campaign generator={_NAME} uploader={_NAME} "
        f"generator.api_url={url} uploader.upload_url={url}",
        flush=True,
    )
