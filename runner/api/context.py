"""What the runner lends to a plugin object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection
    from pathlib import Path

    import httpx


class Sink(Protocol):
    """Where a generator writes the clip that it fetches. The engine puts it in place only when it is complete."""

    def expect(self, size: int) -> None:
        """Announce how many bytes will come, where the provider does (Content-Length)."""

    async def write(self, data: bytes) -> None:
        """Append bytes."""


class Download(Protocol):
    """Fetches a clip from a URL that somebody else chose."""

    async def __call__(
        self, url: str, sink: Sink, *, hosts: Collection[str], local: bool = False, max_bytes: int = 2 << 30
    ) -> None:
        """Stream `url` into `sink`, without any credentials.

        Only over HTTPS, only from `hosts` (names, "*.name" for all below it, or "*" for any), never from an address
        that is not public, also not through a redirect. `local` allows this machine's own addresses as well, also over
        HTTP. Raises `FetchFailed`, with the HTTP status in it where there was one.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the runner lends to a plugin object for one session."""

    work_dir: Path
    """A private folder that is removed at the end of the session."""
    http: httpx.AsyncClient
    """Shared: never close it. An answer that is not streamed has at most 8 MiB; clips are for `download`."""
    download: Download
    """Fetches a clip from the URL that a provider reports, which may be anything."""
    log: logging.Logger
    run: str = ""
    """For uploaders that delete what they hosted: the same text whenever the same request is run. Else empty."""
