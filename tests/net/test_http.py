"""The client tells what was never sent from what got lost."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from runner.net import http

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


def test_an_address_is_asked_for_as_it_is_written() -> None:
    """A service that signs addresses checks each sign of them."""
    seen: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n")).split()[1])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async def exchange() -> None:
        server = await asyncio.start_server(note, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.client(timeout_s=5) as client:
            await client.get(f"http://127.0.0.1:{port}/a%2Fb%20c?x=%2F%40%7E&sig=a%2Bb%3D%3D&empty=")

    asyncio.run(exchange())

    assert seen == [b"/a%2Fb%20c?x=%2F%40%7E&sig=a%2Bb%3D%3D&empty="]


def test_cookies_of_one_answer_are_kept_by_one_jar_only() -> None:
    seen: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nSet-Cookie: s=1\r\nConnection: close\r\n\r\n")
        writer.close()

    async def exchange() -> None:
        server = await asyncio.start_server(note, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.client(timeout_s=5) as client:
            await client.get(f"http://127.0.0.1:{port}/")
            client.cookies.clear()
            await client.get(f"http://127.0.0.1:{port}/")

    asyncio.run(exchange())

    assert b"cookie" not in seen[1].lower()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_client_for_public_addresses_does_not_connect_to_this_machine(host: str) -> None:
    reached: list[bool] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(True)
        writer.close()

    async def exchange() -> None:
        server = await asyncio.start_server(note, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, http.client(timeout_s=5, public_only=True) as client:
            await client.get(f"http://{host}:{port}/")

    with pytest.raises(httpx.ConnectError):
        asyncio.run(exchange())
    assert not reached
