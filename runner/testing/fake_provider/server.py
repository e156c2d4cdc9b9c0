"""The HTTP in front of the provider: reads requests, and answers or misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import web

from runner.testing.fake_provider.answer import PAGE, Answer, InputMode, error
from runner.testing.fake_provider.summary import summarise

if TYPE_CHECKING:
    from runner.testing.fake_provider.answer import Delivery
    from runner.testing.fake_provider.books import Books
    from runner.testing.fake_provider.provider import Provider

_BEARER: Final = "Bearer "
_FOREVER_S: Final = 365 * 86_400.0


class Server:
    """A request handler for `aiohttp.web.Server`: no router, a request costs as little as it can."""

    def __init__(self, provider: Provider, books: Books) -> None:
        self._provider = provider
        self._books = books

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._answer(request)
        if answer.after_s:
            await asyncio.sleep(answer.after_s)
        match answer.how:
            case InputMode.JSON:
                return _json(answer)
            case InputMode.PAGE:
                return web.Response(body=PAGE, content_type="text/html")
            case InputMode.CLIP:
                assert answer.delivery is not None
                return await _deliver(request, answer.delivery)
            case InputMode.HANG:
                await asyncio.sleep(_FOREVER_S)
        return _dropped(request)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        method, path, provider = request.method, request.path, self._provider
        if path.startswith("/files/") and method == "GET":
            return provider.fetch(path.removeprefix("/files/"), request.query)
        if path == "/_books" and method == "GET":
            provider.settle()
            return Answer(body=summarise(self._books, float(request.query.get("window_s", 10))))
        if path == "/_script" and method == "POST":
            return provider.set_script(await request.json())
        header = request.headers.get("Authorization", "")
        key = header.removeprefix(_BEARER)
        if not key or key == header:
            return error(401, "unauthorized", "Authorization: Bearer KEY is missing")
        if path == "/tasks" and method == "POST":
            return provider.submit(key, await request.read(), request.headers.get("Idempotency-Key", ""))
        if path == "/tasks" and method == "GET":
            return provider.find(key, request.query.get("token", ""))
        if path.startswith("/tasks/") and method == "GET":
            return provider.poll(key, path.removeprefix("/tasks/"), f"http://{request.host}")
        return error(HTTPStatus.NOT_FOUND, "not_found", f"there is no {method} {path}")


def _json(answer: Answer) -> web.Response:
    return web.Response(
        body=json.dumps(answer.body).encode(),
        status=answer.status,
        content_type="application/json",
        headers=answer.headers,
    )


async def _deliver(request: web.BaseRequest, delivery: Delivery) -> web.StreamResponse:
    """Send a clip; where it is shorter than its Content-Length, hang up at its end."""
    whole = delivery.size == len(delivery.data)
    if whole and not delivery.pause_s:
        return web.Response(body=delivery.data, content_type=delivery.content_type)
    response = web.StreamResponse(headers={"Content-Type": delivery.content_type})
    response.content_length = delivery.size
    await response.prepare(request)
    middle = len(delivery.data) // 2
    await response.write(delivery.data[:middle])
    await asyncio.sleep(delivery.pause_s)
    await response.write(delivery.data[middle:])
    if not whole and request.transport is not None:
        request.transport.close()  # flushes what was written, unlike abort
    return response


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
