"""Google Cloud Storage as an image host: a bucket of yours, by signed or by public addresses."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from runner.api import Context, Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.providers import host_of, is_base_url, reach_of

if TYPE_CHECKING:
    from .uploader import Gcs

runner_api_version = 2

EMULATOR: Final = "STORAGE_EMULATOR_HOST"
"""Where Google's own libraries look for the address of an emulator."""

# https://cloud.google.com/storage/docs/buckets#naming
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_WEEK_H: Final = 168


@dataclass(frozen=True, slots=True)
class GcsOptions:
    """Which bucket, as whom, and what addresses are handed out.

    bucket            its bare name
    prefix            what the names of the images begin with: PREFIX/DIGEST.png
    access            signed: each address carries a signature that expires. public: the plain address of the object;
                      the bucket itself must be readable by anyone
    expires_h         hours that a signed address lives, 168 at the most; 12 at the most where Google keeps the key
    credentials_file  the JSON key of a service account; empty takes the application-default credentials
    project           the project that pays for the requests, for buckets that want one named
    delete_at_end     give the images of this request a folder of their own, PREFIX/REQUEST/, and delete it at the end
                      of the run, once no task can need them any more
    api_url           where to call instead of Google, such as an emulator; else STORAGE_EMULATOR_HOST says it.
                      Over plain http no account is shown
    timeout_s         how long one request to the bucket is tried

    Raises `ValueError` for what cannot be.
    """

    bucket: str
    prefix: str = "runner"
    access: Literal["signed", "public"] = "signed"
    expires_h: float = 24.0
    credentials_file: str = ""
    project: str = ""
    delete_at_end: bool = False
    api_url: str = ""
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not self.bucket:
            raise ValueError("bucket should be the name of a bucket of yours: uploader.bucket=NAME")
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            raise ValueError(
                "bucket should be the bare name of a bucket: lower-case letters, digits, - _ and dots, no gs://"
            )
        if not self.prefix.isprintable() or len(self.prefix.encode()) > 900 or _climbs(self.prefix):
            raise ValueError(
                "prefix should be a path of printable characters, without . or .. as a part of it"
            )
        if not 0 < self.expires_h <= _WEEK_H:
            raise ValueError("expires_h should be more than 0 and 168 (a week) at the most")
        if "{" in self.credentials_file or "\n" in self.credentials_file:
            raise ValueError("credentials_file should be the path of a key file, not what is in it")
        if self.api_url and not is_base_url(self.api_url, path=False):
            raise ValueError("api_url should be https://HOST or http://HOST:PORT")
        if not 0 < self.timeout_s <= 3600:
            raise ValueError("timeout_s should be more than 0 and 3600 at the most")
        if not self.api_url and not is_base_url(address(self) or "http://unset", path=False):
            raise ValueError(f"{EMULATOR} should be http://HOST:PORT, in the environment")


def address(options: GcsOptions) -> str:
    """The address that is called instead of Google's, without a slash at its end; empty for Google itself."""
    given = options.api_url or os.environ.get(EMULATOR, "").strip()
    if given and "://" not in given:
        given = f"http://{given}"  # the variable is often set to HOST:PORT
    return given.rstrip("/")


def _climbs(prefix: str) -> bool:
    return any(part in (".", "..") for part in prefix.split("/"))


def reach(options: GcsOptions) -> Reach:
    """How public the addresses are: as far as the address that is called, since they lead to the same host."""
    called = address(options)
    return reach_of(host_of(called)) if called else Reach.PUBLIC


def capabilities(options: GcsOptions) -> UploaderCapabilities:
    """What the addresses are like, and what helps when they are not."""
    called = address(options)
    signed = options.access == "signed"
    return UploaderCapabilities(
        reach=reach(options),
        https=not called.startswith("http:"),
        lifetime_s=options.expires_h * 3600 if signed else None,
        delete=options.delete_at_end,
        fetch_hint="give the signing account roles/storage.objectViewer on the bucket, and check this machine's clock"
        if signed
        else "see that allUsers may read the bucket",
        reach_hint=f"leave uploader.api_url and {EMULATOR} unset, to call Google itself" if called else "",
        lifetime_hint="set uploader.expires_h to more hours",
    )


def _ready(options: GcsOptions) -> None:
    from .account import check

    check(options)


def _create(options: GcsOptions, context: Context) -> Gcs:
    from .uploader import Gcs

    return Gcs(options, context)


@hookimpl
def runner_register() -> UploaderSpec:
    return UploaderSpec(
        name="gcs",
        summary="a Google Cloud Storage bucket; signed URLs that expire, or public ones",
        factory=_create,
        options=GcsOptions,
        capabilities=capabilities,
        ready=_ready,
        own_client=True,
    )
