"""Serving a file, well or badly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from runner.testing.provider import faults

if TYPE_CHECKING:
    from runner.testing.provider.files import HostedFile
    from runner.testing.provider.script import Step

_ZEROS: Final = bytes(1 << 16)
_SLOW_S: Final = 5.0


def gone() -> web.Response:
    return web.Response(status=404, text="Not Found", content_type="text/plain")


async def send(request: web.BaseRequest, found: HostedFile, step: Step | None) -> web.StreamResponse:
    """Answer a download; `step` is one of `script.DOWNLOAD`, or an HTTP status."""
    headers = {"Content-Type": found.content_type}
    if step is None:
        return web.FileResponse(found.path, headers=headers)
    if step.code is not None:
        return faults.page(step.code)
    data = found.path.read_bytes()
    some = data[: len(data) * 3 // 5]
    match step.answer:
        case "expired":
            found.expires_at = 0
            return gone()
        case "drop":
            raise faults.Dropped
        case "hang":
            await faults.hang()
        case "redirect":
            return web.Response(status=302, headers={"Location": step.to or request.path})
        case "page":
            return faults.page(200)
        case "page_as_video":
            return web.Response(body=faults.PAGE.encode(), headers=headers)
        case "empty":
            return web.Response(body=b"", headers=headers)
        case "cut":
            return web.Response(body=some, headers=headers)
        case "truncated":
            response = await _sent(request, headers, some, size=len(data))
            if request.transport is not None:
                request.transport.close()  # flushes what was written, unlike abort
            return response
        case "slow":
            return await _sent(request, headers, data, size=len(data), pause_s=step.delay_s or _SLOW_S)
        case "oversized":
            size = max(step.size, len(data))
            response = await _sent(request, headers, data, size=size)
            for start in range(len(data), size, len(_ZEROS)):
                await response.write(_ZEROS[: size - start])
            return response
    await asyncio.sleep(step.delay_s)
    return web.FileResponse(found.path, headers=headers)


async def _sent(
    request: web.BaseRequest, headers: dict[str, str], data: bytes, *, size: int, pause_s: float = 0.0
) -> web.StreamResponse:
    """Send `data`, with a pause in the middle, under a Content-Length of `size`."""
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    await response.prepare(request)
    middle = len(data) // 2
    await response.write(data[:middle])
    await asyncio.sleep(pause_s)
    await response.write(data[middle:])
    return response
