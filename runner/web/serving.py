"""The server: the application over one session, on a socket, until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from runner import interrupts, store
from runner.errors import RunnerError, UsageError
from runner.session import Session
from runner.web import pages, problems, rendering
from runner.web.browsing import Root
from runner.web.endpoints import Api
from runner.web.guard import Guard, Hosts
from runner.web.jobs import Jobs
from runner.web.preparation import Limits, Preparation
from runner.web.problems import Refused
from runner.web.signature import Signer
from runner.web.streams import Streams
from runner.web.viewing import Viewing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from runner.store.local.served import LocalServed

_MOST_CONNECTIONS: Final = 300
_LAST_ANSWERS_S: Final = 5
_BACKLOG: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `runner serve` was told."""

    root: Path
    folder: Path
    """The working folder, with its `conf`."""
    user_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8640
    """0 is any that is free."""
    allowed_hosts: tuple[str, ...] = ()
    token: str = ""
    """Empty where the server is on loopback and asks for none."""
    limits: Limits = field(default_factory=Limits)
    at_once: int = 4
    max_jobs: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the endpoints and pages of one server share."""

    root: Root
    folder: Path
    jobs: Jobs
    files: LocalServed
    preparation: Preparation
    streams: Streams


def application(service: Service, hosts: Hosts, token: str = "") -> ASGIApp:
    """The whole application, behind its guard."""
    api = Api(service)
    app = Starlette(
        routes=[*api.routes(), *pages.Pages(service, api).routes(), *Viewing(service.root).routes()],
        exception_handlers={
            RunnerError: _on_error,
            Refused: _on_refused,
            HTTPException: _on_http_error,
            Exception: _on_bug,
        },
    )
    return Guard(app, hosts, token)


async def serve(settings: Settings, started: Callable[[str], object]) -> None:
    """Serve until a signal comes, and end so that the next server of the root goes on.

    `started` is called with the address. Raises `UsageError` where the address cannot be bound, and the errors of
    opening a session.
    """
    # Resolved, since paths of runs are cut off at it.
    root = settings.root.absolute()
    files = store.served(root)
    with files.lock(), _bound(settings.host, settings.port) as listening:
        async with Session(root) as session:
            preparation = Preparation(
                root=root, folder=settings.folder, user_file=settings.user_file, limits=settings.limits
            )
            signer = await asyncio.to_thread(Signer.of_user, root)
            jobs = Jobs(
                session, files, preparation, signer, at_once=settings.at_once, most_open=settings.max_jobs
            )
            service = Service(
                root=Root(root),
                folder=settings.folder,
                jobs=jobs,
                files=files,
                preparation=preparation,
                streams=Streams(),
            )
            hosts = Hosts.of(settings.host, settings.allowed_hosts)
            await _until_stopped(application(service, hosts, settings.token), service, listening, started)


async def _until_stopped(
    app: ASGIApp,
    service: Service,
    listening: socket.socket,
    started: Callable[[str], object],
) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,  # its lines would hold tokens of queries
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        backlog=_BACKLOG,
    )
    server = _Server(config)

    def stop() -> None:
        service.jobs.stop()
        service.streams.closing.set()
        server.should_exit = True

    with interrupts.handled_by(stop):
        await service.jobs.start()
        started(_address(listening))
        try:
            await server.serve([listening])
        finally:
            await service.jobs.close()


class _Server(uvicorn.Server):
    """Leaves signals to the program, which ends the session first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens. Raises `UsageError` where the address cannot be had."""
    try:
        ((family, kind, proto, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.socket(family, kind, proto)
    except (OSError, UnicodeError) as error:
        raise UsageError("this is no address of this machine", where=host, why=str(error)) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(
            "the address cannot be bound",
            where=f"{host}:{port}",
            why=error.strerror or str(error),
            hint="choose another port, or 0 for any that is free: --port 0",
        ) from error
    with listening:
        yield listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RunnerError)
    answer = problems.of_error(error)
    return answer if _is_api(request) else rendering.of_error(error, answer.status_code)


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if _is_api(request):
        return problems.problem(error.status, error.title, error.hint)
    return rendering.of_error(RunnerError(error.title, hint=error.hint), error.status)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _is_api(request):
        answer: Response = problems.problem(error.status_code, error.detail)
    else:
        answer = rendering.of_error(RunnerError(error.detail), error.status_code)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _on_bug(request: Request, error: Exception) -> Response:
    return problems.problem(500, "an error of this program; its log says more")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")
