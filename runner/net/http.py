"""The one place that knows which HTTP client is used.

httpx's interface over aiohttp's connections: httpx's own pool looks at every connection for each request, which
costs more the more requests run side by side.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Final

from runner import __version__
from runner.errors import ConfigError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

    Wire = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]
    """Puts another transport in front of one: such as one that records what is answered."""

_CONNECTIONS: Final = 10_000  # aiohttp's default is 100, which 100 chains use up


def client(
    *, timeout_s: float = 60.0, public_only: bool = False, wire: Wire | None = None
) -> httpx.AsyncClient:
    """A client for one run. Redirects are not followed unless a request asks for it. Close it.

    `public_only` lets no name lead to an address of this machine or of a private network. `wire` is put in front of
    the transport.

    `httpx.ConnectError`, `ConnectTimeout` and `PoolTimeout` mean for certain that nothing was sent; all other errors
    of `httpx.TransportError` leave that open. An answer has at most 8 MiB, and takes at most twice the time limit.
    """
    from runner.net.transport import Client, Transport

    transport: httpx.AsyncBaseTransport
    transport = Transport(_certificates(), connections=_CONNECTIONS, public_only=public_only)
    return Client(
        transport=transport if wire is None else wire(transport),
        timeout=timeout_s,
        headers={"User-Agent": f"film-runner/{__version__}", "Accept-Encoding": "identity"},
    )


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Reading the certificates takes longer than anything else in making a client."""
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:
        variable = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "")
        raise ConfigError(
            "the TLS certificates cannot be read",
            where=f"{variable}={os.environ[variable]}" if variable else "",
            why=error.strerror or str(error),
            hint=f"correct {variable}, or unset it"
            if variable
            else "reinstall the certificates of this machine",
        ) from error
