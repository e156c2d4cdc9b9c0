"""The HTTP in front of it all: which address leads where, and who may ask."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from runner.testing.provider import downloads, faults
from runner.testing.provider.accounts import Account
from runner.testing.provider.request_log import seen
from runner.testing.provider.script import nth

from . import books, catalogue, script, wire
from .wire import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runner.testing.provider.clock import Clock
    from runner.testing.provider.files import Files
    from runner.testing.provider.request_log import RequestLog

    from .jobs import Jobs
    from .options import Options
    from .record import KieTask
    from .uploads import Uploads

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BEARER: Final = "Bearer "
_LARGEST: Final = 150_000_000
_WRONG_URL: Final = "url is wrong"


@dataclasses.dataclass
class Server:
    """The routes. Everything but files and the price feed wants a key."""

    options: Options
    clock: Clock
    log: RequestLog
    files: Files
    tasks: dict[str, KieTask]
    jobs: Jobs
    uploads: Uploads

    def __post_init__(self) -> None:
        self._accounts = {key: Account(key=key, balance=self.options.credits) for key in self.options.keys}
        self._unauthorized = 0

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
        app.router.add_get("/files/{name:.+}", self._download)
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
            if key in self._accounts:
                self._accounts[key].refusals[str(problem.code)] += 1
            return wire.refusal(problem, self.options.error_style)
        except faults.Dropped:
            return faults.dropped(request)
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
            return wire.refusal(Refused(500), self.options.error_style)

    # --- the API --------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        raw = await request.read()
        self._note(request, raw)
        return await self.jobs.create(account, raw)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        return await self.jobs.poll(self._account(request), request.query.get("taskId", ""))

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        account = self._account(request)
        instead = await wire.instead(self.jobs.director.other("credit"))
        return instead or wire.success(float(account.balance))

    async def _link(self, request: web.Request) -> web.StreamResponse:
        self._account(request)
        name = self.files.name_of(str((await _body(request)).get("url", "")))
        found = self.files.kept(name) if name else None
        if found is None or not found.result:
            raise Refused(422, _WRONG_URL)
        return wire.success(self.files.link(name))

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
        return await self.uploads.take(account, request, request.path.split("-")[1])

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """No key is asked for here, and none should be sent."""
        name = request.match_info["name"]
        found = self.files.find(name)
        step = nth(found.steps, found.fetched) if found is not None else None
        entry = self.log.note(
            "downloads",
            at=self.clock.now(),
            method=request.method,
            path=name,
            headers=seen(request.headers),
            step=step.answer if step else "ok",
            status=200,
        )
        if found is None:
            response: web.StreamResponse = downloads.gone()
        else:
            found.fetched += request.method == "GET"
            response = await downloads.send(request, found, step)
        entry["status"] = response.status
        return response

    def _account(self, request: web.Request) -> Account:
        account = self._accounts.get(self._key(request))
        if account is None:
            self._unauthorized += 1
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
        self.log.note(
            "requests",
            at=self.clock.now(),
            method=request.method,
            path=request.path,
            headers=seen(request.headers),
            body=body,
        )

    # --- for tests ------------------------------------------------------------------------------------------------

    async def _show_books(self, request: web.Request) -> web.StreamResponse:
        found = books.view(
            self.clock.now(), self.log, self._accounts.values(), self.tasks.values(), self._unauthorized
        )
        return wire.reply(dataclasses.asdict(found))

    async def _show_requests(self, request: web.Request) -> web.StreamResponse:
        return wire.reply(self.log.entries["requests"])

    async def _set_script(self, request: web.Request) -> web.StreamResponse:
        try:
            self.jobs.director = script.Director(script.read(json.loads(await request.read())))
        except ValueError as problem:
            return wire.reply({"problem": str(problem)}, status=400)
        return wire.reply({})

    async def _move_clock(self, request: web.Request) -> web.StreamResponse:
        seconds = (await _body(request)).get("advance")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e9:
            return wire.reply(
                {"problem": 'send {"advance": SECONDS}; the clock goes forward only'}, status=400
            )
        self.clock.advance(seconds)
        return wire.reply({"now": self.clock.now()})

    async def _open_account(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        try:
            credits = Decimal(str(body.get("credits", self.options.credits)))
        except InvalidOperation:
            credits = Decimal("NaN")
        key = body.get("key")
        if not isinstance(key, str) or not key or not credits.is_finite():
            return wire.reply({"problem": 'send {"key": KEY, "credits": NUMBER}'}, status=400)
        self._accounts[key] = Account(key=key, balance=credits)
        return wire.reply({"id": books.id_of(key), "balance": float(credits)})


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; an empty one for anything else."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
