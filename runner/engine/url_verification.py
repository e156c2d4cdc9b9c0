"""Fetching a hosted image without credentials, before money depends on it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from runner.api import Reach
from runner.errors import UploadError, UploadRefused
from runner.net.outside_names import media_type

if TYPE_CHECKING:
    import httpx

    from runner.api import EncodedImage, HostedImage

_REDIRECTS: Final = 5
_EXPLAINED: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")  # how object stores say why, in XML
_ADVICE: Final = "choose an uploader whose URLs the generator can fetch (python -m runner plugins)"
_TRUST: Final = "what can only be fetched from elsewhere: uploader.verify=false"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlVerifier:
    """Fetches URLs without any credentials."""

    public: httpx.AsyncClient
    """Connects to public addresses only."""
    any: httpx.AsyncClient
    """Connects to all addresses."""
    hint: str = ""
    """For the user: what the image host's plugin says that can be checked."""
    limit_s: float = 30.0
    """The time limit of one verification, redirects included."""

    async def verify(self, hosted: HostedImage, image: EncodedImage, needed: Reach) -> None:
        """Return when exactly these bytes come, from as far away as `needed`.

        Raises `UploadError`; `UploadRefused` where something else stands there.
        """
        try:
            async with asyncio.timeout(self.limit_s):
                await self._verified(hosted.url, image, needed)
        except TimeoutError as error:
            raise UploadError(
                "the image URL cannot be fetched back",
                why=f"{_host(hosted.url)}: not complete within {self.limit_s:g} s",
                hint=self._hint,
            ) from error

    async def _verified(self, url: str, image: EncodedImage, needed: Reach) -> None:
        import httpx

        client = self.public if needed is Reach.PUBLIC else self.any
        try:
            for _ in range(_REDIRECTS):
                if needed is Reach.PUBLIC and urlsplit(url).scheme != "https":
                    raise self._wrong(url, "it is not HTTPS, which a hosted model needs")
                async with client.stream("GET", url, timeout=self.limit_s, follow_redirects=False) as answer:
                    if answer.has_redirect_location:
                        url = urljoin(url, answer.headers["Location"])
                        continue
                    await self._compare(answer, url, image)
                    return
            raise self._wrong(url, "too many redirects")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise UploadError(
                "the image URL cannot be fetched back", why=f"{_host(url)}: {why}", hint=self._hint
            ) from error

    async def _compare(self, answer: httpx.Response, url: str, image: EncodedImage) -> None:
        """Raise unless the answer is the picture."""
        status = answer.status_code
        kind = media_type(answer.headers)
        if status != 200:
            raise UploadError(
                "the image URL cannot be fetched back",
                why=f"{_host(url)}: HTTP {status}{await _explained(answer)}",
                hint=self._hint,
            )
        if kind.startswith("text/"):
            raise self._wrong(url, f"expected an image, got a page ({kind})")
        if kind != image.mime:
            raise self._wrong(url, f"expected {image.mime}, got {kind or 'no content type'}")
        digest, size = hashlib.sha256(), 0
        async for piece in answer.aiter_bytes():
            digest.update(piece)
            size += len(piece)
            if size > len(image.data):
                break
        if digest.hexdigest() != image.sha256:
            raise self._wrong(url, "content differs")

    def _wrong(self, url: str, why: str) -> UploadRefused:
        return UploadRefused(
            "the image URL does not serve the uploaded image", why=f"{_host(url)}: {why}", hint=self._hint
        )

    @property
    def _hint(self) -> str:
        return f"{self.hint or _ADVICE}; {_TRUST}"


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
        return "an invalid URL"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
