"""The file upload API: three ways in, one answer."""

from __future__ import annotations

import base64
import dataclasses
import mimetypes
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiohttp
from aiohttp import web

from runner.testing.provider.fetching import PROBLEMS
from runner.testing.provider.files import content_type

from . import wire
from .books import id_of
from .record import milliseconds

if TYPE_CHECKING:
    from runner.testing.provider.accounts import Account
    from runner.testing.provider.clock import Clock
    from runner.testing.provider.fetching import Fetcher
    from runner.testing.provider.files import Files
    from runner.testing.provider.request_log import RequestLog

    from .jobs import Jobs
    from .options import Options

_MOST: Final = 100_000_000
_ANYWHERE: Final = "uploads"
_CORS: Final = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*"}
_PART_TEXT: Final = 10_000
_HOUR_S: Final = 3600.0
_LONGEST_NAME: Final = 255
_LONGEST_EXTENSION: Final = 8


class _Sent(NamedTuple):
    """What came in: `name` is "" where the client gave none, `extension` is for the name it then gets."""

    data: bytes
    folder: str
    name: str
    extension: str


@dataclass
class Uploads:
    """Stores what is sent, and says where it is."""

    options: Options
    clock: Clock
    log: RequestLog
    files: Files
    fetcher: Fetcher
    jobs: Jobs

    async def take(self, account: Account, request: web.Request, how: str) -> web.Response:
        """Answer an upload; `how` is "stream", "base64" or "url"."""
        step = self.jobs.director.other("upload")
        try:
            instead = await wire.instead(step, "before")
            if instead is not None:
                return instead
            sent = await (self._streamed(request) if how == "stream" else self._described(request, how))
        except wire.Refused as problem:
            return self._refused(problem)
        answer = self._keep(account, sent, how)
        await wire.instead(step, "after")
        return answer

    def _keep(self, account: Account, sent: _Sent, how: str) -> web.Response:
        now = self.clock.now()
        name = sent.name or f"{milliseconds(now)}-{secrets.token_hex(5)}{sent.extension}"
        path = "/".join(("kieai", id_of(account.key), *sent.folder.split("/"), name))
        step = self.jobs.director.other("uploaded")
        url = self.files.put(
            path,
            sent.data,
            self.options.upload_hours * _HOUR_S,
            steps=() if step is None else (dataclasses.replace(step, times=None),),
        )
        account.counts["uploads"] += 1
        self.log.note("uploads", at=now, key=account.key, how=how, path=path, url=url, size=len(sent.data))
        response = wire.reply(
            {
                "success": True,
                "code": 200,
                "msg": "File uploaded successfully",
                "data": {
                    "success": True,
                    "fileName": name,
                    "filePath": path,
                    "downloadUrl": url,
                    "fileSize": len(sent.data),
                    "mimeType": content_type(name),
                    "uploadedAt": _iso(now),
                },
            }
        )
        response.headers.update(_CORS)
        return response

    def _refused(self, problem: wire.Refused) -> web.Response:
        response = wire.refusal(problem, self.options.error_style, success=False)
        response.headers.update(_CORS)
        return response

    async def _streamed(self, request: web.Request) -> _Sent:
        if not request.content_type.startswith("multipart/"):
            raise wire.Refused(400, "file is required")
        data: bytes | None = None
        extension = ""
        texts = {"uploadPath": "", "fileName": ""}
        async for part in await request.multipart():
            if not isinstance(part, aiohttp.BodyPartReader):
                continue
            if part.name == "file":
                data = bytes(await part.read(decode=False))
                extension = _extension(part.filename or "", part.headers.get("Content-Type", ""))
            elif part.name in texts:
                texts[part.name] = (await part.text())[:_PART_TEXT]
        if data is None:
            raise wire.Refused(400, "file is required")
        return _Sent(data, _folder(texts["uploadPath"]), _name(texts["fileName"]), extension)

    async def _described(self, request: web.Request, how: str) -> _Sent:
        try:
            body = await request.json()
        except (ValueError, RecursionError):
            raise wire.Refused(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise wire.Refused(400, "the body is not JSON")
        folder, name = _folder(str(body.get("uploadPath") or "")), _name(str(body.get("fileName") or ""))
        if how == "base64":
            data, extension = _decoded(body)
        else:
            data, extension = await self._copied(body)
        return _Sent(data, folder, name, extension)

    async def _copied(self, body: dict[str, Any]) -> tuple[bytes, str]:
        address = body.get("fileUrl")
        if not isinstance(address, str) or not address:
            raise wire.Refused(400, "fileUrl is required")
        if not address.startswith(("http://", "https://")):
            raise wire.Refused(400, "fileUrl must be http or https")
        try:
            fetched = await self.fetcher.whole(address, _MOST)
        except PROBLEMS:
            raise wire.Refused(500, "the file cannot be downloaded from fileUrl") from None
        return fetched.data, _extension(address.partition("?")[0].rpartition("/")[2], fetched.content_type)


def _decoded(body: dict[str, Any]) -> tuple[bytes, str]:
    text = body.get("base64Data")
    if not isinstance(text, str) or not text:
        raise wire.Refused(400, "base64Data is required")
    mime = str(body.get("mimeType") or "")
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        mime = head.removeprefix("data:").partition(";")[0]
    try:
        return base64.b64decode("".join(text.split()), validate=True), _extension("", mime or "image/png")
    except ValueError:
        raise wire.Refused(400, "base64Data is not base64") from None


def _extension(name: str, mime: str) -> str:
    _, dot, extension = name.rpartition(".")
    if dot and extension.isascii() and extension.isalnum() and len(extension) <= _LONGEST_EXTENSION:
        return f".{extension.lower()}"
    mime = mime.partition(";")[0].strip()
    return ".webp" if mime == "image/webp" else mimetypes.guess_extension(mime) or ".bin"


def _name(text: str) -> str:
    """The last part of what a client calls its file."""
    name = _sayable(text).replace("\\", "/").rpartition("/")[2][-_LONGEST_NAME:]
    return "" if name in (".", "..") else name


def _folder(text: str) -> str:
    parts = [part for part in _sayable(text).replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or _ANYWHERE


def _sayable(text: str) -> str:
    """Without what no address can hold."""
    return text.encode("utf-8", "replace").decode()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
