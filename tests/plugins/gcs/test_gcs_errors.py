"""What goes wrong between us and a bucket: what a person is told, and whether trying again is worth it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner import plugins
from runner.api import Reach
from runner.errors import UploadError, UploadRefused
from tests.plugins.gcs.bench import hosting, picture, stored, write_key
from tests.plugins.gcs.front import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.plugins.gcs.front import Front


def error_of(work: Path, **options: Any) -> UploadError:
    """The error of putting a picture. It shows no secret, and no address that could hold one."""

    async def run() -> UploadError:
        async with hosting(work, **options) as uploader:
            with pytest.raises(UploadError) as caught:
                await uploader.put(picture())
            return caught.value

    error = asyncio.run(run())
    assert "Traceback" not in str(error)
    assert "PRIVATE KEY" not in str(error)
    assert "?" not in str(error)
    return error


def test_a_bucket_that_is_not_there(tmp_path: Path, front: Front, key_file: Path) -> None:
    error = error_of(tmp_path, bucket="no-such-films", credentials_file=str(key_file), api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert error.what == "there is no bucket no-such-films"
    assert error.where == "gs://no-such-films"
    assert "uploader.bucket=NAME" in error.hint
    assert "gcloud storage buckets create gs://no-such-films" in error.hint


def test_no_permission_to_create(tmp_path: Path, front: Front, bucket: str, key_file: Path) -> None:
    says = (
        "films@a-project.iam.gserviceaccount.com does not have storage.objects.create access to the bucket."
    )
    front.faults.append(Fault("POST /upload/", 403, says))

    error = error_of(tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert "no permission storage.objects.create" in error.what
    assert error.why == says
    assert "--role=roles/storage.objectUser" in error.hint
    assert front.asked("POST /upload/") == 1


def test_no_permission_to_look_at_what_is_there(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    options = {"bucket": bucket, "credentials_file": str(key_file), "api_url": front.url}

    async def put() -> None:
        async with hosting(tmp_path, **options) as uploader:
            await uploader.put(picture())

    asyncio.run(put())
    front.faults.append(Fault("GET /storage/v1/", 403, "no access"))

    error = error_of(tmp_path, **options)

    assert isinstance(error, UploadRefused)
    assert "no permission storage.objects.get" in error.what


@pytest.mark.parametrize(
    ("status", "says", "what", "hint"),
    [
        # Over http there is no account that the library could show again.
        (401, "Anonymous credentials", "Google does not accept the credentials", "uploader.api_url=https"),
        (
            *(400, "Bucket is a requester pays bucket but no user project provided."),
            *("is a requester-pays bucket", "uploader.project=PROJECT"),
        ),
        (400, "Invalid argument.", "Google Cloud Storage refused the image", ""),
    ],
)
def test_a_refusal_is_told_and_not_repeated(
    tmp_path: Path, front: Front, bucket: str, key_file: Path, status: int, says: str, what: str, hint: str
) -> None:
    front.faults.append(Fault("POST /upload/", status, says))

    error = error_of(tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert what in error.what
    assert says in error.why
    assert hint in error.hint
    assert front.asked("POST /upload/") == 1


def test_an_answer_is_quoted_without_what_may_be_a_signature(
    tmp_path: Path, front: Front, bucket: str, key_file: Path
) -> None:
    says = "Not for https://storage.googleapis.com/films/a.png?X-Goog-Signature=canary at all"
    front.faults.append(Fault("POST /upload/", 400, says))

    error = error_of(tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url)

    assert error.why == "400 Not for https://storage.googleapis.com/films/a.png at all"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_stays_out_of_order_may_be_tried_again_later(
    tmp_path: Path, front: Front, bucket: str, key_file: Path, status: int
) -> None:
    front.faults.append(Fault("POST /upload/", status, "try again later"))

    error = error_of(
        tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url, timeout_s=0.2
    )

    assert error.retry_safe
    assert "takes no image now" in error.what
    assert error.why == f"{status} try again later"


def test_a_hiccup_is_got_over(tmp_path: Path, front: Front, bucket: str, key_file: Path) -> None:
    front.faults.append(Fault("POST /upload/", 503, "hiccup", times=1))

    async def put() -> None:
        async with hosting(
            tmp_path, bucket=bucket, credentials_file=str(key_file), api_url=front.url
        ) as uploader:
            await uploader.put(picture())

    asyncio.run(put())

    assert front.asked("POST /upload/") == 2
    assert len(stored(front, bucket)) == 1


def test_no_network(tmp_path: Path, front: Front, key_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    error = error_of(
        tmp_path,
        bucket="films",
        credentials_file=str(key_file),
        api_url=f"http://127.0.0.1:{port}",
        timeout_s=0.2,
    )

    assert error.retry_safe
    assert error.what == "Google Cloud Storage cannot be reached"
    assert error.where == f"http://127.0.0.1:{port}"
    assert "Connection refused" in error.why
    assert "<" not in error.why
    assert "HTTPS_PROXY" in error.hint


def test_an_answer_that_does_not_come(tmp_path: Path, front: Front, key_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = error_of(
            tmp_path,
            bucket="films",
            credentials_file=str(key_file),
            api_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            timeout_s=0.2,
        )

    assert error.retry_safe
    assert error.what == "Google Cloud Storage cannot be reached"
    assert "timed out" in error.why.lower()


def test_a_bucket_that_is_not_public(tmp_path: Path, front: Front, bucket: str) -> None:
    error = error_of(tmp_path, bucket=bucket, access="public", api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert error.what == f"the bucket {bucket} is not public"
    assert "uniform bucket-level access" in error.why
    assert "--member=allUsers --role=roles/storage.objectViewer" in error.hint
    assert "uploader.access=signed" in error.hint


def test_whether_a_bucket_is_public_is_asked_once(tmp_path: Path, front: Front, bucket: str) -> None:
    front.public.add(bucket)

    async def run() -> None:
        async with hosting(tmp_path, bucket=bucket, access="public", api_url=front.url) as uploader:
            await asyncio.gather(*(uploader.put(picture(seed)) for seed in range(4)))

    asyncio.run(run())

    assert front.asked("HEAD ") == 1


def test_an_emulator_without_a_key_cannot_sign(tmp_path: Path, front: Front, bucket: str) -> None:
    error = error_of(tmp_path, bucket=bucket, api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert "cannot sign" in error.what
    assert "uploader.credentials_file=KEY.json" in error.hint
    assert "uploader.access=public" in error.hint
    assert not front.lines


def test_each_picture_gets_an_error_of_its_own(tmp_path: Path, front: Front, bucket: str) -> None:
    """The host writes into an error which shot it is about."""

    async def run() -> None:
        async with hosting(tmp_path, bucket=bucket, api_url=front.url) as uploader:
            for shot in ("one/boats", "one/gulls"):
                with pytest.raises(UploadRefused) as caught:
                    await uploader.put(picture())
                assert caught.value.where == "uploader.access=signed"
                caught.value.where = shot

    asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "what", "why"),
    [
        (None, "cannot be read", "No such file"),
        ("canary-PRIVATE", "is not JSON", ""),
        ("[" * 100_000, "is not JSON", ""),
        ("[1]", "is not that of a service account", "it has no type"),
        ('{"type": "authorized_user"}', "is not that of a service account", "'authorized_user'"),
        ('{"type": "service_account"}', "cannot be used", "no client_email, private_key, token_uri"),
    ],
)
def test_a_file_that_is_no_key(
    tmp_path: Path, front: Front, content: str | None, what: str, why: str
) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_text(content)

    error = error_of(tmp_path, bucket="films", credentials_file=str(file), api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert what in error.what
    assert why in error.why
    assert error.where == f"uploader.credentials_file={file}"
    assert "canary" not in str(error)
    assert not front.lines


def test_a_broken_key(tmp_path: Path, front: Front, key: RSAPrivateKey) -> None:
    file = write_key(tmp_path / "key.json", key)
    known = json.loads(file.read_text())
    known["private_key"] = known["private_key"].replace("MII", "canary", 1)
    file.write_text(json.dumps(known))

    error = error_of(tmp_path, bucket="films", credentials_file=str(file), api_url=front.url)

    assert isinstance(error, UploadRefused)
    assert error.what == "the key in the key file of Google Cloud Storage cannot be used"
    assert "canary" not in str(error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bucket": ""}, "bucket should be the name of a bucket of yours"),
        ({"bucket": "gs://films"}, "bucket should be the bare name"),
        ({"bucket": "Films"}, "bucket should be the bare name"),
        ({"bucket": "films/shots"}, "bucket should be the bare name"),
        ({"bucket": "-films"}, "bucket should be the bare name"),
        ({"bucket": "a..b"}, "bucket should be the bare name"),
        ({"prefix": "../films"}, "prefix should be"),
        ({"prefix": "a\nb"}, "prefix should be"),
        ({"prefix": "x" * 901}, "prefix should be"),
        ({"expires_h": 0}, "expires_h should be"),
        ({"expires_h": 168.1}, "expires_h should be"),
        ({"expires_h": float("nan")}, "expires_h should be"),
        ({"credentials_file": '{"type": "service_account"}'}, "credentials_file should be the path"),
        ({"api_url": "localhost:4443"}, "api_url should be"),
        ({"api_url": "http://me:secret@localhost"}, "api_url should be"),
        ({"api_url": "http://localhost:4443/storage/v1"}, "api_url should be"),
        ({"timeout_s": 0}, "timeout_s should be"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(
    front: Front, options: dict[str, Any], message: str
) -> None:
    spec = plugins.load([]).uploader("gcs")
    assert spec is not None

    with pytest.raises(ValueError, match=f"^{message}"):
        spec.options(**{"bucket": "films", **options})


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        ({}, "", Reach.PUBLIC),
        ({"api_url": "https://storage.googleapis.com"}, "", Reach.PUBLIC),
        ({"api_url": "http://127.0.0.1:4443"}, "", Reach.LOOPBACK),
        ({"api_url": "http://[::1]:4443/"}, "", Reach.LOOPBACK),
        ({"api_url": "http://gcs.localhost:4443"}, "", Reach.LOOPBACK),
        ({"api_url": "http://192.168.1.5:4443"}, "", Reach.NETWORK),
        ({"api_url": "http://emulator:4443"}, "", Reach.NETWORK),
        ({}, "http://localhost:4443", Reach.LOOPBACK),
        ({}, "localhost:4443", Reach.LOOPBACK),
        ({"api_url": "https://storage.example.com"}, "localhost:4443", Reach.PUBLIC),
    ],
)
def test_its_addresses_reach_as_far_as_what_is_called(
    front: Front,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    variable: str,
    expected: Reach,
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", variable)
    spec = plugins.load([]).uploader("gcs")
    assert spec is not None
    assert callable(spec.capabilities)

    assert spec.capabilities(spec.options(bucket="films", **options)).reach is expected


def test_an_emulator_variable_that_cannot_be_is_refused(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://local host")
    spec = plugins.load([]).uploader("gcs")
    assert spec is not None

    with pytest.raises(ValueError, match=r"^STORAGE_EMULATOR_HOST should be"):
        spec.options(bucket="films")


@contextlib.contextmanager
def server(*answers: bytes, pause_s: float = 0.0) -> Iterator[str]:
    """A server that sends the same to everyone, piece by piece; its address."""

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for _ in range(1_000):
                client, _ = listening.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(10)
                    client.recv(1 << 20)
                    for one in answers:
                        client.sendall(one)
                        time.sleep(pause_s)
                    client.shutdown(socket.SHUT_WR)
                    client.makefile("rb").read()  # until the other side closes it, too

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(30)


def head(*lines: str) -> bytes:
    said = ("HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close", *lines)
    return "\r\n".join((*said, "", "")).encode()


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 100_000, b"<html>"])
def test_json_that_cannot_be_read_is_the_answer_of_something_else(
    tmp_path: Path, key_file: Path, body: bytes
) -> None:
    with server(head(f"Content-Length: {len(body)}") + body) as url:
        error = error_of(tmp_path, bucket="films", credentials_file=str(key_file), api_url=url)

    assert error.what == "what answers is not Google Cloud Storage"


@pytest.mark.parametrize(
    "answer",
    [
        (head(), *[b" " * (1 << 20)] * 20),
        (head("Content-Encoding: gzip"), gzip.compress(bytes(64 << 20))),
    ],
    ids=["large", "bomb"],
)
def test_an_answer_is_no_larger_than_it_may_be(
    tmp_path: Path, key_file: Path, answer: tuple[bytes, ...]
) -> None:
    with server(*answer) as url:
        error = error_of(tmp_path, bucket="films", credentials_file=str(key_file), api_url=url)

    assert "larger than 8 MiB" in error.why


def test_an_answer_that_drips_comes_to_an_end(tmp_path: Path, key_file: Path) -> None:
    with server(head("Content-Length: 100000"), *[b" "] * 1_000, pause_s=0.1) as url:
        error = error_of(tmp_path, bucket="films", credentials_file=str(key_file), api_url=url, timeout_s=2)

    assert error.retry_safe
    assert "the answer takes too long" in error.why
