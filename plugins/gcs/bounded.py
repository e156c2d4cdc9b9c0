"""Answers to Google's library, bounded in size and time: it reads each one whole, and limits single waits only."""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

MOST_BYTES: Final = 8 << 20
_PIECE: Final = 64 * 1024
_WHOLE: Final = 2
"""A whole answer may take so many times as long as one wait for it."""
_ANY_WINDOW: Final = 32 + zlib.MAX_WBITS


def adapter() -> HTTPAdapter:
    """An adapter for the sessions of requests, which reads answers itself. Its errors are those of requests."""
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError
    from urllib3.exceptions import HTTPError

    class Bounded(HTTPAdapter):
        def send(
            self, request: PreparedRequest, stream: bool = False, timeout: Any = None, *more: Any, **keys: Any
        ) -> Response:
            answer = super().send(request, True, timeout, *more, **keys)
            try:
                content = _read(answer, timeout[1] if isinstance(timeout, tuple) else timeout)
                # This is what `Response.content` sets.
                answer._content, answer._content_consumed = content, True
            except HTTPError as error:
                raise ChunkedEncodingError(str(error)) from error
            except zlib.error as error:
                raise ContentDecodingError(str(error)) from error
            finally:
                answer.close()
            return answer

    return Bounded()


def _read(answer: Response, wait_s: float | None) -> bytes:
    from requests.exceptions import ContentDecodingError, ReadTimeout

    until = None if wait_s is None else time.monotonic() + _WHOLE * wait_s
    content = bytearray()
    while len(content) <= MOST_BYTES and (piece := answer.raw.read1(_PIECE, decode_content=False)):
        content += piece
        if until is not None and time.monotonic() > until:
            raise ReadTimeout("the answer takes too long")
    if answer.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip", "deflate"):
        content[:] = zlib.decompressobj(_ANY_WINDOW).decompress(content, MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ContentDecodingError(f"the answer is larger than {MOST_BYTES >> 20} MiB")
    return bytes(content)
