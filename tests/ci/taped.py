"""A cassette with answers of every kind, written by the program itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from runner.cassette import files
from runner.cassette.recording import Recording
from runner.net.asking import Asking, asking

if TYPE_CHECKING:
    from pathlib import Path


def recorded_film(tmp_path: Path) -> Path:
    """The folder of the cassette."""
    cassette = files.opened(tmp_path / "tape", now=1, new=True)
    recording = Recording(cassette, max_file_bytes=1000, max_bytes=10_000)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/lost":
            raise httpx.ReadTimeout("no answer", request=request)
        kinds = {
            "/clip": ("video/mp4", b"clip"),
            "/page": ("text/html", b"<p>"),
            "/job": ("application/json", b'{"id": 1}'),
        }
        kind, body = kinds[request.url.path]
        return httpx.Response(200, headers={"Content-Type": kind}, stream=_Stream(body))

    async def ask() -> None:
        async with httpx.AsyncClient(transport=recording(httpx.MockTransport(answer))) as client:
            with asking(Asking(method="submit", shot="ab" * 32)):
                await client.post("https://a.example/job", json={"prompt": "a lake"})
            for path in ("clip", "page", "lost"):
                try:
                    await client.get(f"https://a.example/{path}")
                except httpx.ReadTimeout:
                    assert path == "lost"

    asyncio.run(ask())
    return tmp_path / "tape"


class _Stream(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield self._body
