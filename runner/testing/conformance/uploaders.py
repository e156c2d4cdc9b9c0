"""What an image host must do: give back the bytes it was given, under an address for each picture."""

from __future__ import annotations

import asyncio
import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runner.api import Reach
from runner.engine.plugin_calls import called
from runner.net.outside_names import media_type
from runner.testing.conformance.report import Failed, Skipped, require

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from runner.api import EncodedImage, HostedImage
    from runner.testing.conformance.report import Checks
    from runner.testing.conformance.target import Target

_MANY: Final = 16
_FORMATS: Final = ("png", "jpeg", "webp")


async def check(target: Target, checks: Checks, work: Path, http: httpx.AsyncClient) -> None:
    """Check an uploader."""
    async with target.opened(work, http) as uploader:
        await _Uploading(target, uploader, http).check(checks)


class _Uploading:
    def __init__(self, target: Target, uploader: Any, http: httpx.AsyncClient) -> None:
        self.target = target
        self.uploader = uploader
        self.http = http

    async def check(self, checks: Checks) -> None:
        first = await checks.run("hosts a picture", self._hosts)
        if first is None:
            return
        await checks.run("its URL has the reach that it states", lambda: _public(first[1]))
        await checks.run("serves the same bytes", lambda: self._serves(*first))
        for format in _FORMATS[1:]:
            await checks.run(f"hosts {format}", lambda format=format: self._of_format(format))  # type: ignore[misc]
        await checks.run("answers HEAD", lambda: self._head(*first))
        await checks.run("takes the same image twice", lambda: self._twice(*first))
        await checks.run(f"takes {_MANY} images at once", self._many)

    async def _put(self, picture: EncodedImage) -> HostedImage:
        hosted: HostedImage = await called(self.target.call("put"), self.uploader.put, picture)
        return hosted

    async def _hosts(self) -> tuple[EncodedImage, HostedImage]:
        given = await _picture(1)
        hosted = await self._put(given)
        parts = urlsplit(hosted.url)
        require(parts.scheme in ("http", "https") and parts.hostname, f"its URL is {hosted.url!r}")
        require(
            hosted.url.isascii() and hosted.url.isprintable() and " " not in hosted.url,
            "its URL is not one",
        )
        promised = self.target.can_host().reach
        require(
            hosted.reach >= promised,
            f"the image has reach {hosted.reach!r}, its capabilities promise {promised!r}",
        )
        if hosted.expires_at is not None:
            require(hosted.expires_at > datetime.now(UTC), "expires_at has passed already")
        return given, hosted

    async def _serves(self, given: EncodedImage, hosted: HostedImage) -> None:
        answer = await self._asked("GET", hosted)
        require(answer.status_code == 200, f"GET answers {answer.status_code}")
        require(
            answer.content == given.data,
            f"{len(given.data)} bytes were put, {'others' if answer.content else 'none'} are served",
        )
        _check_kind(answer, given)

    async def _of_format(self, format: str) -> None:
        given = await _picture(2, format)
        await self._serves(given, await self._put(given))

    async def _head(self, given: EncodedImage, hosted: HostedImage) -> None:
        answer = await self._asked("HEAD", hosted)
        if answer.status_code in (403, 405):
            # A signature may be for GET alone; nobody who takes images needs HEAD.
            raise Skipped(f"it answers HEAD with {answer.status_code}, and GET with the picture")
        require(answer.status_code == 200, f"HEAD answers {answer.status_code}")
        _check_kind(answer, given)
        length = answer.headers.get("Content-Length")
        require(
            length in (None, str(len(given.data))),
            f"HEAD reports {length} bytes, the image has {len(given.data)}",
        )

    async def _twice(self, given: EncodedImage, first: HostedImage) -> None:
        await self._serves(given, await self._put(given))
        await self._serves(given, first)

    async def _many(self) -> None:
        pictures = [await _picture(10 + number) for number in range(_MANY)]
        hosted = await asyncio.gather(*(self._put(picture) for picture in pictures))
        addresses = {one.url for one in hosted}
        require(
            len(addresses) == _MANY,
            f"{_MANY} different images have {len(addresses)} URLs between them",
        )
        await asyncio.gather(*(self._serves(*pair) for pair in zip(pictures, hosted, strict=True)))

    async def _asked(self, method: str, hosted: HostedImage) -> httpx.Response:
        import httpx

        try:
            return await self.http.request(method, hosted.url, follow_redirects=True)
        except httpx.TransportError as error:
            if hosted.reach is Reach.PUBLIC and not _is_loopback(hosted.url):
                raise Skipped(f"its URL cannot be reached from here: {error}") from error
            raise Failed(f"its URL does not answer: {error}") from error


async def _public(hosted: HostedImage) -> None:
    if _is_loopback(hosted.url) and hosted.reach is not Reach.LOOPBACK:
        raise Skipped(
            f"it calls a URL of this machine {hosted.reach.name}: right for a stand-in of the real host only"
        )


def _check_kind(answer: httpx.Response, given: EncodedImage) -> None:
    kind = media_type(answer.headers)
    require(kind == given.mime, f"it is served as {kind or 'nothing'}, and is {given.mime}")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def _picture(number: int, format: str = "png") -> EncodedImage:
    from runner.testing.conformance import pictures

    return await asyncio.to_thread(lambda: pictures.still(96, 54, seed=number, format=format))
