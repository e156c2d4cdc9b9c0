"""What crosses the wire: the first frame, fetched as a hosted model does, and the clip, whole or spoilt on purpose."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Final

import httpx

from runner.errors import MediaError
from runner.providers import media_type, shown_url

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Sink

    from .options import Deliver

_MAX_BYTES: Final = 50_000_000
_LIMIT_S: Final = 120.0
"""Of a whole download: a byte now and then keeps a limit for single waits from ending."""
_PIECE: Final = 256 * 1024
_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>\n"
)
_INSTEAD: Final[dict[Deliver, bytes]] = {"html": _PAGE, "empty": b""}


async def download(http: httpx.AsyncClient, url: str, limit_s: float = _LIMIT_S) -> tuple[bytes, str]:
    """Fetch an image, and say from where without the secrets of a signed URL. Raises `MediaError`."""
    place = shown_url(url)
    try:
        async with asyncio.timeout(limit_s), http.stream("GET", url, follow_redirects=True) as response:
            if response.status_code != httpx.codes.OK:
                raise _failed(place, f"HTTP {response.status_code} {response.reason_phrase}".strip())
            kind = media_type(response.headers)
            if not kind.startswith("image/"):
                raise _failed(place, f"it is served as {kind or 'nothing in particular'}, not as an image")
            data = bytearray()
            async for part in response.aiter_bytes():
                data += part
                if len(data) > _MAX_BYTES:
                    raise _failed(place, f"it is larger than {_MAX_BYTES // 1_000_000} MB")
    except TimeoutError as error:
        raise _failed(place, f"it took longer than {limit_s:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(place, f"{type(error).__name__}: {error}".rstrip(": ")) from error
    return bytes(data), place


def _failed(place: str, why: str) -> MediaError:
    return MediaError("the first frame could not be fetched", where=place, why=why)


async def send(path: Path, deliver: Deliver, sink: Sink) -> None:
    """Announce a size and stream the bytes.

    A truncated file is announced with the size it is cut to: only looking into it can tell. `wrong_size`
    sends the whole clip under another announcement.
    """
    with io.BytesIO(_INSTEAD[deliver]) if deliver in _INSTEAD else path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if deliver == "truncated":
            size = size * 3 // 5
        sink.expect(size + (4096 if deliver == "wrong_size" else 0))
        while size and (piece := await asyncio.to_thread(file.read, min(size, _PIECE))):
            size -= len(piece)
            await sink.write(piece)
