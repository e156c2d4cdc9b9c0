"""As whom Google is called, and who signs: key files, application-default credentials, machines of Google's."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from runner.api import HostedImage, Reach
from runner.errors import UploadError, UploadRefused
from tests.plugins.gcs.bench import MACHINE, hosting, picture, stored, write_key
from tests.plugins.gcs.front import Fault

if TYPE_CHECKING:
    from tests.plugins.gcs.front import Front

ROOT = Path(__file__).parents[3]


def put(google: Front, work: Path, certificate: Path, count: int = 1, **options: Any) -> list[HostedImage]:
    """Put images with options that say nothing of the front."""

    async def run() -> list[HostedImage]:
        async with hosting(work, outside(google, certificate), **options) as uploader:
            return await asyncio.gather(*(uploader.put(picture(seed)) for seed in range(count)))

    return asyncio.run(run())


def outside(google: Front, certificate: Path) -> httpx.AsyncClient:
    """A client that finds the front under Google's name."""
    return httpx.AsyncClient(proxy=google.proxy, verify=ssl.create_default_context(cafile=str(certificate)))


def fetched(google: Front, certificate: Path, url: str) -> httpx.Response:
    async def run() -> httpx.Response:
        async with outside(google, certificate) as client:
            return await client.get(url)

    return asyncio.run(run())


def test_a_key_file_uploads_as_its_account_and_signs(
    tmp_path: Path, google: Front, certificate: Path, bucket: str, key_file: Path
) -> None:
    hosted = put(google, tmp_path, certificate, 3, bucket=bucket, credentials_file=str(key_file))

    assert hosted[0].url.startswith(f"https://storage.googleapis.com/{bucket}/runner/")
    assert {one.reach for one in hosted} == {Reach.PUBLIC}
    for seed, one in enumerate(hosted):
        assert fetched(google, certificate, one.url).content == picture(seed).data
    assert google.asked("POST /token") >= 1
    assert len(google.tokens) >= 1


def test_a_public_bucket_of_google(
    tmp_path: Path, google: Front, certificate: Path, bucket: str, key_file: Path
) -> None:
    google.public.add(bucket)

    (hosted,) = put(
        google, tmp_path, certificate, bucket=bucket, credentials_file=str(key_file), access="public"
    )

    assert hosted.url == f"https://storage.googleapis.com/{bucket}/runner/{picture().sha256}.png"
    assert fetched(google, certificate, hosted.url).content == picture().data


def test_application_default_credentials_are_found(
    tmp_path: Path,
    google: Front,
    certificate: Path,
    bucket: str,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))

    (hosted,) = put(google, tmp_path, certificate, bucket=bucket)

    assert fetched(google, certificate, hosted.url).content == picture().data


def test_the_project_that_pays_is_named(
    tmp_path: Path, google: Front, certificate: Path, bucket: str, key_file: Path
) -> None:
    put(google, tmp_path, certificate, bucket=bucket, credentials_file=str(key_file), project="my-money")

    assert google.asked("userProject=my-money") == google.asked("POST /upload/") == 1


def test_a_key_that_was_revoked(tmp_path: Path, google: Front, certificate: Path, bucket: str) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = write_key(tmp_path / "old.json", other)

    with pytest.raises(UploadRefused) as caught:
        put(google, tmp_path, certificate, bucket=bucket, credentials_file=str(file))

    assert caught.value.what == "Google does not accept the credentials"
    assert "Invalid JWT Signature" in caught.value.why
    assert "clock" in caught.value.hint
    assert stored(google, bucket) == {}


