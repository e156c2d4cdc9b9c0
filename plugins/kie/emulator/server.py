"""The HTTP in front of it all: which address leads where, and who may ask."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from . import catalogue, script, wire
from .books import seen
from .wire import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .accounts import Account, Accounts
    from .books import Books
    from .clock import Clock
    from .downloads import Downloads
    from .files import Files
    from .jobs import Jobs
    from .options import Options
    from .uploads import Uploads

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BEARER: Final = "Bearer "
_LARGEST: Final = 150_000_000
_WRONG_URL: Final = "url is wrong"


class Server:
    """The routes. Everything but files and the price feed wants a key."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        books: Books,
        accounts: Accounts,
        files: Files,
        jobs: Jobs,
        uploads: Uploads,
        downloads: Downloads,
    ) -> None:
        self._options = options
        self._clock = clock
        self._books = books
        self._accounts = accounts
        self._files = files
        self._jobs = jobs
        self._uploads = uploads
        self._downloads = downloads

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST, middlewares=[self._shielded])
        add = app.router.add_route
        add("POST", "/api/v1/jobs/createTask", self._create)
        add("GET", "/api/v1/jobs/recordInfo", self._record)
        add("GET", "/api/v1/chat/credit", self._credit)
        add("POST", "/api/v1/common/download-url", self._link)
        add("GET", "/api/v1/models", self._models)
        add("GET", "/api/v1/models/{model:.+}/{what:schema|price|success-rate}", self._model)
        add("POST", "/client/v1/model-pricing/page", self._prices)
        for how in ("stream", "base64", "url"):
            add("POST", f"/api/file-{how}-upload", self._upload)
        app.router.add_get("/files/{name:.+}", self._downloads.send)
        app.router.add_get("/_emulator/books", self._show_books)
        app.router.add_get("/_emulator/requests", self._show_requests)
        add("POST", "/_emulator/script", self._set_script)
        add("POST", "/_emulator/clock", self._move_clock)
        add("POST", "/_emulator/accounts", self._open_account)
        return app

    @web.middleware
    async def _shielded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as problem:
            key = self._key(request)
            if key in self._accounts.by_key:
                self._accounts.by_key[key].refusals[str(problem.code)] += 1
            return wire.refusal(problem, self._options.error_style)
        except wire.Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        except web.HTTPMethodNotAllowed:
            return wire.reply({"code": 405, "msg": wire.MESSAGES[405], "data": None}, status=405)
        except web.HTTPNotFound:
            body = {
                "status": 404,
                "error": "Not Found",
                "message": "No message available",
                "path": request.path,
            }
            return wire.reply(body, status=404)
        except web.HTTPRequestEntityTooLarge:
            return wire.refusal(Refused(500), self._options.error_style)

    # --- the API --------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        raw = await request.read()
        self._note(request, raw)
        return await self._jobs.create(account, raw)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        return await self._jobs.record(self._account(request), request.query.get("taskId", ""))

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        instead = await wire.instead(self._jobs.director.other("credit"))
        return instead or wire.success(float(account.balance))

    async def _link(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        name = self._files.name_of(str((await _body(request)).get("url", "")))
        found = self._files.kept(name) if name else None
        if found is None or not found.result:
            raise Refused(422, _WRONG_URL)
        return wire.success(self._files.link(name))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        return wire.success(catalogue.models())

    async def _model(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        return wire.success(catalogue.about(request.match_info["model"], request.match_info["what"]))

    async def _prices(self, request: web.Request) -> web.StreamResponse:
        return wire.success(catalogue.prices_page(await _body(request)))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        self._note(request, b"")
        return await self._uploads.take(account, request, request.path.split("-")[1])

    def _account(self, request: web.Request) -> Account:
        account = self._accounts.by_key.get(self._key(request))
        if account is None:
            self._books.unauthorized += 1
            raise Refused(401, bare=True)
        return account

    def _key(self, request: web.Request) -> str:
        header = request.headers.get("Authorization", "")
        return header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""

    def _note(self, request: web.Request, raw: bytes) -> None:
        try:
            body = json.loads(raw) if raw else None
        except (ValueError, RecursionError):
            body = raw.decode("utf-8", "replace")
        self._books.note(
            self._books.requests,
            at=self._clock.now(),
            method=request.method,
            path=request.path,
            headers=seen(request.headers),
            body=body,
        )

    # --- for tests ------------------------------------------------------------------------------------------------

    async def _show_books(self, request: web.Request) -> web.StreamResponse:
        summary = self._books.summary(self._accounts.by_key.values(), self._jobs.tasks.values())
        return wire.reply({"now": self._clock.now(), **summary})

    async def _show_requests(self, request: web.Request) -> web.StreamResponse:
        return wire.reply(self._books.requests)

    async def _set_script(self, request: web.Request) -> web.StreamResponse:
        try:
            self._jobs.director = script.Director(script.read(json.loads(await request.read())))
        except ValueError as problem:
            return wire.reply({"problem": str(problem)}, status=400)
        return wire.reply({})

    async def _move_clock(self, request: web.Request) -> web.StreamResponse:
        seconds = (await _body(request)).get("advance")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e9:
            return wire.reply(
                {"problem": 'send {"advance": SECONDS}; the clock goes forward only'}, status=400
            )
        self._clock.advance(seconds)
        return wire.reply({"now": self._clock.now()})

    async def _open_account(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        try:
            credits = Decimal(str(body.get("credits", self._options.credits)))
        except InvalidOperation:
            credits = Decimal("NaN")
        key = body.get("key")
        if not isinstance(key, str) or not key or not credits.is_finite():
            return wire.reply({"problem": 'send {"key": KEY, "credits": NUMBER}'}, status=400)
        account = self._accounts.open(key, credits)
        return wire.reply({"id": account.id, "balance": float(account.balance)})


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; an empty one for anything else."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
