"""A clip is fetched from where it may be, without a key, and not one byte more of it than there may be."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import socket
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from runner.errors import FetchFailed
from runner.net import http as client_of
from runner.net import transport
from runner.net.download import Downloads

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTS = ("tempfile.aiquickdraw.com", "*.results.example")
CLIP = b"\0\0\0\x20ftypisom" + bytes(5000)
THERE = "https://tempfile.aiquickdraw.com/a/clip.mp4"


class Kept:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = b""
        self.expected: int | None = None

    def expect(self, size: int) -> None:
        self.expected = size

    async def write(self, data: bytes) -> None:
        self.data += data


class Web:
    """A server on this machine: `answers` by path are status, headers and body. `seen` are the requests' headers."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = web.answers[self.path]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Web:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def video(self, path: str, body: bytes = CLIP, status: int = 200, **headers: str) -> str:
        """Serve this, as a video unless told otherwise; the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, {"Content-Type": "video/mp4", **named}, body)
        return f"{self.url}{path}"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


def fetch(url: str, **how: Any) -> Kept:
    """Fetch with the clients of a real run."""

    async def fetched() -> Kept:
        async with client_of.client(public_only=True) as public, client_of.client() as any:
            kept = Kept()
            await Downloads(public, any)(url, kept, **{"hosts": HOSTS, **how})
            return kept

    return asyncio.run(fetched())


def refused(url: str, **how: Any) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(url, **how)
    return caught.value


def hosted(
    pages: dict[str, httpx.Response], url: str = THERE, hosts: tuple[str, ...] = HOSTS
) -> tuple[Kept, list[str]]:
    """Fetch from named hosts of the internet, which are played here; and the addresses that were asked for."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        assert "authorization" not in request.headers
        return pages[str(request.url)]

    async def fetched() -> Kept:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answer)) as public,
            httpx.AsyncClient(transport=httpx.MockTransport(never)) as any,
        ):
            kept = Kept()
            try:
                await Downloads(public, any)(url, kept, hosts=hosts)
            except FetchFailed as failed:
                failed.add_note(f"asked for {asked}")
                raise
            return kept

    return asyncio.run(fetched()), asked


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was asked for without looking where it leads")


def redirect(to: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"Location": to})


def test_a_clip_of_an_emulator_comes_from_this_machine_with_no_credentials(web: Web) -> None:
    kept = fetch(web.video("/clip.mp4"), local=True)
    assert (kept.data, kept.expected) == (CLIP, len(CLIP))
    ((_, headers),) = web.seen
    assert {"authorization", "cookie"} & set(headers) == set()


def test_a_hosted_service_never_leads_to_this_machine(web: Web) -> None:
    web.video("/clip.mp4")
    loopback = (
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
    )
    for host in loopback:
        for scheme in ("http", "https"):
            url = f"{scheme}://{host}:{web.port}/clip.mp4"
            # Not even where somebody names the host in the options.
            for hosts in (HOSTS, (host.strip("[]"),)):
                assert refused(url, hosts=hosts).spent
    assert web.seen == []


