"""The server: aiohttp's, so that ranges, HEAD and conditional requests are those of a well-kept library."""

from __future__ import annotations

import errno
import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from aiohttp import web

from runner.api import HostedImage
from runner.errors import UploadError
from runner.providers import listening

from . import port, reach

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Context, EncodedImage

    from . import LocalHttpOptions


class LocalHttp:
    """Serves registered images under unguessable paths, and nothing else. Enter it to start listening."""

    def __init__(self, options: LocalHttpOptions, context: Context) -> None:
        self._options = options
        self._folder = context.work_dir
        self._log = context.log
        self._files: dict[str, tuple[Path, str]] = {}
        self._paths: dict[str, str] = {}
        self._base = ""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> LocalHttp:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        try:
            own = await self._stack.enter_async_context(
                listening(app, self._options.bind, port(self._options))
            )
        except OSError as error:
            raise UploadError(
                "the image host of this run cannot listen",
                where=f"uploader.bind={self._options.bind} uploader.port={port(self._options)}",
                why=error.strerror or str(error),
                hint=_hint(error, self._options),
            ) from error
        self._base = self._options.public_base_url.rstrip("/") or own
        self._log.info("images are served at %s, from %s", self._base, own)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
        self._files.clear()
        self._paths.clear()

    async def put(self, picture: EncodedImage) -> HostedImage:
        """Serve these bytes until the end of the run; the same image keeps its address."""
        path = self._paths.get(picture.sha256)
        if path is None:
            path = f"{secrets.token_urlsafe(24)}/{picture.sha256[:12]}.{picture.extension}"
            file = self._folder / f"{picture.sha256}.{picture.extension}"
            try:
                file.write_bytes(picture.data)
            except OSError as error:
                raise UploadError("the image cannot be put aside", where=str(file), why=str(error)) from error
            self._paths[picture.sha256] = path
            self._files[path] = (file, picture.mime)
        return HostedImage(url=f"{self._base}/{path}", reach=reach(self._options))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        known = self._files.get(request.match_info["path"])
        if known is None:
            raise web.HTTPNotFound
        file, mime = known
        return web.FileResponse(
            file,
            headers={
                "Content-Type": mime,
                "Cache-Control": "private, max-age=86400, immutable",
                "X-Content-Type-Options": "nosniff",
            },
        )


def _hint(error: OSError, options: LocalHttpOptions) -> str:
    """What helps where an address cannot be listened on."""
    if error.errno != errno.EADDRINUSE:
        return "uploader.bind=127.0.0.1, or another address of this machine"
    if options.public_base_url:
        return "uploader.port=N of a free port, and a tunnel that leads there"
    return "uploader.port=0 takes any free port"
