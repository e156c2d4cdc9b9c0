"""Fetching what customers give addresses of, as a stranger would: without a key, and not from everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import aiohttp

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

USER_AGENT: Final = "emulator"
PROBLEMS: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""What a `Fetcher` raises when there is nothing to be had."""
_REDIRECTS: Final = 5
_START: Final = 1024


class Fetched(NamedTuple):
    data: bytes
    content_type: str


class Fetcher:
    """One for the whole server. `timeout_s` is for each address. Everything raises `PROBLEMS`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def whole(self, address: str, most: int) -> Fetched:
        """What is at an address, if it is not more than so many bytes."""
        async with self._get(address) as response:
            response.raise_for_status()
            data = bytearray()
            async for part in response.content.iter_chunked(1 << 16):
                data += part
                if len(data) > most:
                    raise ValueError(f"more than {most} bytes")
            return Fetched(bytes(data), response.content_type)

    async def start(self, address: str) -> Fetched:
        """The first bytes of a clip or of sound; nothing at all and pages are neither."""
        # Not HEAD: a signed address may be good for GET alone.
        async with self._get(address, Range=f"bytes=0-{_START - 1}") as response:
            response.raise_for_status()
            data = await response.content.read(_START)
        if not data or response.content_type.startswith("text/"):
            raise ValueError("neither a clip nor sound")
        return Fetched(data, response.content_type)

    def _get(self, address: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._http is None:
            self._http = aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}, timeout=self._timeout)
        return self._http.get(address, headers=headers, max_redirects=_REDIRECTS)
