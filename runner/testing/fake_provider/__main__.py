"""`python -m runner.testing.fake_provider`: serve until told to stop."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.testing.fake_provider.books import Books
from runner.testing.fake_provider.server import Server
from runner.testing.provider import serving
from runner.testing.provider.clock import Clock
from runner.testing.provider.files import Files
from runner.testing.provider.options import Listening, option, parsed
from runner.testing.provider.request_log import EventFile
from runner.testing.provider.studio import Studio

if TYPE_CHECKING:
    import socket


@dataclass(frozen=True, kw_only=True)
class Options(Listening):
    """What the command takes."""

    state: Path = option(Path(), "FILE", "of its books; read again on a restart", Path, required=True)
    canned: bool = option(False, None, "one clip for all, made beforehand")


def main() -> None:
    """Print one line of JSON with the base URL, then serve."""
    options = parsed(Options, sys.argv[1:], prog="fake_provider", description=str(main.__doc__))
    if options is not None:
        asyncio.run(_serve(options, options.listen()))


async def _serve(options: Options, listening: socket.socket) -> None:
    url = serving.url_of(listening)
    folder = Path(f"{options.state}.clips")
    clock, events, studio = Clock(), EventFile(options.state), Studio(folder)
    server = Server(Books(events), clock, Files(folder, clock, url), studio)
    await server.resume(canned=options.canned)
    await serving.serve(
        server,
        listening,
        ready=lambda: print(json.dumps({"base_url": url}), flush=True),
        die_with_parent=options.die_with_parent,
    )
    await server.close()
    events.close()


if __name__ == "__main__":
    main()
