"""The one place that knows which HTTP client is used.

httpx's interface over aiohttp's connections: httpx's own pool looks at every connection for each request, which
costs more the more requests run side by side.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from runner import __version__
from runner.addresses import is_public

if TYPE_CHECKING:
    import ssl

    import aiohttp
    import httpx

_CONNECTIONS: Final = 10_000


def client(*, timeout_s: float = 60.0, public_only: bool = False) -> httpx.AsyncClient:
    """A client for one run. Redirects are not followed unless a request asks for it. Close it.

    `public_only` lets no name lead to an address of this machine or of a private network.
    `httpx.ConnectError`, `ConnectTimeout` and `PoolTimeout` mean for certain that nothing was sent; all other errors
    of `httpx.TransportError` leave that open.
    """
    import httpx

    return httpx.AsyncClient(
        transport=_transport(public_only),
        timeout=timeout_s,
        headers={"User-Agent": f"film-runner/{__version__}"},
    )


def _transport(public_only: bool) -> httpx.AsyncBaseTransport:
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    never_sent = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

    class Transport(AiohttpTransport):
        """Tells a connection that never was from one that was lost with the request on it.

        httpx-aiohttp 0.2 calls both `ConnectTimeout`, and lets errors about answers that are not HTTP through as
        they are. Whether a paid request may be repeated hangs on the difference. To go when it maps
        `aiohttp.ServerDisconnectedError` and `aiohttp.ClientResponseError` by themselves.
        """

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                return await super().handle_async_request(request)
            except aiohttp.ClientError as error:
                raise httpx.RemoteProtocolError(_told(error), request=request) from error
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                cause = error.__cause__
                if isinstance(cause, never_sent):
                    kind = httpx.ConnectTimeout if isinstance(cause, TimeoutError) else httpx.ConnectError
                    raise kind(_told(cause), request=request) from cause
                raise httpx.RemoteProtocolError(_told(cause or error), request=request) from error

    # The transport's own default is 100 connections, which 100 chains use up.
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    if not public_only:
        return Transport(verify=_certificates(), limits=limits)
    return Transport(verify=_certificates(), limits=limits, client=_public_session)


def _public_session() -> aiohttp.ClientSession:
    """Connections to public addresses only: what is connected to is what was looked at, so a name that answers
    differently the second time gains nothing."""
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.resolver import DefaultResolver

    class PublicResolver(AbstractResolver):
        def __init__(self) -> None:
            self._resolver = DefaultResolver()

        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            found = await self._resolver.resolve(host, port, family)  # type: ignore[arg-type]
            public = [one for one in found if is_public(one["host"])]
            if not public:
                raise OSError(None, f"{host} leads to an address that is not public")
            return public

        async def close(self) -> None:
            await self._resolver.close()

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_certificates(), resolver=PublicResolver(), limit=_CONNECTIONS)
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Reading the certificates takes longer than anything else in making a client."""
    import httpx

    return httpx.create_ssl_context()


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
