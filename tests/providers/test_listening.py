"""A server on this machine that strangers can reach: what they send prints nothing and ends nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from runner.providers import listening

if TYPE_CHECKING:
    import pytest

GARBAGE = (
    b"\x00\x01\x02\xff" * 100 + b"\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 50_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nX: \x1b[2J\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,  # the start of TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


async def send(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(200), 20)
    except (ConnectionError, TimeoutError):
        return b""
    finally:
        writer.close()


async def served(request: web.Request) -> web.Response:
    if request.path == "/bug":
        raise RuntimeError("a bug of ours")
    return web.Response(text="fine")


def test_what_strangers_send_prints_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def visited() -> bytes:
        app = web.Application()
        app.router.add_get("/{path:.*}", served)
        async with listening(app, "127.0.0.1", 0) as url:
            port = int(url.rpartition(":")[2])
            for data in GARBAGE:
                await send(port, data)
            return await send(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    with caplog.at_level(logging.INFO):
        assert b"200 OK" in asyncio.run(visited())

    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.name != "asyncio"]


def test_a_bug_of_ours_is_logged_and_not_printed(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def visited() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", served)
        async with listening(app, "127.0.0.1", 0) as url:
            await send(
                int(url.rpartition(":")[2]), b"GET /bug HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )

    asyncio.run(visited())

    assert "a bug of ours" in caplog.text
    assert capfd.readouterr() == ("", "")
