"""The client tells what was never sent from what got lost."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from runner import http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def post(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> httpx.Response:
    """Post to a server that answers in its own way."""

    async def exchange() -> httpx.Response:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.client(timeout_s=5) as client:
            return await client.post(f"http://127.0.0.1:{port}/tasks", json={"prompt": "x"})

    return asyncio.run(exchange())


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"}")
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"}")
    writer.transport.abort()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"}")
    writer.write(b"this is no HTTP\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("answer", [hang_up, reset, babble])
def test_a_connection_lost_after_the_request_is_not_taken_for_one_that_never_was(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    with pytest.raises(httpx.TransportError) as caught:
        post(answer)
    assert not isinstance(caught.value, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def test_a_refused_connection_is_a_connect_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def exchange() -> None:
        async with http.client(timeout_s=5) as client:
            await client.post(f"http://127.0.0.1:{port}/")

    with pytest.raises(httpx.ConnectError):
        asyncio.run(exchange())


def test_two_hundred_requests_are_under_way_at_once() -> None:
    async def exchange() -> int:
        waiting, most = 0, 0
        everyone = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal waiting, most
            await reader.readuntil(b"\r\n\r\n")
            waiting += 1
            most = max(most, waiting)
            if waiting == 200:
                everyone.set()
            await everyone.wait()
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.client(timeout_s=20) as client:
            await asyncio.gather(*(client.get(f"http://127.0.0.1:{port}/") for _ in range(200)))
        return most

    assert asyncio.run(exchange()) == 200
