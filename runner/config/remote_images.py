"""Images that a project names by URL: fetched while it is read, since their digest is part of a shot's identity."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import unquote

from runner.errors import FetchFailed
from runner.net.addresses import host_of, is_local
from runner.net.outside_names import file_name

_MOST_BYTES: Final = 64_000_000
_LIMIT_S: Final = 60.0
_FRESH_S: Final = 300.0
"""So long an image is not fetched again: the jobs of a sweep have the same ones."""
_fetched: dict[str, tuple[float, bytes]] = {}


def is_url(text: str) -> bool:
    """Whether an image is named by a URL, and not by a file."""
    return text.lower().startswith(("https://", "http://"))


def name_of(url: str) -> str:
    """The last part of a URL's path: what a person calls the image."""
    path = url.partition("?")[0].partition("#")[0].partition("://")[2].partition("/")[2]
    return file_name(unquote(path.rstrip("/").rpartition("/")[2])) or "image"


def fetch(url: str) -> bytes:
    """The bytes at a URL: over HTTPS from a public address, or from this machine. Blocking, for up to a minute.

    Raises `FetchFailed`.
    """
    now = time.monotonic()
    known = _fetched.get(url)
    if known is None or now - known[0] > _FRESH_S:
        # In a thread of its own: the caller may be in an event loop, as in a notebook.
        with ThreadPoolExecutor(1) as thread:
            known = now, thread.submit(lambda: asyncio.run(_read(url))).result()
        _fetched[url] = known
    return known[1]


class _Bytes:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def expect(self, size: int) -> None:
        """Nothing to prepare: `_MOST_BYTES` bounds it."""

    async def write(self, data: bytes) -> None:
        self.data += data


async def _read(url: str) -> bytes:
    from runner.net import http
    from runner.net.download import Downloads

    host = host_of(url)
    if not host:
        raise FetchFailed("the image cannot be fetched", why="it is not a valid URL")
    sink = _Bytes()
    try:
        async with (
            asyncio.timeout(_LIMIT_S),
            http.client(public_only=True) as public,
            http.client() as any_address,
        ):
            download = Downloads(public, any_address)
            await download(url, sink, hosts=["*"], local=is_local(host), max_bytes=_MOST_BYTES)
    except TimeoutError:
        raise FetchFailed("the image cannot be fetched", why=f"it took longer than {_LIMIT_S:g} s") from None
    return bytes(sink.data)
