"""Sending a finished clip, whole or spoilt on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Sink

    from .options import Deliver

_PIECE: Final = 256 * 1024
_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>\n"
)


async def send(path: Path, deliver: Deliver, sink: Sink) -> None:
    """Announce a size and stream the bytes.

    A truncated file is announced with the size it is cut to: only looking into it can tell. `wrong_size`
    sends the whole clip under another announcement.
    """
    size = (await asyncio.to_thread(path.stat)).st_size
    match deliver:
        case "whole":
            await _send_file(path, size, sink)
        case "truncated":
            await _send_file(path, size * 3 // 5, sink)
        case "wrong_size":
            await _send_file(path, size, sink, announce=4096)
        case "html":
            await _send_bytes(_PAGE, sink)
        case "empty":
            await _send_bytes(b"", sink)


async def _send_bytes(data: bytes, sink: Sink) -> None:
    sink.expect(len(data))
    if data:
        await sink.write(data)


async def _send_file(path: Path, size: int, sink: Sink, *, announce: int = 0) -> None:
    """Send the first `size` bytes; `announce` is how many more than that are said to come."""
    sink.expect(size + announce)
    with path.open("rb") as file:
        while size and (piece := await asyncio.to_thread(file.read, min(size, _PIECE))):
            size -= len(piece)
            await sink.write(piece)
