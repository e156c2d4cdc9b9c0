"""`runner serve [ROOT]`: the web service over an outputs root."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.config import user_file
from runner.errors import UsageError
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORTEST_TOKEN: Final = 20
_LARGEST_TOKEN_FILE: Final = 4096
_ABOUT: Final = "\n\n".join(
    (
        "Serve an outputs root: pages with all its runs and sweeps, live, also of those that another "
        "process starts, and an HTTP API that makes films.",
        "Pages: the plan and the price of a project before it is started, jobs, live runs with their "
        "clips, accept, reject and star a clip (all choices as CSV), another take of a shot, cancel, "
        "resume.",
        'API: POST /api/create_videos takes a project as JSON or YAML, or {"project": NAME, '
        '"overrides": [...]}, and answers 202 with the id of a job. The same request is the same job. '
        "A job is on disk before the answer, and goes on after a restart of the server; nothing is "
        "paid twice. /api/openapi.json has it all.",
        "A request may set project, shot, sequences, continuity, film, budget, checks and metrics, "
        "and choose profiles of generators, of the uploader and of the extractor. It names no files, "
        "reads no environment, and costs at most --max-cost. Keys and addresses are those of this "
        "command's environment and your file.",
        "On another address than loopback each request needs a token: Authorization: Bearer TOKEN, or "
        "?token=TOKEN once in a browser. It is not encrypted: put a proxy with TLS before it, whose "
        "name is --allow-host NAME. Ctrl-C ends the server; the next one goes on with its jobs.",
    )
)


class _Arguments(Common):
    root: Path
    host: str
    port: int
    token_file: Path | None
    allow_host: list[str]
    max_cost: str
    max_shots: int
    max_jobs: int
    at_once: int


def main(words: Sequence[str]) -> int:
    """Serve until Ctrl-C."""
    arguments = _parsed(words)
    from runner.web.guard import is_loopback
    from runner.web.preparation import Limits
    from runner.web.serving import Settings, serve

    token, is_generated = "", False
    if arguments.token_file is not None:
        token = _read(arguments.token_file)
    elif not is_loopback(arguments.host):
        token, is_generated = secrets.token_urlsafe(32), True
    settings = Settings(
        root=arguments.root,
        folder=Path(),
        user_file=user_file.of_environment(),
        host=arguments.host,
        port=arguments.port,
        allowed_hosts=tuple(arguments.allow_host),
        token=token,
        limits=Limits(max_cost_usd=_dollars(arguments.max_cost), max_shots=arguments.max_shots),
        at_once=arguments.at_once,
        max_jobs=arguments.max_jobs,
    )

    def started(address: str) -> None:
        print(f"serving {arguments.root} at {address}", flush=True)
        if is_generated:
            print(f"the token, which is not shown again: {token}", flush=True)

    asyncio.run(serve(settings, started))
    return 0


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "serve",
        _ABOUT,
        examples=("serve", "serve outputs --port 8000", "serve --host 0.0.0.0 --token-file token.txt"),
    )
    add = parser.add_argument
    add(
        "root",
        nargs="?",
        type=Path,
        default=Path("outputs"),
        metavar="ROOT",
        help="the outputs root (outputs)",
    )
    add("--host", default="127.0.0.1", help="the address to bind (127.0.0.1: this machine only)")
    add("--port", type=int, default=8640, metavar="N", help="the port (8640); 0 is any that is free")
    add(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with the token; else one is made and shown once",
    )
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name of this server; repeatable",
    )
    add("--max-cost", default="5", metavar="USD", help="what one request may cost (5), or none")
    add("--max-shots", type=int, default=100, metavar="N", help="how many shots one request may have (100)")
    add("--max-jobs", type=int, default=100, metavar="N", help="how many jobs may be queued or running (100)")
    add("--at-once", type=int, default=4, metavar="N", help="how many jobs run at one time (4)")
    arguments = parser.read(words, _Arguments())
    for name, least in (("max_shots", 1), ("max_jobs", 1), ("at_once", 1), ("port", 0)):
        if getattr(arguments, name) < least:
            parser.error(f"--{name.replace('_', '-')} is {least} or more")
    if arguments.port > 65535:
        parser.error("--port is at most 65535")
    if arguments.as_json:
        parser.error("there is no --json")
    return arguments


def _dollars(text: str) -> float | None:
    if text in ("none", "null"):
        return None
    try:
        usd = float(text)
    except ValueError:
        usd = -1.0
    if not 0 <= usd < 1e9:
        raise UsageError(f"--max-cost cannot be {text!r}", why="it is an amount in US dollars, or none")
    return usd


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            token = opened.read(_LARGEST_TOKEN_FILE).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the token cannot be read", where=str(file), why=str(error)) from error
    if len(token) < _SHORTEST_TOKEN or any(sign.isspace() for sign in token):
        raise UsageError(
            "the token is too short, or holds spaces",
            where=str(file),
            why=f"it has at least {_SHORTEST_TOKEN} characters in one line",
            hint=f"python -c 'import secrets; print(secrets.token_urlsafe(32))' > {file}",
        )
    return token
