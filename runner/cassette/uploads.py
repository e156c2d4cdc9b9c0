"""Uploaders whose SDK has a client of its own: what `put` returns is recorded, in place of HTTP.

It stands in a cassette as a request of its own kind: `PUT uploader:NAME` with the image's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from runner.api import HostedImage, Reach
from runner.cassette.request_form import Request
from runner.errors import UploadRefused
from runner.redaction import hidden_in_urls, scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.api import EncodedImage, SupportsDelete, Uploader


def request_of(name: str, image: EncodedImage) -> Request:
    """What stands for the upload of an image."""
    body = {"sha256": image.sha256, "size": len(image.data)}
    return Request(method="PUT", url=f"uploader:{name}", body={"bytes": body})


@dataclass(slots=True)
class RecordedUploader:
    """An uploader whose results are kept."""

    name: str
    real: Uploader
    keep: Callable[[Request, dict[str, Any]], None]

    async def put(self, image: EncodedImage) -> HostedImage:
        """Upload, and keep where. Raises what the uploader raises."""
        hosted = await self.real.put(image)
        left = None if hosted.expires_at is None else hosted.expires_at - datetime.now(UTC)
        found = {
            "url": scrubbed(hidden_in_urls(hosted.url)),
            "reach": str(hosted.reach.name),
            "lifetime_s": None if left is None else round(left.total_seconds()),
        }
        self.keep(request_of(self.name, image), found)
        return hosted

    async def delete(self) -> None:
        """Delete what was hosted."""
        await cast("SupportsDelete", self.real).delete()


@dataclass(slots=True)
class ReplayedUploader:
    """Answers as an uploader did."""

    name: str
    recorded: Callable[[Request], Any]

    async def put(self, image: EncodedImage) -> HostedImage:
        """Where the image was hosted. Raises `UploadRefused` where it was not."""
        found = self.recorded(request_of(self.name, image))
        try:
            lifetime_s = found["lifetime_s"]
            return HostedImage(
                url=str(found["url"]),
                reach=Reach[found["reach"]],
                expires_at=None
                if lifetime_s is None
                else datetime.now(UTC) + timedelta(seconds=float(lifetime_s)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UploadRefused("this upload is not in the cassette", why=self.name) from error

    async def delete(self) -> None:
        """Nothing is hosted."""
