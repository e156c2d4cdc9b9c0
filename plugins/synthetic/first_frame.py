"""Getting the first frame, as a hosted model does: by its URL, over HTTP, trusting nothing."""

from __future__ import annotations

from typing import Final

import httpx

from runner.errors import MediaError
from runner.providers import shown_url

_MAX_BYTES: Final = 50_000_000


async def download(http: httpx.AsyncClient, url: str) -> tuple[bytes, str]:
    """Fetch an image, and say from where without the secrets of a signed URL. Raises `MediaError`."""
    place = shown_url(url)
    try:
        async with http.stream("GET", url, follow_redirects=True) as response:
            if response.status_code != httpx.codes.OK:
                raise _failed(place, f"HTTP {response.status_code} {response.reason_phrase}".strip())
            kind = response.headers.get("content-type", "")
            if not kind.lower().startswith("image/"):
                raise _failed(place, f"it is served as {kind or 'nothing in particular'}, not as an image")
            data = bytearray()
            async for part in response.aiter_bytes():
                data += part
                if len(data) > _MAX_BYTES:
                    raise _failed(place, f"it is larger than {_MAX_BYTES // 1_000_000} MB")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(place, f"{type(error).__name__}: {error}".rstrip(": ")) from error
    return bytes(data), place


def _failed(place: str, why: str) -> MediaError:
    return MediaError("the first frame could not be fetched", where=place, why=why)
