"""Getting the first frame, as a hosted model does: by its URL, over HTTP, trusting nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from runner.errors import MediaError
from runner.media import read_image

if TYPE_CHECKING:
    from runner.api import EncodedImage

MAX_BYTES = 50_000_000


async def download(http: httpx.AsyncClient, url: str) -> bytes:
    """Fetch a picture. Raises `MediaError` that says why it could not be had.

    The query of the URL is not shown: a signed URL carries its secret there.
    """
    place = _shown(url)
    try:
        async with http.stream("GET", url, follow_redirects=True) as response:
            if response.status_code != httpx.codes.OK:
                raise _failed(place, f"HTTP {response.status_code} {response.reason_phrase}".strip())
            kind = response.headers.get("content-type", "")
            if not kind.lower().startswith("image/"):
                raise _failed(place, f"it is served as {kind or 'nothing in particular'}, not as a picture")
            data = bytearray()
            async for part in response.aiter_bytes():
                data += part
                if len(data) > MAX_BYTES:
                    raise _failed(place, f"it is larger than {MAX_BYTES // 1_000_000} MB")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(place, f"{type(error).__name__}: {error}".rstrip(": ")) from error
    return bytes(data)


def read(data: bytes, url: str) -> EncodedImage:
    """Check that the download is a whole picture. Blocking. Raises `MediaError`."""
    return read_image(data, name=_shown(url))


def _failed(place: str, why: str) -> MediaError:
    return MediaError("the first frame could not be fetched", where=place, why=why)


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid URL"
    return f"{parts.scheme}://{parts.hostname or ''}{':' + str(parts.port) if parts.port else ''}{parts.path}"
