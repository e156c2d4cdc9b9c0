"""What the tests of the uploader share besides fixtures: keys, images, the uploader, a look into the emulator."""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from cryptography.hazmat.primitives import serialization

from runner import plugins
from runner.api import Context, EncodedImage
from runner.media import picture as pictures
from runner.net import http
from runner.net.download import Downloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.plugins.gcs.front import Front

EMAIL = "films@a-project.iam.gserviceaccount.com"
RUN = "0123456789abcdef" * 4
"""The request that the images of these tests are hosted for."""
MACHINE = "123-compute@developer.gserviceaccount.com"


def write_key(file: Path, key: RSAPrivateKey, **other: Any) -> Path:
    """The key file of a service account, as Google's console makes it."""
    known = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "1",
        "private_key": pem(key).decode(),
        "client_email": EMAIL,
        "token_uri": "https://oauth2.googleapis.com/token",
    } | other
    file.write_text(json.dumps({name: value for name, value in known.items() if value is not None}))
    return file


def pem(key: Any) -> bytes:
    made = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    assert isinstance(made, bytes)
    return made


def picture(seed: int = 0, format: str = "png", *, width: int = 16, height: int = 8) -> EncodedImage:
    """A small real image; another `seed` is another one."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return pictures.encode(noise, format)


@asynccontextmanager
async def hosting(work: Path, client: httpx.AsyncClient | None = None, **options: Any) -> AsyncIterator[Any]:
    """The uploader as a run builds it, entered."""
    spec = plugins.load([]).uploader("gcs")
    assert spec is not None
    async with client or http.client(timeout_s=5) as lent:
        context = Context(
            work_dir=work,
            http=lent,
            download=Downloads(lent, lent),
            log=logging.getLogger("runner.plugins.gcs"),
            run=RUN,
        )
        made: Any = spec.factory(spec.options(**options), context)
        async with made as uploader:
            yield uploader


def stored(front: Front, bucket: str) -> dict[str, dict[str, Any]]:
    """What the emulator has in a bucket: the object resources by name."""
    answer = httpx.get(f"{front.emulator}/storage/v1/b/{bucket}/o", trust_env=False)
    return {item["name"]: item for item in answer.json().get("items", [])}


def put_aside(front: Front, bucket: str, name: str, data: bytes, kind: str) -> None:
    """Put an object into a bucket as someone else."""
    answer = httpx.post(
        f"{front.emulator}/upload/storage/v1/b/{bucket}/o",
        params={"uploadType": "media", "name": name},
        content=data,
        headers={"Content-Type": kind},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