def test_a_person_may_upload_but_not_sign(
    tmp_path: Path, google: Front, certificate: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `gcloud auth application-default login` leaves."""
    login = {
        "type": "authorized_user",
        "client_id": "1",
        "client_secret": "canary",
        "refresh_token": "canary",
    }
    file = tmp_path / "login.json"
    file.write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(UploadRefused) as caught:
        put(google, tmp_path, certificate, 3, bucket=bucket)

    assert caught.value.what == "these Google credentials cannot sign a URL"
    assert "they belong to a user" in caught.value.why
    assert "uploader.credentials_file=KEY.json" in caught.value.hint
    assert "uploader.access=public" in caught.value.hint
    assert "canary" not in str(caught.value)
    assert not google.lines


@pytest.mark.parametrize("named", ["missing.json", "broken.json"])
def test_default_credentials_that_cannot_be_read(
    tmp_path: Path,
    google: Front,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
) -> None:
    (tmp_path / "broken.json").write_text("canary")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / named))

    with pytest.raises(UploadRefused) as caught:
        put(google, tmp_path, certificate, bucket="films")

    assert caught.value.what == "there are no credentials for Google Cloud Storage"
    assert str(tmp_path / named) in caught.value.where
    assert "gcloud auth application-default login" in caught.value.hint
    assert "canary" not in str(caught.value)


def test_nothing_secret_is_logged(
    tmp_path: Path,
    google: Front,
    certificate: Path,
    bucket: str,
    key_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        (hosted,) = put(
            google,
            tmp_path,
            certificate,
            bucket=bucket,
            credentials_file=str(key_file),
            delete_at_end=True,
        )

    known = json.loads(key_file.read_text())
    key_lines = [line for line in known["private_key"].splitlines() if "-" not in line]
    secrets = [*key_lines, *google.tokens, hosted.url.rpartition("X-Goog-Signature=")[2]]
    assert len(secrets) > 5
    assert f"gs://{bucket}/runner/" in caplog.text
    assert not [secret for secret in secrets if secret in caplog.text]


# --- in a process of its own: the library looks where its machine is when it is imported ----------------------------

MACHINES_OWN = """
import asyncio, sys
from pathlib import Path
from tests.plugins.gcs.bench import hosting, picture
async def main():
    async with hosting(Path(sys.argv[1]), bucket=sys.argv[2], expires_h=100) as uploader:
        hosted = await uploader.put(picture())
        print(hosted.url, hosted.expires_at.isoformat())
asyncio.run(main())
"""


def on_a_machine(google: Front, certificate: Path, *words: str, **variables: str) -> Any:
    """Run a Python on a machine without a home, which has a proxy to Google and whatever `variables` say."""
    surroundings = {
        name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *words],
        env={
            **surroundings,
            "PYTHONPATH": str(ROOT),
            "HTTPS_PROXY": google.proxy,
            "REQUESTS_CA_BUNDLE": str(certificate),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_machine_of_google_signs_without_a_key(
    tmp_path: Path, google: Front, certificate: Path, bucket: str
) -> None:
    google.machine = MACHINE
    before = datetime.now(UTC)

    done = on_a_machine(
        google,
        certificate,
        *("-c", MACHINES_OWN, str(tmp_path), bucket),
        GCE_METADATA_HOST=google.url.removeprefix("http://"),
        GCE_METADATA_IP=google.url.removeprefix("http://"),
        HOME=str(tmp_path),
    )

    assert done.returncode == 0, done.stderr
    url, expires_at = done.stdout.split()
    assert fetched(google, certificate, url).content == picture().data
    assert google.asked(f"/serviceAccounts/{MACHINE}:signBlob") == 1
    # Google changes the keys that it keeps: their signatures live for 12 hours at the most.
    assert datetime.fromisoformat(expires_at) - before < timedelta(hours=12, minutes=1)
    assert "X-Goog-Expires=43200" in url


def test_a_machine_of_google_that_may_not_sign(
    tmp_path: Path, google: Front, certificate: Path, bucket: str
) -> None:
    google.machine = MACHINE
    google.may_sign = False

    done = on_a_machine(
        google,
        certificate,
        *("-c", MACHINES_OWN, str(tmp_path), bucket),
        GCE_METADATA_HOST=google.url.removeprefix("http://"),
        GCE_METADATA_IP=google.url.removeprefix("http://"),
        HOME=str(tmp_path),
    )

    assert done.returncode == 1
    said = done.stderr.rpartition("UploadRefused: ")[2]
    assert said.startswith("Google does not sign for this service account")
    assert "why: Permission 'iam.serviceAccounts.signBlob' denied on resource" in said
    assert "roles/iam.serviceAccountTokenCreator" in said
    assert "uploader.credentials_file=KEY.json" in said


@pytest.mark.parametrize("there", ["nobody", "somebody else"])
def test_no_credentials_anywhere_is_found_out_once(
    tmp_path: Path, google: Front, certificate: Path, there: str
) -> None:
    """With a home that is empty, on a machine that is not Google's: `timeout` above would end a long search."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    metadata = f"127.0.0.1:{port}" if there == "nobody" else google.url.removeprefix("http://")
    shots = "{a: {prompt: a}, b: {prompt: b}, c: {prompt: c, boundary: cut}, d: {prompt: d}}"
    (tmp_path / "conf/project").mkdir(parents=True)
    (tmp_path / "conf/project/film.yaml").write_text(
        "# @package _global_\nproject: {name: film}\n"
        "shot: {duration_s: 0.5, resolution: 96p, fps: 8}\n"
        f"sequences: {{one: {{shots: {shots}}}}}\n"
    )
    program = f"import os, sys; os.chdir({str(tmp_path)!r}); from runner import cli; sys.exit(cli.main(sys.argv[1:]))"

    done = on_a_machine(
        google,
        certificate,
        *(
            "-c",
            program,
            "+project=film",
            "uploader=gcs",
            "uploader.bucket=films",
            "continuity.fallback=none",
        ),
        GCE_METADATA_IP=metadata,
        GCE_METADATA_HOST=metadata,
        GCE_METADATA_DETECT_RETRIES="1",
        HOME=str(tmp_path),
    )

    assert done.returncode == 2, done.stderr
    assert "there are no credentials for Google Cloud Storage; nothing was started" in done.stderr
    assert "gcloud auth application-default login" in done.stderr
    assert not list(tmp_path.rglob("*.mp4"))
    assert "Traceback" not in done.stdout + done.stderr
    # Two shots want an image hosted; the search for credentials takes seconds where nobody answers.
    assert google.lines == ([] if there == "nobody" else ["GET /"])


def test_a_token_that_cannot_be_had_now(
    tmp_path: Path, google: Front, certificate: Path, bucket: str, key_file: Path
) -> None:
    google.faults.append(Fault("POST /token", 503, "later"))

    with pytest.raises(UploadError) as caught:
        put(google, tmp_path, certificate, bucket=bucket, credentials_file=str(key_file), timeout_s=0.2)

    assert caught.value.retry_safe
    assert caught.value.what == "Google gives out no token now"
    assert "later" in caught.value.why
