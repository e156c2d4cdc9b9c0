"""The one place that knows which HTTP client is used.

httpx's interface over aiohttp's connections: httpx's own pool looks at every connection for each request, which
costs more the more requests run side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import __version__

if TYPE_CHECKING:
    import httpx


def client(*, timeout_s: float = 60.0) -> httpx.AsyncClient:
    """A client for one run. Redirects are not followed unless a request asks for it. Close it."""
    import httpx
    from httpx_aiohttp import AiohttpTransport

    return httpx.AsyncClient(
        transport=AiohttpTransport(),
        timeout=timeout_s,
        headers={"User-Agent": f"film-runner/{__version__}"},
    )
