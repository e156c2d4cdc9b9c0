"""Fetching what a provider says a clip's address is: with no credentials, and trusting nobody.

An answer that can be forged, or a provider that was broken into, may name any address. So a clip comes over HTTPS,
from a host that the generator's options name, from a public address, and is no larger than it may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from runner.errors import FetchFailed
from runner.net.addresses import host_of, is_local, is_public, shown_url
from runner.net.outside_names import media_type

if TYPE_CHECKING:
    from collections.abc import Collection

    import httpx

    from runner.api import Sink

_REDIRECTS: Final = 5
_PIECE: Final = 256 * 1024
_TIMEOUT_S: Final = 60.0  # without any bytes
_ASK: Final = "look the task up at the provider: its clips should be on public hosts, over HTTPS"


@dataclass(frozen=True, slots=True)
class Downloads:
    """A `runner.api.Download`. `public` is a client that connects to public addresses only."""

    public: httpx.AsyncClient
    any: httpx.AsyncClient

    async def __call__(
        self, url: str, sink: Sink, *, hosts: Collection[str], local: bool = False, max_bytes: int = 2 << 30
    ) -> None:
        """Stream `url` into `sink`. Raises `FetchFailed`."""
        import httpx

        try:
            for _ in range(_REDIRECTS):
                client = self._client(url, hosts, local=local)
                async with client.stream("GET", url, timeout=_TIMEOUT_S, follow_redirects=False) as answer:
                    if answer.has_redirect_location:
                        url = urljoin(url, answer.headers["Location"])
                        continue
                    await _received(answer, sink, max_bytes)
                    return
            raise FetchFailed("the clip could not be fetched", why=f"more than {_REDIRECTS} redirects")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = f"{type(error).__name__}: {error}".removesuffix(": ")
            raise FetchFailed("the clip did not arrive whole", why=why) from error

    def _client(self, url: str, hosts: Collection[str], *, local: bool) -> httpx.AsyncClient:
        """The client to ask for this address. Raises `FetchFailed` when it must not be asked for at all."""
        try:
            parts = urlsplit(url)
            host = host_of(url)
        except ValueError:
            raise _refused(url, "it is not a valid URL") from None
        if local and is_local(host) and parts.scheme in ("http", "https"):
            return self.any
        if parts.scheme != "https":
            raise _refused(url, "it is not HTTPS")
        if not _named(host, hosts):
            raise _refused(
                url,
                f"its host is none of {', '.join(sorted(hosts)) or 'those allowed'}",
                hint="if that address is right, name its host in generator.allowed_hosts",
            )
        if parts.username or parts.password:
            raise _refused(url, "it holds credentials")
        if is_public(host) is False:  # a name is looked at when it is resolved
            raise _refused(url, "its address is not public")
        return self.public


def _named(host: str, hosts: Collection[str]) -> bool:
    for known in hosts:
        known = known.lower()
        if known in ("*", host) or (known.startswith("*.") and host.endswith(known[1:])):
            return True
    return False


async def _received(answer: httpx.Response, sink: Sink, max_bytes: int) -> None:
    if answer.status_code != 200:
        raise FetchFailed(
            "the clip could not be fetched", why=f"HTTP {answer.status_code}", status=answer.status_code
        )
    kind = media_type(answer.headers)
    if kind.startswith("text/") or kind in ("application/json", "application/xhtml+xml"):
        raise FetchFailed("the clip could not be fetched", why=f"what came is {kind}", status=200)
    announced = answer.headers.get("Content-Length", "")
    size = int(announced) if announced.isdecimal() and "Content-Encoding" not in answer.headers else None
    if size is not None:
        _check_size(size, max_bytes)
        sink.expect(size)
    received = 0
    async for piece in answer.aiter_bytes(_PIECE):
        received += len(piece)
        _check_size(received, max_bytes)
        await sink.write(piece)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise FetchFailed(
            "the clip is larger than it may be", why=f"over {max_bytes / 1_000_000:,.0f} MB", status=200
        )


def _refused(url: str, why: str, *, hint: str = _ASK) -> FetchFailed:
    return FetchFailed(
        "the clip is not fetched from where the provider says it is",
        why=f"{shown_url(url)!r}: {why}",
        hint=hint,
    )
