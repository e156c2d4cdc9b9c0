"""Who may speak to the server, and what browsers may do with its answers.

A server on loopback is still reached by every page that the user's browser shows: a name that is rebound to 127.0.0.1
is refused by the Host header, a form or a script of another site by Origin and Sec-Fetch-Site. Elsewhere than on
loopback each request has a token as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import html
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response

from runner.web.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    # Not no-referrer: forms of our own pages would come with `Origin: null`.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
_COOKIE: Final = "runner_session"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names under which the server is spoken to.

    `any_address`: it is bound to all addresses of the machine, and a number is no name that could be rebound.
    """

    names: frozenset[str]
    any_address: bool = False

    @classmethod
    def of(cls, bound: str, more: tuple[str, ...] = ()) -> Hosts:
        """Those of a server that is bound to an address, and the further names that the user allows."""
        names = {bound.lower().strip("[]"), *(one.lower() for one in more)}
        return cls(
            frozenset(names | _LOOPBACK if is_loopback(bound) else names),
            any_address=bound in ("0.0.0.0", "::"),
        )

    def has(self, host: str) -> bool:
        """Whether a Host header names the server."""
        name = _name(host)
        return name in self.names or (self.any_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that is bound to `host`."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host.lower() == "localhost"


class Guard:
    """Lets through what comes from the user, and puts the headers of safety on every answer."""

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str = "") -> None:
        """`token` is what each request has to have; empty for none."""
        self._app = app
        self._hosts = hosts
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError("the server speaks HTTP only")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._hosts.has(host):
            return problem(
                421, "this is not a name of this server", "use the address that it printed when it started"
            )
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not _is_own(headers, host):
            return problem(403, "the request comes from another site; nothing was done")
        return self._without_token(scope, headers) if self._token else None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is(sent.strip(), self._token):
            return None
        cookie = hmac.new(self._token, b"cookie", hashlib.sha256).hexdigest()
        cookies = [one.strip().partition("=") for one in headers.get("cookie", "").split(";")]
        if any(name == _COOKIE and self._is(value, cookie.encode()) for name, _, value in cookies):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and self._is(dict(query).get("token", ""), self._token):
            rest = urlencode([one for one in query if one[0] != "token"])
            return _welcome(
                f"{scope['path']}{'?' if rest else ''}{rest}", cookie, secure=scope["scheme"] == "https"
            )
        response = problem(
            401, "a token is needed", "Authorization: Bearer TOKEN, or ?token=TOKEN once in a browser"
        )
        response.headers["www-authenticate"] = "Bearer"
        return response

    @staticmethod
    def _is(sent: str, wanted: bytes) -> bool:
        return hmac.compare_digest(sent.encode("utf-8", "replace"), wanted)


def _is_own(headers: Headers, host: str) -> bool:
    """Whether a request that changes something comes from a page of ours, or from no page at all."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _welcome(path: str, cookie: str, *, secure: bool) -> Response:
    """Keeps the token in a cookie. A redirect would come without it, where a link of another site led here."""
    target = html.escape("/" + path.lstrip("/\\"), quote=True)
    page = f'<!doctype html><meta http-equiv="refresh" content="0;url={target}"><a href="{target}">go on</a>'
    response = HTMLResponse(page)
    response.set_cookie(
        _COOKIE, cookie, httponly=True, samesite="strict", secure=secure, max_age=30 * 24 * 3600
    )
    return response


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False
