"""What providers and image hosts answered, recorded in a folder, and a transport that answers from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import httpx

    from runner.api import Uploader

__all__ = ["Tape"]


class Tape(Protocol):
    """Stands between a session and the network: records, or replays."""

    @property
    def replays(self) -> bool:
        """Whether it answers by itself."""

    def __call__(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """What stands in front of a client's transport."""

    def hosted(self, url: str, sha256: str) -> None:
        """From now on `url` stands for the image with this digest: image hosts name their files as they like."""

    def uploader(self, name: str, real: Uploader | None) -> Uploader:
        """The uploader of this name in place of one with a client of its own; `real` is `None` for a replay."""
