"""Sending a finished clip, whole or spoilt on purpose."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Sink

    from .options import Deliver

_PIECE: Final = 256 * 1024
_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>\n"
)
_INSTEAD: Final[dict[Deliver, bytes]] = {"html": _PAGE, "empty": b""}


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
