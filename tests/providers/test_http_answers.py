"""What HTTP errors and answers say, and that no spelling of a key is shown."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import html
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runner.errors import Busy, FetchFailed, PollFailed, SubmitRefused, SubmitUnknown
from runner.net import http
from runner.providers import (
    ApiKey,
    HttpApi,
    fetch_or_refresh,
    json_of,
    never_sent,
    one_line,
    page_text,
    retry_after_s,
    text_of,
    usd,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

KEY = "canary/5150&<x>"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Thu, 26 Nov 2026 12:01:30 GMT", 90.0),
        ("Thu, 26 Nov 2026 12:01:30 -0000", 90.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
    ],
)
def test_the_wait_that_a_provider_asks_for(value: str, seconds: float | None) -> None:
    assert retry_after_s(httpx.Response(429, headers={"Retry-After": value.encode()}), NOW) == seconds


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_a_failure_to_connect_sent_nothing(error: type[httpx.TransportError]) -> None:
    assert never_sent(error("no"))


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError, OSError]
)
def test_every_other_failure_leaves_open_whether_it_was_sent(error: type[Exception]) -> None:
    assert not never_sent(error("no"))


@pytest.mark.parametrize(
    "spelling",
    [KEY, quote(KEY, safe=""), html.escape(KEY), base64.b64encode(KEY.encode()).decode().rstrip("=")],
)
def test_no_spelling_of_a_key_is_shown(spelling: str) -> None:
    assert one_line(f"bad key {spelling}!", KEY) == "bad key (hidden)!"


def test_foreign_text_is_one_printable_line() -> None:
    assert one_line("a\nb\x1b[2J\t c") == r"a b\x1b[2J c"
    assert len(one_line("x" * 9000)) == 300


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain <b>", "plain <b>"),
        ("<html><title lang=en>Bad &amp; gone</title><p>x", "Bad & gone"),
        ("<p>no title</p>", " no title "),
    ],
)
def test_a_page_is_told_by_its_title(text: str, shown: str) -> None:
    assert page_text(text) == shown


def test_an_answer_is_json_or_a_line() -> None:
    assert json_of(httpx.Response(200, content=b'{"a": 1}')) == {"a": 1}
    assert json_of(httpx.Response(200, content=b"[" * 200_000)) is None
    assert text_of(httpx.Response(502, text=f"<title>{KEY}</title>"), KEY) in ("(hidden)", "canary/5150&")
    assert text_of(httpx.Response(502, content=b"x" * 100_000)) == ""


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (60, Decimal("0.300")),
        ("22.5", Decimal("0.1125")),
        (0, Decimal(0)),
        (None, None),
        (True, None),
        ("much", None),
        ("NaN", None),
        (-1, None),
        (1e12, None),
        ([], None),
    ],
)
def test_credits_become_dollars_where_they_are_a_believable_amount(
    value: object, amount: Decimal | None
) -> None:
    assert usd(value, Decimal("0.005")) == amount


def sent(
    transport: httpx.AsyncBaseTransport | None,
    use: Callable[[HttpApi], Awaitable[Any]],
    url: str = "https://a.example/v1/",
) -> Any:
    async def inside() -> Any:
        async with httpx.AsyncClient(transport=transport) if transport else http.client() as client:
            key = ApiKey(provider="Acme", variable="ACME_KEY_OF_A_TEST", option="canary")
            return await use(HttpApi(name="Acme", base_url=url, key=key, http=client))

    return asyncio.run(inside())


def test_a_submission_is_json_below_the_base_url_with_the_key() -> None:
    seen: list[httpx.Request] = []

    def play(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    answer = sent(
        httpx.MockTransport(play),
        lambda api: api.submit("/tasks", {"prompt": "ü"}, {"Idempotency-Key": "t"}),
    )

    assert answer.status_code == 500
    (request,) = seen
    assert str(request.url) == "https://a.example/v1/tasks"
    assert request.headers["Authorization"] == "Bearer canary"
    assert request.headers["Idempotency-Key"] == "t"
    assert request.content == '{"prompt": "ü"}'.encode()


def test_a_provider_that_cannot_be_reached_was_sent_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Busy, match="Acme cannot be reached"):
            sent(None, lambda api: api.submit("/tasks", {}), url)
        with pytest.raises(PollFailed, match="Acme does not answer"):
            sent(None, lambda api: api.request("GET", "/tasks"), url)


def test_a_certificate_that_cannot_be_verified_is_a_refusal_that_no_retry_helps(tmp_path: Path) -> None:
    with unverifiable(tmp_path) as url, pytest.raises(SubmitRefused, match="cannot be verified") as caught:
        sent(None, lambda api: api.submit("/tasks", {}), url)

    assert not isinstance(caught.value, Busy)
    assert "certificate" in caught.value.why.lower()
    assert "SSL_CERT_FILE" in caught.value.hint


@contextlib.contextmanager
def unverifiable(folder: Path) -> Iterator[str]:
    """An HTTPS server on this machine with a certificate that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(20)
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        thread.join(30)


def test_a_lost_answer_to_a_submission_is_an_unknown_outcome() -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("canary is late")

    with pytest.raises(SubmitUnknown, match="cannot tell whether Acme accepted") as caught:
        sent(httpx.MockTransport(lose), lambda api: api.submit("/tasks", {}))

    assert caught.value.why == "no answer came: ReadTimeout: (hidden) is late"


@pytest.mark.parametrize("value", [float("nan"), "\ud800", object()])
def test_what_cannot_be_written_as_json_is_refused_and_not_sent(value: object) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        raise AssertionError("sent")

    with pytest.raises(SubmitRefused, match="cannot be written as JSON"):
        sent(httpx.MockTransport(play), lambda api: api.submit("/tasks", {"a": value}))


@pytest.mark.parametrize(("status", "fresh"), [(403, "new"), (410, "new"), (500, None), (None, None)])
def test_an_expired_url_is_replaced_and_no_other(status: int | None, fresh: str | None) -> None:
    urls: list[str] = []

    async def download(url: str) -> None:
        urls.append(url)
        if url == "old":
            raise FetchFailed("no", status=status)

    async def refresh() -> str | None:
        return "new"

    if fresh is None:
        with pytest.raises(FetchFailed):
            asyncio.run(fetch_or_refresh(download, "old", refresh))
        assert urls == ["old"]
    else:
        asyncio.run(fetch_or_refresh(download, "old", refresh))
        assert urls == ["old", "new"]
