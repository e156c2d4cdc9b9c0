"""A transport that answers from a cassette, and refuses everything else. No connection is opened."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import httpx

from runner.cassette.request_form import differences, nearness, request_form
from runner.cassette.uploads import ReplayedUploader
from runner.errors import UnrecordedRequest
from runner.net import asking, own_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runner.api import Uploader
    from runner.cassette.files import Answer, Cassette, Exchange
    from runner.cassette.request_form import Request

_log = logging.getLogger(__name__)
_PIECE: Final = 256 * 1024
_MOST_FIELDS: Final = 8
_ERRORS: Final[dict[str, type[httpx.TransportError]]] = {
    one.__name__: one
    for one in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.WriteError,
        httpx.WriteTimeout,
        httpx.UnsupportedProtocol,
    )
}


class NotRecorded(httpx.ConnectError):
    """The cassette has no answer: nothing was sent."""


@dataclass(slots=True, eq=False)
class Player:
    """Answers requests from a cassette: a `Tape`. One for all clients of a session."""

    cassette: Cassette
    missed: list[tuple[str, UnrecordedRequest]] = field(default_factory=list)
    """Requests without an answer, each with the key of its shot; those after the first one may follow from it."""
    used: set[str] = field(default_factory=set)
    """The digests of the requests that were made."""
    _names: dict[str, str] = field(default_factory=dict)
    _played: dict[str, set[int]] = field(default_factory=dict)
    _missed: set[str] = field(default_factory=set)

    def __call__(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Answers in place of a transport, which serves only what this process itself does."""
        return _Replay(transport, self)

    def hosted(self, url: str, sha256: str) -> None:
        """From now on `url` stands for the image with this digest: image hosts name their files as they like."""
        self._names |= {url: f"hosted:{sha256}", str(httpx.URL(url)): f"hosted:{sha256}"}

    def uploader(self, name: str, real: Uploader | None) -> Uploader:
        """What stands for an uploader with a client of its own."""

        def recorded(request: Request) -> Any:
            try:
                body = self._answer(request).body
            except NotRecorded:
                return None
            return body.get("json") if isinstance(body, dict) else None

        return ReplayedUploader(name, recorded)

    def answer(self, request: httpx.Request, content: bytes) -> Answer:
        """What was recorded. Raises `NotRecorded`."""
        names = {**own_servers.names(), **self._names}
        return self._answer(request_form(request, content, names, asking.current().token))

    def _answer(self, form: Request) -> Answer:
        call = asking.current()
        exchange = self.cassette.exchanges.get(form.digest)
        if exchange is None:
            raise self._miss(form, _unlike(form, list(self.cassette.exchanges.values())))
        at = self._next(exchange, call)
        if at is None:
            times = len(exchange.answers)
            raise self._miss(form, f"it was submitted {times} times when it was recorded, and once more now")
        self.used.add(form.digest)
        return exchange.answers[at]

    def _next(self, exchange: Exchange, call: asking.Asking) -> int | None:
        """The index of the answer to play: in their order, those for the same shot first.

        The last answer is repeated, as a provider does that is polled once more; a submission is answered once.
        """
        played = self._played.setdefault(exchange.request.digest, set())
        fresh = [at for at in range(len(exchange.answers)) if at not in played]
        own = [at for at in fresh if exchange.answers[at].shot == call.shot]
        # A changed project gives a shot another key: its answers are then those of any shot.
        if own or (fresh and (call.method == "submit" or not self._has_own(exchange, call))):
            at = (own or fresh)[0]
            played.add(at)
            return at
        if call.method == "submit":
            return None
        known = [at for at, one in enumerate(exchange.answers) if one.shot == call.shot]
        return (known or list(range(len(exchange.answers))))[-1] if exchange.answers else None

    @property
    def replays(self) -> Literal[True]:
        """It answers by itself."""
        return True

    @staticmethod
    def _has_own(exchange: Exchange, call: asking.Asking) -> bool:
        return any(one.shot == call.shot for one in exchange.answers)

    def _miss(self, form: Request, why: str) -> NotRecorded:
        error = UnrecordedRequest(
            "a request is not in the cassette, so nothing was sent",
            where=f"{form.place}, {self.cassette.folder}",
            why=why,
            hint="if the change is intended, record again: +ci=record with a new output.root=DIR",
        )
        if form.digest not in self._missed:
            self._missed.add(form.digest)
            self.missed.append((asking.current().shot, error))
            _log.error("%s: %s", form.place, why)
        return NotRecorded(f"not in the cassette: {form.place}")


def _unlike(form: Request, exchanges: list[Exchange]) -> str:
    """How the nearest recorded request differs."""
    if not exchanges:
        return "the cassette is empty"
    nearest = max(exchanges, key=lambda one: nearness(one.request, form)).request
    fields = list(differences(nearest, form))
    more = len(fields) - _MOST_FIELDS
    shown = [*fields[:_MOST_FIELDS], *([f"and {more} more fields"] if more > 0 else [])]
    return f"the nearest recorded one differs in {'; '.join(shown)}"


class _Replay(httpx.AsyncBaseTransport):
    def __init__(self, real: httpx.AsyncBaseTransport, player: Player) -> None:
        self._real = real
        self._player = player

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if own_servers.is_own(request.url.host, request.url.port):
            return await self._real.handle_async_request(request)
        answer = self._player.answer(request, await request.aread())
        if answer.error:
            kind = _ERRORS.get(answer.error, httpx.ReadError)
            raise kind(f"{answer.error}, as it was recorded", request=request)
        data = self._content(answer)
        headers = dict(answer.headers)
        if "content-length" in headers:
            headers["content-length"] = str(len(data))
        return httpx.Response(answer.status, headers=headers, stream=_Body(data), request=request)

    def _content(self, answer: Answer) -> bytes:
        body = answer.body
        if body is None:
            return b""
        if answer.media:
            return self._player.cassette.media(answer.media)
        if "json" in body:
            return json.dumps(body["json"], ensure_ascii=False).encode("utf-8", "replace")
        return str(body["text"]).encode("utf-8", "replace")

    async def aclose(self) -> None:
        await self._real.aclose()


class _Body(httpx.AsyncByteStream):
    """Some bytes, piece by piece."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), _PIECE):
            yield self._data[at : at + _PIECE]