def test_a_name_that_leads_to_this_machine_is_not_connected_to(web: Web) -> None:
    """A name is looked at where it is resolved: what is connected to is what was looked at."""
    web.video("/clip.mp4")

    async def asked(host: str) -> None:
        async with client_of.client(public_only=True) as public:
            await public.get(f"http://{host}:{web.port}/clip.mp4")

    for host in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:7f00:1]"):
        with pytest.raises(httpx.ConnectError, match=r"not public|no public"):
            asyncio.run(asked(host))
    assert web.seen == []


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.9",
        "169.254.169.254",
        "[fd00::1]",
        "[fe80::1]",
        "100.64.0.1",
        "224.0.0.1",
    ],
)
def test_an_address_of_a_private_network_is_refused_before_anything_is_sent(host: str) -> None:
    for named in (HOSTS, (host.strip("[]"),)):
        assert "is not fetched from where" in refused(f"https://{host}/clip.mp4", hosts=named).what
        assert (
            "is not fetched from where" in refused(f"https://{host}/clip.mp4", hosts=named, local=True).what
        )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://tempfile.aiquickdraw.com/clip.mp4", "it is not HTTPS"),
        ("ftp://tempfile.aiquickdraw.com/clip.mp4", "it is not HTTPS"),
        ("file:///etc/passwd", "it is not HTTPS"),
        ("", "it is not HTTPS"),
        ("https://elsewhere.example/clip.mp4", "its host is none of"),
        ("https://tempfile.aiquickdraw.com.elsewhere.example/clip.mp4", "its host is none of"),
        ("https://nottempfile.aiquickdraw.com/clip.mp4", "its host is none of"),
        ("https://results.example/clip.mp4", "its host is none of"),
        ("https://evilresults.example/clip.mp4", "its host is none of"),
        ("https:///clip.mp4", "its host is none of"),
        ("https://tempfile.aiquickdraw.com@elsewhere.example/clip.mp4", "its host is none of"),
        ("https://elsewhere.example#@tempfile.aiquickdraw.com/clip.mp4", "its host is none of"),
        ("https://me:secret@tempfile.aiquickdraw.com/clip.mp4", "it holds credentials"),
        ("https://me@tempfile.aiquickdraw.com/clip.mp4", "it holds credentials"),
        ("https://elsewhere.example\\@tempfile.aiquickdraw.com/clip.mp4", "it holds credentials"),
        ("https://[::1/clip.mp4", "it is not a valid URL"),
    ],
)
def test_an_address_that_somebody_else_chose_is_looked_at_first(url: str, why: str) -> None:
    failed = refused(url)
    assert failed.what == "the clip is not fetched from where the provider says it is"
    assert why in failed.why
    assert ("generator.allowed_hosts" in failed.hint) is ("its host is none of" in why)
    assert "secret" not in str(failed)


@pytest.mark.parametrize(
    "url",
    [
        THERE,
        "https://TEMPFILE.aiquickdraw.com./a/clip.mp4",
        "https://eu.results.example/clip.mp4",
        "https://a.b.results.example:8443/clip.mp4",
    ],
)
def test_named_hosts_are_asked(url: str) -> None:
    pages = {str(httpx.URL(url)): httpx.Response(200, content=CLIP)}
    kept, _ = hosted(pages, url)
    assert kept.data == CLIP


def test_a_redirect_among_named_hosts_is_followed() -> None:
    there = "https://eu.results.example/b/clip.mp4"
    pages = {
        THERE: redirect(there),
        there: redirect("../c.mp4", 307),
        "https://eu.results.example/c.mp4": httpx.Response(200, content=CLIP),
    }
    kept, asked = hosted(pages)
    assert kept.data == CLIP
    assert asked == list(pages)


@pytest.mark.parametrize(
    "to",
    [
        "https://elsewhere.example/clip.mp4",
        "//elsewhere.example/clip.mp4",
        "http://tempfile.aiquickdraw.com/a/clip.mp4",
        "https://127.0.0.1/clip.mp4",
        "https://localhost/clip.mp4",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/clip.mp4",
        "file:///etc/passwd",
        "https://me:secret@tempfile.aiquickdraw.com/clip.mp4",
    ],
)
def test_a_redirect_leads_nowhere_that_an_address_may_not(to: str) -> None:
    with pytest.raises(FetchFailed, match="is not fetched from where") as caught:
        hosted({THERE: redirect(to)})
    assert caught.value.__notes__ == [f"asked for {[THERE]}"]


@pytest.mark.parametrize(
    "to", ["http://[::1", "https://[nonsense]/x", "https://tempfile.aiquickdraw.com:port/x", "\x00"]
)
def test_a_redirect_to_nonsense_is_a_clip_that_did_not_arrive(to: str) -> None:
    with pytest.raises(FetchFailed):
        hosted({THERE: redirect(to)})


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_without_an_address_is_told_by_its_status(status: int) -> None:
    with pytest.raises(FetchFailed, match="could not be fetched") as caught:
        hosted({THERE: httpx.Response(status)})
    assert (caught.value.why, caught.value.status) == (f"HTTP {status}", status)


def test_redirects_in_a_circle_come_to_an_end() -> None:
    with pytest.raises(FetchFailed) as caught:
        hosted({THERE: redirect(THERE)})
    assert "redirects" in caught.value.why


