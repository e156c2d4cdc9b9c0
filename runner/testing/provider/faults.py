"""Answers that are none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from runner.testing.provider.script import Step

PAGE: Final = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>\n"
)
"""What stands between a client and a provider now and then."""

_FOREVER_S: Final = 365 * 86_400.0


class Dropped(Exception):
    """The connection is to be closed without a word: `dropped` is the answer to it."""


def dropped(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def page(status: int = 502) -> web.Response:
    return web.Response(text=PAGE, status=status, content_type="text/html")


async def hang() -> None:
    """Nothing, until the client goes away."""
    await asyncio.sleep(_FOREVER_S)


async def trouble(step: Step, *, html: int = 502) -> web.Response | None:
    """Carry out a step that is no answer of the API; None for one that is. `html` is the status of its page."""
    if step.delay_s:
        await asyncio.sleep(step.delay_s)
    match step.name:
        case "drop":
            raise Dropped
        case "hang":
            await hang()
        case "html":
            return page(step.http or html)
        case "text":
            return web.Response(text="upstream connect error or disconnect", status=step.http or 200)
    return None
