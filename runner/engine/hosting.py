"""Putting an image on the image host, and being sure of its URL whenever money is about to depend on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from runner.engine.plugin_calls import Call, called
from runner.errors import UploadError, UploadRefused
from runner.planning.capability_checks import needed_lifetime_s, outlives

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runner.api import EncodedImage, HostedImage, Reach, SupportsDelete, Uploader
    from runner.engine.timing import Timing
    from runner.engine.url_verification import UrlVerifier

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Hosting:
    """Hosts each image once, and again when its URL is about to expire or does not work any more."""

    uploader: Uploader
    name: str = "uploader"
    """The uploader's, for messages."""
    verifier: UrlVerifier
    timing: Timing
    queue_s: float = 1800.0
    """How long a task may wait before the provider fetches the image, in seconds."""
    verify: bool = True
    """Every URL is fetched back before it is used."""
    deletes: bool = False
    """The uploader deletes what it hosted."""
    lifetime_hint: str = ""
    """For the user: how URLs are served for longer."""
    on_hosted: Callable[[str, str], object] | None = None
    """Called with the URL and the digest of each image that was hosted."""
    _known: dict[str, HostedImage] = field(default_factory=dict)
    _verified_at: dict[str, float] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _failing: bool = False

    async def hosted(self, image: EncodedImage, needed: Reach, call: Call | None = None) -> HostedImage:
        """The image's URL, verified to serve these bytes from as far away as `needed`. `call` says what for.

        Raises `UploadError`: nothing was requested of a generator yet.
        """
        async with self._turns.setdefault(image.sha256, asyncio.Lock()):
            known = self._known.get(image.sha256)
            if known is not None and self._lives(known) and await self._still_works(known, image, needed):
                self._failing = False
                return known
            try:
                found = await self._tried(lambda: self._put(image, call))
                if self.on_hosted is not None:
                    self.on_hosted(found.url, image.sha256)
                self._check_lifetime(found)
                if self.verify:
                    await self._verify(found, image, needed)
            except UploadError as error:
                # A refusal is about this image; a failure is about the host.
                self._failing = self._failing or error.retry_safe
                raise
            self._failing = False
            self._known[image.sha256] = found
            return found

    def trusted(self, hosted: HostedImage) -> bool:
        """Whether a URL was verified lately, and will outlive the time that a task may wait."""
        if not self.verify:
            return self._lives(hosted)
        at = self._verified_at.get(hosted.url)
        return self._lives(hosted) and at is not None and self.timing.clock() - at < self.timing.url_trusted_s

    def distrust(self, hosted: HostedImage) -> None:
        """Verify this URL again before it is used once more."""
        self._verified_at.pop(hosted.url, None)

    async def delete(self) -> None:
        """Delete what this request hosted, where the uploader `deletes`. Raises `UploadError`."""
        call = Call(f"uploader {self.name}", "delete", limit_s=self.timing.upload_s)
        try:
            await called(call, cast("SupportsDelete", self.uploader).delete)
        except TimeoutError as error:
            what = f"uploader {self.name} did not delete the hosted images within {self.timing.upload_s:g} s"
            raise UploadError(what) from error

    async def _put(self, image: EncodedImage, call: Call | None) -> HostedImage:
        call = call or Call(f"uploader {self.name}", "put", limit_s=self.timing.upload_s)
        try:
            return await called(call, self.uploader.put, image)
        except TimeoutError as error:
            raise UploadError(
                f"uploader {self.name} did not host an image within {self.timing.upload_s:g} s",
                hint="rerun the same command, or choose another uploader",
            ) from error

    async def _still_works(self, known: HostedImage, image: EncodedImage, needed: Reach) -> bool:
        if not self.trusted(known):
            try:
                await self._verify(known, image, needed)
            except UploadError:
                return False
        return True

    async def _verify(self, hosted: HostedImage, image: EncodedImage, needed: Reach) -> None:
        # A page, or other bytes, may be a hiccup once.
        await self._tried(lambda: self.verifier.verify(hosted, image, needed), refusals=2)
        self._verified_at[hosted.url] = self.timing.clock()

    async def _tried(self, work: Callable[[], Awaitable[T]], *, refusals: int = 1) -> T:
        """Do `work`, a few times where it fails for a transient reason; once only while the host is failing."""
        for tried in range(1, self.timing.host_tries + 1):
            try:
                return await work()
            except UploadError as error:
                most = self.timing.host_tries if error.retry_safe else refusals
                if self._failing or tried >= most:
                    raise
                pause_s = self.timing.host_pause_s * 2 ** (tried - 1)
                await self.timing.sleep(pause_s * self.timing.jitter())
        raise AssertionError("the last try returns or raises")

    def _lives(self, hosted: HostedImage) -> bool:
        return hosted.expires_at is None or outlives(self._left_s(hosted.expires_at), self.queue_s)

    def _check_lifetime(self, hosted: HostedImage) -> None:
        if hosted.expires_at is not None and not self._lives(hosted):
            raise UploadRefused(
                "the URL of a hosted image expires too soon",
                why=f"in {max(0.0, self._left_s(hosted.expires_at)):.0f} s, and a task may wait "
                f"{needed_lifetime_s(self.queue_s):.0f} s before the image is fetched",
                hint=f"{self.lifetime_hint or 'let it be served for longer'}, or lower limits.task_timeout_s",
            )

    def _left_s(self, until: datetime) -> float:
        return (until - datetime.fromtimestamp(self.timing.clock(), UTC)).total_seconds()
