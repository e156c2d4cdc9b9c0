"""The uploader: images under the names of their digests, created once, never replaced."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from runner.api import HostedImage
from runner.errors import UploadError, UploadRefused
from runner.providers import media_type

from . import address, reach
from .account import Account, opened
from .faults import upload_error

if TYPE_CHECKING:
    from runner.api import Context, EncodedImage

    from . import GcsOptions

_AT_ONCE: Final = 8  # below the connections that the library keeps
_GOOGLE: Final = "https://storage.googleapis.com"
# What a name holds never changes, but only who has the address should have the picture.
_CACHING: Final = "private, max-age=86400, immutable"
_KEPT_BY_GOOGLE_H: Final = 12.0
"""How long a signature lives at the most that was made with a key which Google keeps, and changes.

https://cloud.google.com/sdk/gcloud/reference/storage/sign-url
"""


class Gcs:
    """Puts images into a bucket. Nothing is asked of Google before the first one: a finished run needs no account."""

    def __init__(self, options: GcsOptions, context: Context) -> None:
        self._options = options
        self._http = context.http
        self._log = context.log
        self._account: Account | None = None
        self._refusal: UploadRefused | None = None
        self._opening = threading.Lock()
        self._checking = asyncio.Lock()
        self._is_public = False
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._running: set[asyncio.Future[Any]] = set()
        self._run = context.run[:16]

    async def __aenter__(self) -> Gcs:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._uploaded()
        if self._account is not None:
            self._account.client.close()

    async def put(self, picture: EncodedImage) -> HostedImage:
        """Host the bytes; the same image keeps its name, and costs nothing the second time."""
        async with self._slots:
            work = asyncio.ensure_future(asyncio.to_thread(self._put, picture))
            self._running.add(work)
            work.add_done_callback(self._running.discard)
            hosted = await asyncio.shield(work)
        if self._options.access == "public":
            await self._check_public(hosted.url)
        return hosted

    async def _uploaded(self) -> None:
        """An upload goes on in its thread when nobody waits for it any more: wait for all of them."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def delete(self) -> None:
        """Delete the folder of this request. Raises `UploadError`."""
        assert self._run, "without a request of its own it would be the folder of all"
        await self._uploaded()
        await asyncio.to_thread(self._clear)

    def _put(self, picture: EncodedImage) -> HostedImage:
        try:
            account = self._opened()
            blob = self._bucket(account).blob(self._name(picture))
            blob.cache_control = _CACHING
            self._create(blob, picture)
            return self._hosted(account, blob)
        except Exception as error:
            fault = upload_error(error, self._options, wanted="storage.objects.create")
            raise fault from (None if fault is error else error)

    def _opened(self) -> Account:
        """One client for the run. What it was refused for is said again to whoever asks next, without the search."""
        with self._opening:
            if self._refusal is not None:
                raise _copy(self._refusal)
            if self._account is None:
                try:
                    self._account = opened(self._options)
                except UploadRefused as refusal:
                    self._refusal = _copy(refusal)
                    raise
            return self._account

    def _create(self, blob: Any, picture: EncodedImage) -> None:
        from google.api_core.exceptions import PreconditionFailed

        try:
            blob.upload_from_string(
                picture.data, content_type=picture.mime, if_generation_match=0, **self._patience()
            )
        except PreconditionFailed:
            self._compare(blob, picture)
            self._log.debug("gs://%s/%s is there already", blob.bucket.name, blob.name)
        else:
            self._log.debug("gs://%s/%s was uploaded", blob.bucket.name, blob.name)

    def _compare(self, blob: Any, picture: EncodedImage) -> None:
        """Refuse to hand out an object that is not the image it is named after."""
        from google.api_core.exceptions import GoogleAPICallError

        try:
            blob.reload(**self._patience())
        except GoogleAPICallError as error:
            if error.code == 404:
                raise UploadError(
                    "the image was deleted from its bucket just now",
                    where=f"gs://{blob.bucket.name}/{blob.name}",
                ) from None
            raise upload_error(error, self._options, wanted="storage.objects.get") from error
        digest = hashlib.md5(picture.data, usedforsecurity=False).digest()
        found = (blob.size, media_type({"Content-Type": str(blob.content_type)}), blob.md5_hash)
        if found != (len(picture.data), picture.mime, base64.b64encode(digest).decode("ascii")):
            raise UploadRefused(
                "another file stands under the name of this picture",
                where=f"gs://{blob.bucket.name}/{blob.name}",
                why=f"it has {found[0]} bytes of {found[1]}, the image {len(picture.data)} of {picture.mime}"
                + ("" if found[:2] != (len(picture.data), picture.mime) else ", and they differ"),
                hint=f"gcloud storage rm 'gs://{blob.bucket.name}/{blob.name}', or another uploader.prefix",
            )

    def _hosted(self, account: Account, blob: Any) -> HostedImage:
        base = address(self._options) or _GOOGLE
        if account.signer is None:
            path = quote(f"{blob.bucket.name}/{blob.name}", safe="/~")
            return HostedImage(url=f"{base}/{path}", reach=reach(self._options))
        hours = self._options.expires_h
        life = timedelta(hours=min(hours, _KEPT_BY_GOOGLE_H) if account.kept_by_google else hours)
        life = timedelta(seconds=max(1, int(life.total_seconds())))
        signed_at = datetime.now(UTC).replace(microsecond=0)
        url = blob.generate_signed_url(
            version="v4", method="GET", expiration=life, credentials=account.signer, api_access_endpoint=base
        )
        return HostedImage(url=url, reach=reach(self._options), expires_at=signed_at + life)

    async def _check_public(self, url: str) -> None:
        """Once a run: a bucket that is not public is better known before a shot is paid for."""
        import httpx

        async with self._checking:
            if self._is_public:
                return
            try:
                answer = await self._http.head(url, timeout=self._options.timeout_s)
            except httpx.TransportError as error:
                # What reaches Google from here may know a proxy that this does not.
                self._log.debug("whether the bucket is public could not be seen: %s", type(error).__name__)
                return
            if answer.status_code in (401, 403):
                bucket = self._options.bucket
                raise UploadRefused(
                    f"the bucket {bucket} is not public",
                    where="uploader.access=public",
                    why=f"without credentials the answer is {answer.status_code}; with uniform bucket-level access "
                    "it is the bucket that must let allUsers read, no single object can",
                    hint=f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member=allUsers "
                    "--role=roles/storage.objectViewer, or uploader.access=signed",
                )
            self._is_public = True

    def _clear(self) -> None:
        try:
            bucket = self._bucket(self._opened())
            there = list(bucket.list_blobs(prefix=self._folder, **self._patience()))
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                list(threads.map(self._delete, there))
        except Exception as error:
            fault = upload_error(error, self._options, wanted="storage.objects.list and delete")
            raise fault from (None if fault is error else error)

    def _delete(self, blob: Any) -> None:
        from google.api_core.exceptions import NotFound, PreconditionFailed

        # Gone already, or put there anew meanwhile: then it is wanted.
        with contextlib.suppress(NotFound, PreconditionFailed):
            blob.delete(if_generation_match=blob.generation, **self._patience())
            self._log.debug("gs://%s/%s was deleted", blob.bucket.name, blob.name)

    def _bucket(self, account: Account) -> Any:
        return account.client.bucket(self._options.bucket, user_project=self._options.project or None)

    def _name(self, picture: EncodedImage) -> str:
        return f"{self._folder}{picture.sha256}.{picture.extension}"

    @property
    def _folder(self) -> str:
        """What the names begin with. What is to be deleted has a folder of its own: nobody else's runs are in there."""
        parts = [self._options.prefix.strip("/"), self._run if self._options.delete_at_end else ""]
        return "".join(f"{part}/" for part in parts if part)

    def _patience(self) -> dict[str, Any]:
        """The library's own retries, and how long each of them waits: together no longer than `timeout_s`."""
        from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

        half = self._options.timeout_s / 2
        retry = DEFAULT_RETRY.with_timeout(half).with_delay(initial=0.5, maximum=8.0, multiplier=2.0)
        return {"retry": retry, "timeout": half}


def _copy(refusal: UploadRefused) -> UploadRefused:
    """Each shot writes its own name into the error that it gets."""
    return UploadRefused(refusal.what, where=refusal.where, why=refusal.why, hint=refusal.hint)
