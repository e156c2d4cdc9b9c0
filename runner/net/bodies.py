"""The body of an answer, decoded in pieces of bounded size: a few kilobytes of gzip are gigabytes of zeros."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PIECE: Final = 64 * 1024
_MOST_FOR_NOTHING: Final = 1 << 20
"""Bytes that may come without a byte that they decode to."""
_WINDOW: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": 32 + zlib.MAX_WBITS}


def is_encoded(encoding: str) -> bool:
    """Whether a `Content-Encoding` says that a body is not what it stands for."""
    return encoding.strip().lower() not in ("", "identity")


async def decoded(pieces: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The content of a body in pieces of at most 64 kB. The reader counts them, and stops where it has enough.

    Identity is what we ask for. gzip and deflate are understood all the same: some servers do not listen. Raises
    `httpx.DecodingError` for others, and for what is not what it says.
    """
    window = _WINDOW.get(encoding.strip().lower())
    if window is None:
        raise httpx.DecodingError(f"the answer is encoded as {encoding[:40]!r}, which was not requested")
    decoder = zlib.decompressobj(window)
    for_nothing = 0
    try:
        async for piece in pieces:
            rest = piece
            for_nothing += len(piece)
            while rest and not decoder.eof:
                content = decoder.decompress(rest, _PIECE)
                rest = decoder.unconsumed_tail
                if content:
                    for_nothing = 0
                    yield content
            if for_nothing > _MOST_FOR_NOTHING:
                raise httpx.DecodingError("the answer decodes to nothing")
        if not decoder.eof:
            raise httpx.DecodingError("the answer ends too early")
    except zlib.error as error:
        raise httpx.DecodingError(f"the answer cannot be decoded: {error}") from error
