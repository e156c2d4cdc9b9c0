"""Fetching a hosted picture as a stranger would, before money hangs on it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from runner.api import Reach
from runner.errors import UploadError, UploadRefused

if TYPE_CHECKING:
    import httpx

    from runner.api import EncodedImage, HostedImage

_REDIRECTS: Final = 5
_LOOK_S: Final = 30.0
_EXPLAINED: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")  # how object stores say why, in XML
_ADVICE: Final = "choose an uploader whose addresses the generator can fetch (python -m runner plugins)"
_TRUST: Final = "what can only be fetched from elsewhere: uploader.verify=false"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlVerifier:
    """Looks at addresses without any credentials.

    `public` is a client that connects to public addresses only, `any` one that connects to all. `advice` is what the
    image host's plugin says that a person can check. `limit_s` is for a whole look, redirects and all.
    """

    public: httpx.AsyncClient
    any: httpx.AsyncClient
    advice: str = ""
    limit_s: float = _LOOK_S

    async def look(self, hosted: HostedImage, picture: EncodedImage, needed: Reach) -> None:
        """Return when exactly these bytes come, from as far away as `needed`.

        Raises `UploadError`; `UploadRefused` where something else stands there.
        """
        try:
            async with asyncio.timeout(self.limit_s):
                await self._looked(hosted.url, picture, needed)
        except TimeoutError as error:
            raise UploadError(
                "the hosted picture cannot be fetched back",
                why=f"{_host(hosted.url)}: it did not come whole within {self.limit_s:g} s",
                hint=self._hint,
            ) from error

    async def _looked(self, url: str, picture: EncodedImage, needed: Reach) -> None:
        import httpx

        client = self.public if needed is Reach.PUBLIC else self.any
        try:
            for _ in range(_REDIRECTS):
                if needed is Reach.PUBLIC and urlsplit(url).scheme != "https":
                    raise self._no_use(url, "it is not HTTPS, which a hosted model needs")
                async with client.stream("GET", url, timeout=self.limit_s, follow_redirects=False) as answer:
                    if answer.has_redirect_location:
                        url = urljoin(url, answer.headers["Location"])
                        continue
                    await self._compare(answer, url, picture)
                    return
            raise self._no_use(url, "it redirects again and again")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise UploadError(
                "the hosted picture cannot be fetched back", why=f"{_host(url)}: {why}", hint=self._hint
            ) from error

    async def _compare(self, answer: httpx.Response, url: str, picture: EncodedImage) -> None:
        """Raise unless the answer is the picture."""
        status = answer.status_code
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if status != 200:
            raise UploadError(
                "the hosted picture cannot be fetched back",
                why=f"{_host(url)}: HTTP {status}{await _explained(answer)}",
                hint=self._hint,
            )
        if kind.startswith("text/"):
            raise self._no_use(url, f"a page comes instead of the picture ({kind})")
        if kind != picture.mime:
            raise self._no_use(url, f"its type is {kind or 'not told'} instead of {picture.mime}")
        digest, size = hashlib.sha256(), 0
        async for piece in answer.aiter_bytes():
            digest.update(piece)
            size += len(piece)
            if size > len(picture.data):
                break
        if digest.hexdigest() != picture.sha256:
            raise self._no_use(url, "other bytes come than were put there")

    def _no_use(self, url: str, why: str) -> UploadRefused:
        return UploadRefused(
            "the hosted picture is no use to the generator", why=f"{_host(url)}: {why}", hint=self._hint
        )

    @property
    def _hint(self) -> str:
        return f"{self.advice or _ADVICE}; {_TRUST}"


async def _explained(answer: httpx.Response) -> str:
    """The reason in the body of an object store's answer, if there is one."""
    async for piece in answer.aiter_bytes(4096):
        found = _EXPLAINED.search(piece)
        return f" ({found.group(1).decode()})" if found else ""
    return ""


def _host(url: str) -> str:
    """Scheme, host and port of an address: its path and query may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
