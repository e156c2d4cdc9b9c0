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
    data = await asyncio.to_thread(path.read_bytes)
    match deliver:
        case "whole" | "wrong_size":
            pass
        case "truncated":
            data = data[: len(data) * 3 // 5]
        case "html":
            data = _PAGE
        case "empty":
            data = b""
    sink.expect(len(data) + (4096 if deliver == "wrong_size" else 0))
    for start in range(0, len(data), _PIECE):
        await sink.write(data[start : start + _PIECE])
