"""Serving files, well or badly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from . import wire
from .books import seen
from .script import nth

if TYPE_CHECKING:
    from .books import Books
    from .clock import Clock
    from .files import Files, HostedImage
    from .script import Step

_ZEROS: Final = bytes(1 << 16)
_SLOW_S: Final = 5.0
_FOREVER_S: Final = 365 * 86_400.0


class Downloads:
    """No key is asked for here, and none should be sent."""

    def __init__(self, clock: Clock, books: Books, files: Files) -> None:
        self._clock = clock
        self._books = books
        self._files = files

    async def send(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        found = self._files.find(name)
        step = nth(found.steps, found.fetched) if found is not None else None
        entry = self._books.note(
            self._books.downloads,
            at=self._clock.now(),
            method=request.method,
            path=name,
            headers=seen(request.headers),
            step=step.answer if step else "ok",
            status=200,
        )
        if found is None:
            entry["status"] = 404
            return _gone()
        if request.method == "GET":
            found.fetched += 1
        response = await self._answer(request, found, step)
        entry["status"] = response.status
        return response

    async def _answer(
        self, request: web.Request, found: HostedImage, step: Step | None
    ) -> web.StreamResponse:
        if step is None:
            return web.FileResponse(found.path, headers={"Content-Type": found.content_type})
        if step.code is not None:
            return wire.page(step.code)
        data = found.path.read_bytes()
        headers = {"Content-Type": found.content_type}
        match step.answer:
            case "expired":
                found.expires_at = 0
                return _gone()
            case "drop":
                raise wire.Dropped
            case "hang":
                await asyncio.sleep(_FOREVER_S)
            case "redirect":
                return web.Response(status=302, headers={"Location": step.to or request.path})
            case "page":
                return wire.page(200)
            case "page_as_video":
                return web.Response(body=wire.PAGE.encode(), headers=headers)
            case "empty":
                return web.Response(body=b"", headers=headers)
            case "cut":
                return web.Response(body=data[: len(data) * 3 // 5], headers=headers)
            case "truncated":
                return await _broken_off(request, data, headers)
            case "slow":
                return await _slow(request, data, headers, step.delay_s or _SLOW_S)
            case "oversized":
                return await _oversized(request, data, headers, step.size)
        await asyncio.sleep(step.delay_s)
        return web.FileResponse(found.path, headers=headers)


async def _begun(request: web.Request, size: int, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    await response.prepare(request)
    return response


async def _broken_off(request: web.Request, data: bytes, headers: dict[str, str]) -> web.StreamResponse:
    response = await _begun(request, len(data), headers)
    await response.write(data[: len(data) * 3 // 5])
    if request.transport is not None:
        request.transport.close()  # flushes what was written, unlike abort
    return response


async def _slow(
    request: web.Request, data: bytes, headers: dict[str, str], pause_s: float
) -> web.StreamResponse:
    response = await _begun(request, len(data), headers)
    await response.write(data[: len(data) // 2])
    await asyncio.sleep(pause_s)
    await response.write(data[len(data) // 2 :])
    return response


async def _oversized(
    request: web.Request, data: bytes, headers: dict[str, str], size: int
) -> web.StreamResponse:
    response = await _begun(request, max(size, len(data)), headers)
    await response.write(data)
    left = size - len(data)
    while left > 0:
        await response.write(_ZEROS[:left])
        left -= len(_ZEROS)
    return response


def _gone() -> web.Response:
    return web.Response(status=404, text="Not Found", content_type="text/plain")
