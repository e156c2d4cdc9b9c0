"""Fetching a clip whose URL may have expired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.errors import FetchFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EXPIRED: Final = (401, 403, 404, 410)
"""The HTTP statuses that an expired URL is answered with."""


async def fetch_or_refresh(
    download: Callable[[str], Awaitable[None]], url: str, refresh: Callable[[], Awaitable[str | None]]
) -> None:
    """Download `url`; where it has expired, ask `refresh` for another URL and download that.

    Raises the `FetchFailed` of the last download. `refresh` returns `None` where the provider has no other URL.
    """
    try:
        await download(url)
    except FetchFailed as failed:
        if failed.status not in EXPIRED:
            raise
        fresh = await refresh()
        if fresh is None:
            failed.why += "; its URL has expired, and the provider has no other"
            raise
        await download(fresh)
