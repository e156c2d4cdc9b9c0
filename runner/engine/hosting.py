"""Getting a picture onto the image host, and making sure that it can be fetched from there before money hangs on it."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from runner.api import Reach
from runner.errors import RunnerError, UploadError, UploadRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from runner.api import Hosted, Picture, Uploader

_TRIES: Final = 3
_REDIRECTS: Final = 5
_LOOK_S: Final = 20.0
_LONGEST_QUEUE_S: Final = 1800.0
_ADVICE: Final = (
    "check the tunnel or proxy and uploader.public_base_url, or choose an uploader with public addresses "
    "(python -m runner plugins); what can only be fetched from elsewhere: uploader.verify=false"
)


@dataclass(slots=True, kw_only=True)
class Hosting:
    """Hosts each picture of a run once, and again when its address is about to end.

    `queue_s` is how long a task may wait before the provider fetches the picture. `public` is a client that connects
    to public addresses only, `any` one that connects to all. `verify` fetches every picture back.
    """

    uploader: Uploader
    public: httpx.AsyncClient
    any: httpx.AsyncClient
    queue_s: float = _LONGEST_QUEUE_S
    verify: bool = True
    clock: Callable[[], float] = time.time
    _known: dict[str, Hosted] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _doubted: set[str] = field(default_factory=set)

    async def hosted(self, picture: Picture, needed: Reach) -> Hosted:
        """The picture's address, proved to lead to these bytes from as far away as `needed`.

        Raises `UploadError`: nothing was asked of a generator yet.
        """
        async with self._turns.setdefault(picture.sha256, asyncio.Lock()):
            known = self._known.get(picture.sha256)
            if known is not None and self.fresh(known) and await self._still_there(known, picture, needed):
                return known
            for left in range(_TRIES - 1, -1, -1):
                try:
                    found = await self._put(picture)
                    self._check_life(found)
                    if self.verify:
                        await self._look(found, picture, needed)
                    break
                except UploadError as error:
                    if not left or not error.retry_safe:
                        raise
                    await asyncio.sleep((_TRIES - left) * random.uniform(0.5, 1.0))
            self._known[picture.sha256] = found
            return found

    def doubt(self, hosted: Hosted) -> None:
        """Look at this address again before it is handed out once more."""
        self._doubted.add(hosted.url)

    def fresh(self, hosted: Hosted) -> bool:
        """Whether an address will outlive the time that a task may wait."""
        return hosted.expires_at is None or self._left_s(hosted.expires_at) >= min(
            self.queue_s, _LONGEST_QUEUE_S
        )

    async def _still_there(self, known: Hosted, picture: Picture, needed: Reach) -> bool:
        if known.url not in self._doubted or not self.verify:
            return True
        self._doubted.discard(known.url)
        try:
            await self._look(known, picture, needed)
        except UploadError:
            return False
        return True

    async def _put(self, picture: Picture) -> Hosted:
        try:
            return await self.uploader.put(picture)
        except RunnerError:
            raise
        except Exception as error:
            raise UploadError("the uploader broke off", why=f"{type(error).__name__}: {error}") from error

    def _check_life(self, hosted: Hosted) -> None:
        if hosted.expires_at is not None and not self.fresh(hosted):
            raise UploadRefused(
                "the address of a hosted picture ends too soon",
                why=f"in {max(0.0, self._left_s(hosted.expires_at)):.0f} s, and a task may wait "
                f"{min(self.queue_s, _LONGEST_QUEUE_S):.0f} s before the picture is fetched",
                hint="let it live longer, or lower limits.task_timeout_s",
            )

    def _left_s(self, until: datetime) -> float:
        return (until - datetime.fromtimestamp(self.clock(), UTC)).total_seconds()

    async def _look(self, hosted: Hosted, picture: Picture, needed: Reach) -> None:
        """Fetch the picture as a stranger would."""
        import httpx

        client = self.public if needed is Reach.PUBLIC else self.any
        url = hosted.url
        try:
            for _ in range(_REDIRECTS):
                if needed is Reach.PUBLIC and urlsplit(url).scheme != "https":
                    raise _unreachable("it is not HTTPS, which a hosted model needs")
                async with client.stream("GET", url, timeout=_LOOK_S, follow_redirects=False) as answer:
                    if answer.has_redirect_location:
                        url = urljoin(url, answer.headers["Location"])
                        continue
                    await _compared(answer, picture)
                    return
            raise _unreachable("it redirects again and again")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise UploadError(
                "the hosted picture cannot be fetched back", why=f"{_host(url)}: {why}", hint=_ADVICE
            ) from error


async def _compared(answer: httpx.Response, picture: Picture) -> None:
    """Raise unless the answer is the picture."""
    status, kind = (
        answer.status_code,
        answer.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
    )
    if status != 200:
        # A new object may take a moment to appear: this may be tried again.
        raise UploadError("the hosted picture cannot be fetched back", why=f"HTTP {status}", hint=_ADVICE)
    if kind.startswith("text/"):
        raise _unreachable(f"a page comes instead of the picture ({kind})")
    if kind != picture.mime:
        raise _unreachable(f"its type is {kind or 'not told'} instead of {picture.mime}")
    digest, size = hashlib.sha256(), 0
    async for piece in answer.aiter_bytes():
        digest.update(piece)
        size += len(piece)
        if size > len(picture.data):
            break
    if digest.hexdigest() != picture.sha256:
        raise _unreachable("other bytes come than were put there")


def _unreachable(why: str) -> UploadRefused:
    return UploadRefused("the hosted picture is no use to the generator", why=why, hint=_ADVICE)


def _host(url: str) -> str:
    """Scheme and host of an address: its path and query may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.hostname or ''}"