def test_an_emulator_may_send_on_to_this_machine_only(web: Web) -> None:
    web.video("/moved", status=302, Location="/clip.mp4")
    web.video("/clip.mp4")
    assert fetch(f"{web.url}/moved", local=True).data == CLIP
    for to in ("http://elsewhere.example/x", "https://elsewhere.example/x", "http://192.168.0.1/x"):
        web.video("/away", status=302, Location=to)
        assert "is not fetched from where" in refused(f"{web.url}/away", local=True).what


@pytest.mark.parametrize(
    "kind", ["text/html", "text/plain; charset=utf-8", "application/json", "Application/XHTML+XML"]
)
def test_a_page_is_no_clip_whatever_its_status_says(web: Web, kind: str) -> None:
    failed = refused(web.video("/page", b"<html>sign in</html>", Content_Type=kind), local=True)
    assert kind.partition(";")[0].lower() in failed.why
    assert failed.status == 200


@pytest.mark.parametrize("status", [201, 204, 206, 403, 404, 410, 416, 500, 503])
def test_the_status_is_told_to_who_can_ask_for_another_address(web: Web, status: int) -> None:
    body = b"" if status == 204 else CLIP
    failed = refused(web.video("/clip.mp4", body, status), local=True)
    assert (failed.status, failed.why, failed.retry_safe) == (status, f"HTTP {status}", True)


def test_a_clip_that_says_it_is_too_large_is_not_begun(web: Web) -> None:
    url = web.video("/clip.mp4")
    assert fetch(url, local=True, max_bytes=len(CLIP)).data == CLIP
    assert refused(url, local=True, max_bytes=len(CLIP) - 1).what == "the clip is larger than it may be"


def test_a_clip_that_turns_out_too_large_is_broken_off(web: Web) -> None:
    packed = gzip.compress(bytes(3_000_000))
    assert len(packed) < 10_000
    url = web.video("/bomb.mp4", packed, Content_Encoding="gzip")
    assert refused(url, local=True, max_bytes=1_000_000).what == "the clip is larger than it may be"


def test_a_clip_that_breaks_off_did_not_arrive_whole(web: Web) -> None:
    url = web.video("/clip.mp4", CLIP[:3000], Content_Length=str(len(CLIP)), Connection="close")
    failed = refused(url, local=True)
    assert failed.what == "the clip did not arrive whole"
    assert failed.retry_safe


def test_a_server_that_is_not_there_is_told_by_what_happened() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert "ConnectError" in refused(f"http://127.0.0.1:{port}/clip.mp4", local=True).why


EMBEDDED = (
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "2002:7f00:1::",  # 6to4
    "2002:a00:1::1",
    "::7f00:1",  # IPv4-compatible
    "::a00:1",
    "::ffff:7f00:1",  # IPv4-mapped
    "::ffff:a9fe:a9fe",
)


class NamesLead(AbstractResolver):
    """Names lead where the owner of a domain says."""

    addresses: ClassVar[tuple[str, ...]] = ()

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET6, proto=0, flags=0)
            for one in self.addresses
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", EMBEDDED)
def test_no_ipv6_form_of_a_private_address_is_connected_to(
    web: Web, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(transport, "DefaultResolver", NamesLead)
    monkeypatch.setattr(NamesLead, "addresses", (address,))
    inner, name = f"https://[{address}]:{web.port}/clip.mp4", f"https://a.results.example:{web.port}/clip.mp4"
    web.video("/to-name", status=302, Location=name)
    hosts = ("*",)

    assert "its address is not public" in refused(inner, hosts=hosts).why
    with pytest.raises(FetchFailed, match="its address is not public"):
        hosted({THERE: redirect(inner)}, hosts=hosts)
    assert "leads to an address that is not public" in refused(name, hosts=hosts).why
    assert (
        "leads to an address that is not public" in refused(f"{web.url}/to-name", hosts=hosts, local=True).why
    )
    assert [path for path, _ in web.seen] == ["/to-name"]


def test_of_a_names_addresses_only_the_public_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DefaultResolver", NamesLead)
    monkeypatch.setattr(NamesLead, "addresses", (*EMBEDDED, "64:ff9b::808:808", "2600::1"))

    async def resolved() -> list[str]:
        return [one["host"] for one in await transport._PublicResolver().resolve("a.results.example")]

    assert asyncio.run(resolved()) == ["64:ff9b::808:808", "2600::1"]
