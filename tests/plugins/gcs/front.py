"""Google as seen from outside: a real HTTP server before the emulator, for all that the emulator does not check.

The emulator takes any image from anyone and shows it to anyone. This front asks for tokens, gives them to who has
the key, verifies signatures and their age, hides what is not public, and answers errors as the service does:
https://cloud.google.com/storage/docs/authentication/canonical-requests and .../xml-api/reference-status.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from yarl import URL

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

API = ("/storage/v1/", "/upload/storage/v1/", "/upload/resumable/")
DAYS_7 = 604800
OWN = ("host", "content-length", "transfer-encoding", "authorization", "accept-encoding", "connection")
"""Headers of one connection, not of what is asked for."""


@dataclass
class Fault:
    """What is answered instead, `times` times, to requests whose line ("PUT /path?query") has `about` in it."""

    about: str
    status: int
    message: str
    times: int = 1000


@dataclass
class Front:
    """What the test decides, and what it may look at afterwards."""

    emulator: str
    keys: dict[str, RSAPrivateKey]
    public: set[str] = field(default_factory=set)
    later: timedelta = timedelta()
    faults: list[Fault] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    machine: str = ""  # the service account that the metadata server knows, if there is one
    may_sign: bool = True
    url: str = ""
    proxy: str = ""
    _news: threading.Condition = field(default_factory=threading.Condition)
    _open: threading.Event = field(default_factory=threading.Event)

    def fresh(self) -> None:
        self._open.set()
        self.public.clear()
        self.faults.clear()
        self.lines.clear()
        self.later, self.machine, self.may_sign = timedelta(), "", True

    def heard(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Requests arrive, and are answered when this is over."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_for(self, about: str) -> None:
        """Block until a request with `about` in its line came."""
        with self._news:
            assert self._news.wait_for(lambda: self.asked(about), timeout=10)

    def wait_until_open(self) -> None:
        assert self._open.wait(10)

    def asked(self, about: str) -> int:
        return sum(about in line for line in self.lines)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later


@contextlib.contextmanager
def running(front: Front, tls: ssl.SSLContext) -> Iterator[Front]:
    """Serve in a thread: over http, and over https behind a proxy that brings all names of Google here."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = asyncio.run_coroutine_threadsafe(_open(front, tls), loop).result(10)
    try:
        yield front
    finally:
        asyncio.run_coroutine_threadsafe(opened.aclose(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _open(front: Front, tls: ssl.SSLContext) -> contextlib.AsyncExitStack:
    stack = contextlib.AsyncExitStack()
    session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", _Google(front, session).answer)
    server = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await server.setup()
    stack.push_async_callback(server.cleanup)
    await web.TCPSite(server, "127.0.0.1", 0).start()
    await web.TCPSite(server, "127.0.0.1", 0, ssl_context=tls).start()
    plain, encrypted = (address[1] for address in server.addresses)
    tunnels: set[asyncio.Task[None]] = set()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tunnels.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _tunnel(reader, writer, encrypted)
        writer.close()
        tunnels.discard(task)

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)

    async def close_proxy() -> None:
        proxy.close()
        for task in list(tunnels):
            task.cancel()
        await asyncio.gather(*tunnels)

    stack.push_async_callback(close_proxy)
    front.url = f"http://127.0.0.1:{plain}"
    front.proxy = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    return stack


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not re.match(rb"CONNECT [a-z0-9]+\.googleapis\.com:443 ", head):
        writer.write(b"HTTP/1.1 502 not a name of Google\r\n\r\n")
        return
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 connected\r\n\r\n")
    try:
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
    finally:
        inner_writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof() if sink.can_write_eof() else sink.close()


class _Google:
    def __init__(self, front: Front, session: aiohttp.ClientSession) -> None:
        self.front = front
        self.session = session

    async def answer(self, request: web.Request) -> web.StreamResponse:
        line = f"{request.method} {request.raw_path}"
        self.front.heard(line)
        await asyncio.to_thread(self.front.wait_until_open)
        for fault in self.front.faults:
            if fault.about in line and fault.times > 0:
                fault.times -= 1
                return _json_error(fault.status, fault.message)
        host = request.host.partition(":")[0]
        if request.headers.get("Metadata-Flavor") == "Google":
            return self._metadata(request)
        if host == "oauth2.googleapis.com":
            return self._token(await request.post())
        if host == "iamcredentials.googleapis.com":
            return await self._sign(request)
        if request.path.startswith(API):
            if request.scheme == "https" and not self._is_known(request):
                return _json_error(401, "Invalid Credentials")
        elif refusal := self._stranger(request):
            return refusal
        return await self._forward(request)

    def _token(self, given: Any) -> web.Response:
        """https://developers.google.com/identity/protocols/oauth2/service-account#httprest"""
        signed, _, signature = str(given["assertion"]).rpartition(".")
        claims = json.loads(_bytes(signed.split(".")[1]))
        key = self.front.keys.get(claims["iss"])
        if key is None or not _is_signed(key, signed.encode(), _bytes(signature)):
            body = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return web.json_response(body, status=400)
        assert claims["aud"] == "https://oauth2.googleapis.com/token"
        assert claims["exp"] > datetime.now(UTC).timestamp()
        assert claims["scope"].startswith("https://www.googleapis.com/auth/")
        return self._new_token()

    def _new_token(self) -> web.Response:
        token = secrets.token_hex(16)
        self.front.tokens.add(token)
        return web.json_response({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _is_known(self, request: web.Request) -> bool:
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self.front.tokens

    def _metadata(self, request: web.Request) -> web.Response:
        """https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys"""
        if not self.front.machine:
            return web.Response(status=404)  # some other server that listens at this address
        flavour = {"Metadata-Flavor": "Google"}
        email = self.front.machine
        if request.path.endswith("/token"):
            answer = self._new_token()
            answer.headers.update(flavour)
            return answer
        if "/service-accounts/" in request.path:
            about = {
                "email": email,
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "aliases": [],
            }
            return web.json_response(about, headers=flavour)
        known = {
            "/": "computeMetadata/",
            "/computeMetadata/v1/project/project-id": "a-project",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
        }
        text = known.get(request.path)
        return web.Response(text=text, headers=flavour) if text else web.Response(status=404, headers=flavour)

    async def _sign(self, request: web.Request) -> web.Response:
        """https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob"""
        found = re.fullmatch(r"/v1/projects/-/serviceAccounts/([^:]+):signBlob", request.path)
        if not self._is_known(request) or found is None or not self.front.may_sign:
            return _json_error(403, "Permission 'iam.serviceAccounts.signBlob' denied on resource")
        payload = base64.b64decode((await request.json())["payload"])
        signature = self.front.keys[found.group(1)].sign(payload, padding.PKCS1v15(), hashes.SHA256())
        return web.json_response({"keyId": "1", "signedBlob": base64.b64encode(signature).decode()})

    def _stranger(self, request: web.Request) -> web.Response | None:
        """Why whoever asks for an object by its address does not get it."""
        if "X-Goog-Signature" not in request.query:
            bucket = request.path.split("/")[1]
            if bucket in self.front.public:
                return None
            return _xml_error(
                403, "AccessDenied", "Anonymous caller does not have storage.objects.get access."
            )
        query = request.query
        signed_at = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        life_s = int(query["X-Goog-Expires"])
        if not 0 < life_s <= DAYS_7:
            return _xml_error(400, "AuthenticationQueryParametersError", "Expires must be less than a week.")
        email, _, scope = query["X-Goog-Credential"].partition("/")
        path = request.raw_path.partition("?")[0]
        # Clients spell a query differently (@ or %40): what is signed is the spelling of the specification.
        pairs = sorted(
            f"{quote(name, safe='~')}={quote(value, safe='~')}"
            for name, value in query.items()
            if name != "X-Goog-Signature"
        )
        canonical = "\n".join(
            (request.method, path, "&".join(pairs), f"host:{request.host}", "", "host", "UNSIGNED-PAYLOAD")
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = "\n".join((query["X-Goog-Algorithm"], query["X-Goog-Date"], scope, digest))
        fits = (
            query["X-Goog-Algorithm"] == "GOOG4-RSA-SHA256"
            and query["X-Goog-SignedHeaders"] == "host"
            and scope == f"{signed_at:%Y%m%d}/auto/storage/goog4_request"
            and email in self.front.keys
            and _is_signed(self.front.keys[email], to_sign.encode(), bytes.fromhex(query["X-Goog-Signature"]))
        )
        if not fits:
            return _xml_error(403, "SignatureDoesNotMatch", "The request signature does not match.")
        if self.front.now() >= signed_at + timedelta(seconds=life_s):
            return _xml_error(400, "ExpiredToken", "The provided token has expired.")
        return None

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in OWN}
        async with self.session.request(
            request.method,
            URL(f"{self.front.emulator}{request.raw_path}", encoded=True),
            headers=headers,
            data=io.BytesIO(await request.read()) if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in OWN}
            if "Location" in kept:
                here = f"{request.scheme}://{request.host}"
                kept["Location"] = re.sub(r"^https?://[^/]+", here, kept["Location"])
            if request.method == "HEAD":
                kept["Content-Length"] = answer.headers.get("Content-Length", "0")
            return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _is_signed(key: RSAPrivateKey, message: bytes, signature: bytes) -> bool:
    try:
        key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json_error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message, "errors": []}}, status=status)


def _xml_error(status: int, code: str, message: str) -> web.Response:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
