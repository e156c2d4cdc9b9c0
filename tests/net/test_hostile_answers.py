"""Answers of servers that mean harm: they cost a bounded amount of memory and time, and end in an error."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from runner.errors import FetchFailed
from runner.net import http
from runner.net.download import Downloads
from tests.raw_server import raw_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOT = Path(__file__).parents[2]
BOMB = zlib.compress(b"\0" * (256 << 20), wbits=31)


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", "Connection: close", *lines, "", "")).encode()


async def bomb(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Encoding: gzip", f"Content-Length: {len(BOMB)}") + BOMB)


async def large(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Type: application/json"))
    for _ in range(40):
        writer.write(b" " * (1 << 20))
        await writer.drain()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 100000"))
    for _ in range(100_000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        writer.write(f"A{number}: b\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.05)


async def many_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 2_000_000 + b"\r\n")


async def long_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nA: " + b"b" * (20 << 20) + b"\r\n\r\n")


async def nothing_for_much(writer: asyncio.StreamWriter) -> None:
    """Deflate blocks that hold nothing, without an end."""
    packer = zlib.compressobj(wbits=31)
    writer.write(head("Content-Encoding: gzip") + packer.compress(b""))
    block = b"".join(packer.flush(zlib.Z_FULL_FLUSH) or b"\0\0\0\xff\xff" for _ in range(10_000))
    for _ in range(1_000):
        writer.write(block)
        await writer.drain()


async def unknown_encoding(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Encoding: br") + b"\x0b\x02\x80hi\x03")


async def broken_gzip(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Encoding: gzip") + b"no gzip at all")


async def cut_gzip(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Encoding: gzip") + gzip.compress(b"{}" * 1000)[:-9])


async def shorter(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 1000") + b"{}")


async def negative(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: -5") + b"{}")


HARM = (
    bomb, large, drip, drip_headers, many_headers, long_header, nothing_for_much, unknown_encoding, broken_gzip,
    cut_gzip, shorter, negative,
)  # fmt: skip


def answered(
    serve: Callable[[asyncio.StreamWriter], Awaitable[None]], ask: Callable[[str], Awaitable[None]]
) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await serve(writer)
        await writer.drain()

    async def exchange() -> None:
        async with raw_server(connected) as address, asyncio.timeout(60):
            await ask(f"{address}/")

    asyncio.run(exchange())


@pytest.mark.parametrize("serve", HARM)
def test_a_harmful_answer_is_an_error(serve: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
    async def ask(url: str) -> None:
        async with http.client(timeout_s=1.0) as client:
            with pytest.raises(httpx.HTTPError):
                await client.post(url, json={})

    answered(serve, ask)


@pytest.mark.parametrize("serve", [bomb, large, many_headers, long_header, nothing_for_much])
def test_a_harmful_clip_is_an_error(serve: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
    class Counted:
        size = 0

        def expect(self, size: int) -> None:
            pass

        async def write(self, data: bytes) -> None:
            self.size += len(data)

    sink = Counted()

    async def ask(url: str) -> None:
        async with http.client(timeout_s=5.0) as client:
            with pytest.raises(FetchFailed):
                await Downloads(client, client)(url, sink, hosts=[], local=True, max_bytes=4 << 20)

    answered(serve, ask)
    assert sink.size <= 4 << 20


@pytest.mark.parametrize("encode", [gzip.compress, zlib.compress])
def test_an_honest_answer_in_gzip_is_read(encode: Callable[[bytes], bytes]) -> None:
    content = b'{"code": 200}' * 10_000
    name = "gzip" if encode is gzip.compress else "deflate"

    async def serve(writer: asyncio.StreamWriter) -> None:
        packed = encode(content)
        writer.write(head(f"Content-Encoding: {name}", f"Content-Length: {len(packed)}") + packed)

    async def ask(url: str) -> None:
        async with http.client(timeout_s=20) as client:
            answer = await client.get(url)
        assert answer.content == content
        assert answer.status_code == 200

    answered(serve, ask)


def test_answers_are_asked_for_as_they_are() -> None:
    asked = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head("Content-Length: 2") + b"{}")
        await writer.drain()

    async def exchange() -> None:
        async with raw_server(connected) as address, http.client(timeout_s=20) as client:
            await client.get(f"{address}/")

    asyncio.run(exchange())

    assert b"accept-encoding: identity\r\n" in asked[0].lower()


def test_a_bomb_takes_little_memory() -> None:
    """Measured in a child: 256 MiB of zeros in a quarter of a megabyte."""
    grown = asyncio.run(_growth())

    assert grown < 64 << 20


async def _growth() -> int:
    code = (
        "from tests.media.hostile_child import own_peak_kb\n"
        "from tests.net import test_hostile_answers as tests\n"
        "tests.test_a_harmful_answer_is_an_error(tests.cut_gzip)\n"
        "before = own_peak_kb()\n"
        "tests.test_a_harmful_answer_is_an_error(tests.bomb)\n"
        "print(own_peak_kb() - before)\n"
    )
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE, cwd=ROOT)
    async with asyncio.timeout(120):
        out, _ = await child.communicate()
    return int(out) * 1024
