"""httpx's requests over aiohttp's connections.

The package httpx-aiohttp does the same; as of 0.2 it calls a connection that was lost with the request on it a timeout
while connecting, on which hangs whether a paid request may be repeated, and it respells addresses, on which signatures
hang.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from runner.net.addresses import is_public
from runner.net.bodies import decoded, is_encoded

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator


MOST_BYTES: Final = 8 << 20
"""Of an answer that is read as a whole: JSON, or a page."""
_WHOLE: Final = 2
"""A whole answer may take so many times as long as one wait for it."""
_SLOWEST: Final = 16_000
"""Bytes a second of a request that is being sent: images of many megabytes go over slow lines."""
_OF_CODED: Final = (b"content-encoding", b"content-length")


class Client(httpx.AsyncClient):
    """A client whose answers are bounded in size and time, however they are sent. A streamed one is the caller's."""

    async def send(self, request: httpx.Request, *, stream: bool = False, **keys: Any) -> httpx.Response:
        """Raises `httpx.RemoteProtocolError` where an answer is too large, `httpx.ReadTimeout` where it is too slow."""
        if stream:
            return await super().send(request, stream=True, **keys)
        read_s = request.extensions.get("timeout", {}).get("read")
        size = int(request.headers.get("Content-Length", 0))
        try:
            # The client's own limits are for a single wait: a byte now and then keeps them from ending.
            async with asyncio.timeout(None if read_s is None else _WHOLE * read_s + size / _SLOWEST):
                answer = await super().send(request, stream=True, **keys)
                try:
                    content = await _content(answer)
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer takes too long", request=request) from error
        whole = httpx.Response(
            answer.status_code,
            headers=[pair for pair in answer.headers.raw if pair[0].lower() != b"transfer-encoding"],
            content=content,
            request=answer.request,
            extensions=answer.extensions,
            history=answer.history,
        )
        whole.next_request = answer.next_request
        return whole


async def _content(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            raise httpx.RemoteProtocolError(
                f"the answer is larger than {MOST_BYTES >> 20} MiB", request=answer.request
            )
    return bytes(content)


class Transport(httpx.AsyncBaseTransport):
    """One pool of connections, opened with the first request."""

    def __init__(self, certificates: ssl.SSLContext, *, connections: int, public_only: bool) -> None:
        self._certificates = certificates
        self._connections = connections
        self._public_only = public_only
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # A host that is an address is resolved by no one.
        if self._public_only and is_public(request.url.host) is False:
            raise httpx.ConnectError(f"{request.url.host} is no public address", request=request)
        session = self._session = self._session or self._opened()
        limits: dict[str, Any] = request.extensions.get("timeout", {})
        headers = request.headers.copy()
        try:
            body: Any = request.content or None
        except httpx.RequestNotRead:
            body = request.stream
            headers.pop("transfer-encoding", None)  # aiohttp sets it itself
        with _translated(request):
            response = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers.multi_items(),
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=limits.get("pool"),
                    sock_connect=limits.get("connect"),
                    sock_read=limits.get("read"),
                ),
            )
        extensions: dict[str, Any] = {"http_version": b"HTTP/1.1"}
        if response.reason:
            extensions["reason_phrase"] = response.reason.encode("ascii", "replace")
        encoding = response.headers.get("Content-Encoding", "")
        told = [(name, value) for name, value in response.raw_headers if name.lower() not in _OF_CODED]
        return httpx.Response(
            status_code=response.status,
            headers=told if is_encoded(encoding) else list(response.raw_headers),
            stream=_Body(response, request, encoding),
            request=request,
            extensions=extensions,
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._certificates,
            limit=self._connections,
            resolver=_PublicResolver() if self._public_only else None,
        )
        # Cookies are httpx's business, and compression is that of `bodies`.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )


class _Body(httpx.AsyncByteStream):
    """The content of an answer, piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request, encoding: str) -> None:
        self._response = response
        self._request = request
        self._encoding = encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            pieces = self._response.content.iter_any()
            async for piece in decoded(pieces, self._encoding) if is_encoded(self._encoding) else pieces:
                yield piece

    async def aclose(self) -> None:
        self._response.release()
        await self._response.wait_for_close()


class _PublicResolver(AbstractResolver):
    """Finds public addresses only. What is connected to is what was looked at here: a name that answers differently
    the second time gains nothing."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise httpx.ConnectError(f"{host} leads to an address that is not public")
        return public

    async def close(self) -> None:
        await self._resolver.close()


@contextlib.contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's errors for aiohttp's. Only what failed while connecting is called a failure to connect."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(_text(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(_text(error), request=request) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise httpx.UnsupportedProtocol(_text(error), request=request) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(_text(error), request=request) from error
    except aiohttp.ClientPayloadError as error:
        raise httpx.ReadError(_text(error), request=request) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(_text(error), request=request) from error


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
