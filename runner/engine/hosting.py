"""Getting a picture onto the image host, and being sure of its address whenever money is about to hang on it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import RunnerError, UploadError, UploadRefused
from runner.planning.capability_checks import needed_life_s, outlives

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runner.api import EncodedImage, HostedImage, Reach, Uploader
    from runner.engine.url_verification import UrlVerifier

T = TypeVar("T")

_TRIES: Final = 5  # ten seconds or so: what goes out without its picture is paid for all the same
_TRUSTED_S: Final = 60.0  # how long an address is believed to lead to the picture without another look


@dataclass(slots=True, kw_only=True)
class Hosting:
    """Hosts each picture of a run once, and again when its address is about to end or works no more.

    `queue_s` is how long a task may wait before the provider fetches the picture. Where `verify` is set, `stranger`
    looks at every address; `lifetime_hint` is what makes addresses live longer. `pause_s` is the first pause between
    two tries, the others are longer. `clock` is in seconds since 1970.
    """

    uploader: Uploader
    stranger: UrlVerifier
    queue_s: float = 1800.0
    verify: bool = True
    lifetime_hint: str = ""
    pause_s: float = 1.0
    clock: Callable[[], float] = time.time
    _known: dict[str, HostedImage] = field(default_factory=dict)
    _seen: dict[str, float] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _failing: bool = False

    async def hosted(self, picture: EncodedImage, needed: Reach) -> HostedImage:
        """The picture's address, proved to lead to these bytes from as far away as `needed`.

        Raises `UploadError`: nothing was asked of a generator yet.
        """
        async with self._turns.setdefault(picture.sha256, asyncio.Lock()):
            known = self._known.get(picture.sha256)
            if known is not None and self._lives(known) and await self._still_there(known, picture, needed):
                self._failing = False
                return known
            try:
                found = await self._tried(lambda: self._put(picture))
                self._check_life(found)
                if self.verify:
                    await self._looked(found, picture, needed)
            except UploadError as error:
                # A refusal is about this picture; a failure is about the host.
                self._failing = self._failing or error.retry_safe
                raise
            self._failing = False
            self._known[picture.sha256] = found
            return found

    def sure(self, hosted: HostedImage) -> bool:
        """Whether an address was seen to work lately, and will outlive the time that a task may wait."""
        if not self.verify:
            return self._lives(hosted)
        seen = self._seen.get(hosted.url)
        return self._lives(hosted) and seen is not None and self.clock() - seen < _TRUSTED_S

    def doubt(self, hosted: HostedImage) -> None:
        """Look at this address again before it is handed out once more."""
        self._seen.pop(hosted.url, None)

    async def _still_there(self, known: HostedImage, picture: EncodedImage, needed: Reach) -> bool:
        if not self.sure(known):
            try:
                await self._looked(known, picture, needed)
            except UploadError:
                return False
        return True

    async def _looked(self, hosted: HostedImage, picture: EncodedImage, needed: Reach) -> None:
        # A page, or other bytes, may be a hiccup once.
        await self._tried(lambda: self.stranger.look(hosted, picture, needed), refusals=2)
        self._seen[hosted.url] = self.clock()

    async def _tried(self, work: Callable[[], Awaitable[T]], *, refusals: int = 1) -> T:
        """Do `work`, a few times where it fails by chance; once only while nothing gets through to the host."""
        for tried in range(1, _TRIES + 1):
            try:
                return await work()
            except UploadError as error:
                most = _TRIES if error.retry_safe else refusals
                if self._failing or tried >= most:
                    raise
                await asyncio.sleep(self.pause_s * 2 ** (tried - 1) * random.uniform(0.5, 1.0))
        raise AssertionError("the last try returns or raises")

    async def _put(self, picture: EncodedImage) -> HostedImage:
        try:
            return await self.uploader.put(picture)
        except RunnerError:
            raise
        except Exception as error:
            raise UploadError("the uploader broke off", why=f"{type(error).__name__}: {error}") from error

    def _lives(self, hosted: HostedImage) -> bool:
        return hosted.expires_at is None or outlives(self._left_s(hosted.expires_at), self.queue_s)

    def _check_life(self, hosted: HostedImage) -> None:
        if hosted.expires_at is not None and not self._lives(hosted):
            raise UploadRefused(
                "the address of a hosted picture ends too soon",
                why=f"in {max(0.0, self._left_s(hosted.expires_at)):.0f} s, and a task may wait "
                f"{needed_life_s(self.queue_s):.0f} s before the picture is fetched",
                hint=f"{self.lifetime_hint or 'let it live longer'}, or lower limits.task_timeout_s",
            )

    def _left_s(self, until: datetime) -> float:
        return (until - datetime.fromtimestamp(self.clock(), UTC)).total_seconds()
