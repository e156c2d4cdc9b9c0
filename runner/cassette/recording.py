"""A transport that keeps what is answered. It changes nothing about a request or its answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import httpx

from runner.cassette.files import Answer, Exchange
from runner.cassette.request_form import request_form
from runner.cassette.uploads import RecordedUploader
from runner.errors import RecordingIncomplete
from runner.nesting import is_shallow
from runner.net import asking, own_servers
from runner.net.outside_names import media_type
from runner.redaction import hidden_in_urls, hidden_value, scrubbed, scrubbed_json
from runner.store.local import durable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from runner.api import Uploader
    from runner.cassette.files import Cassette
    from runner.cassette.request_form import Request

_log = logging.getLogger(__name__)
_HEADERS: Final = ("content-type", "content-length", "location", "retry-after")
"""What plugins and the runner read of an answer; others hold dates, traces and cookies."""
_MOST_TEXT: Final = 1 << 20
"""Bytes of an answer that is kept as text."""
_POLLS: Final = 4
"""Of equal requests for one shot other than submissions, the first answers and the last are kept: a poll that was made
a hundred times teaches no more than these."""


class Recording:
    """Keeps exchanges in a cassette: a `Tape`. One for all clients of a session."""

    def __init__(self, cassette: Cassette, *, max_file_bytes: int, max_bytes: int) -> None:
        self.cassette = cassette
        self.problem: RecordingIncomplete | None = None
        """Why the cassette is not complete."""
        self._max_file_bytes = max_file_bytes
        self._max_bytes = max_bytes
        self._bytes = cassette.size()
        self._names: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()

    @property
    def replays(self) -> Literal[False]:
        """It only listens."""
        return False

    def __call__(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """The same transport, recorded."""
        return _Recorded(transport, self)

    def hosted(self, url: str, sha256: str) -> None:
        """From now on `url` stands for the image with this digest: image hosts name their files as they like."""
        self._names |= {url: f"hosted:{sha256}", str(httpx.URL(url)): f"hosted:{sha256}"}

    def uploader(self, name: str, real: Uploader | None) -> Uploader:
        """An uploader with a client of its own, whose results are kept."""
        assert real is not None, "nothing is recorded without it"

        def keep(request: Request, found: dict[str, Any]) -> None:
            shot = asking.current().shot
            self.keep(request, Answer(status=200, body={"json": found}, shot=shot), submission=False)

        return RecordedUploader(name, real, keep)

    def form(self, request: httpx.Request, content: bytes) -> Request:
        """The request as it is recorded."""
        names = {**own_servers.names(), **self._names}
        return request_form(request, content, names, asking.current().token)

    def keep(self, request: Request, answer: Answer, *, submission: bool) -> None:
        """Add an answer. What cannot be kept is a problem, and never the request's: it may be paid for."""
        digest = request.digest
        exchange = self.cassette.exchanges.get(digest) or Exchange(request=request)
        if (digest, answer.shot) not in self._seen:
            # An earlier recording of the same request is replaced.
            self._seen.add((digest, answer.shot))
            exchange.answers = [one for one in exchange.answers if one.shot != answer.shot]
        alike = [at for at, one in enumerate(exchange.answers) if one.shot == answer.shot]
        if not submission and alike and (exchange.answers[alike[-1]] == answer or len(alike) > _POLLS):
            del exchange.answers[alike[-1]]
        exchange.answers.append(answer)
        if submission and answer.shot:
            self.cassette.shots.add(answer.shot)
        try:
            self.cassette.keep(exchange)
            self.cassette.save()
        except OSError as error:
            self._incomplete("cannot be written", error.strerror or str(error))

    def part(self) -> contextlib.AbstractContextManager[Path]:
        """A name for a file of media that is not complete yet."""
        return durable.part_file(self.cassette.folder / "media")

    def keep_media(self, part: Path, sha256: str, size: int, kind: str) -> str:
        """The name of a finished file of media; empty where it cannot be kept."""
        if size > self._max_file_bytes:
            self._incomplete(
                "has no room for a file",
                f"it has {size / 1e6:,.1f} MB, and ci.max_file_mb is {self._max_file_bytes / 1e6:g}",
            )
            return ""
        if self._bytes + size > self._max_bytes:
            self._incomplete("is full", f"ci.max_mb is {self._max_bytes / 1e6:g}")
            return ""
        try:
            name = self.cassette.keep_media(part, sha256, kind)
        except OSError as error:
            self._incomplete("cannot be written", error.strerror or str(error))
            return ""
        self._bytes += size
        return name

    def refuse_secret(self, request: Request) -> None:
        """A file holds a secret of this process: it is not kept."""
        self._incomplete("leaves an answer out", f"a secret is in the file that came from {request.place}")

    def _incomplete(self, what: str, why: str) -> None:
        if self.problem is None:
            self.problem = RecordingIncomplete(
                f"the cassette {what}; it is not complete",
                where=str(self.cassette.folder),
                why=why,
                hint="the clips are paid for and kept; correct it, then record again with a new output.root=DIR",
            )
            _log.error("%s: %s", self.problem.what, why)


class _Recorded(httpx.AsyncBaseTransport):
    """Passes requests on to another transport."""

    def __init__(self, real: httpx.AsyncBaseTransport, recorder: Recording) -> None:
        self._real = real
        self._recorder = recorder

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if own_servers.is_own(request.url.host, request.url.port):
            return await self._real.handle_async_request(request)
        content = await request.aread()
        if request.headers.pop("Transfer-Encoding", None):
            request.headers["Content-Length"] = str(len(content))
        form = self._recorder.form(request, content)
        call = asking.current()
        submission = call.method == "submit"
        try:
            response = await self._real.handle_async_request(request)
        except httpx.TransportError as error:
            answer = Answer(error=type(error).__name__, shot=call.shot)
            self._recorder.keep(form, answer, submission=submission)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream), "what an asynchronous transport returns"
        response.stream = _Kept(response, response.stream, self._recorder, form, call.shot, submission)
        return response

    async def aclose(self) -> None:
        await self._real.aclose()


class _Kept(httpx.AsyncByteStream):
    """The body of an answer, passed on piece by piece and kept aside."""

    def __init__(
        self,
        response: httpx.Response,
        stream: httpx.AsyncByteStream,
        recorder: Recording,
        request: Request,
        shot: str,
        submission: bool,
    ) -> None:
        self._status = response.status_code
        self._headers = _headers(response.headers)
        self._kind = media_type(response.headers)
        self._stream = stream
        self._recorder = recorder
        self._request = request
        self._shot = shot
        self._submission = submission
        self._open = contextlib.ExitStack()
        self._file: BinaryIO | None = None
        self._part: Path | None = None
        self._digest = hashlib.sha256()
        self._size = 0
        self._whole = False
        self._done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._add(piece)
            yield piece
        self._whole = True

    def _add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._size += len(piece)
        with contextlib.suppress(OSError):  # the file is then shorter than its size, and not kept
            if self._file is None:
                self._part = self._open.enter_context(self._recorder.part())
                self._file = self._open.enter_context(self._part.open("wb"))
            self._file.write(piece)

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if not self._done:
                self._done = True
                with self._open:
                    self._keep()

    def _keep(self) -> None:
        if self._file is not None:
            self._file.close()
        # Nobody reads the page that comes with an error or a redirect.
        if not self._whole and self._status == httpx.codes.OK:
            return
        body = self._body()
        if body is not False:
            answer = Answer(status=self._status, headers=self._headers, body=body, shot=self._shot)
            self._recorder.keep(self._request, answer, submission=self._submission)

    def _body(self) -> Any:
        """What is kept of the body; `False` where it cannot be."""
        if self._part is None or not self._size:
            return None
        if self._is_text() and self._size <= _MOST_TEXT:
            return _as_text(self._part.read_bytes(), self._kind)
        if _holds_secret(self._part.read_bytes()):
            self._recorder.refuse_secret(self._request)
            return False
        name = self._recorder.keep_media(self._part, self._digest.hexdigest(), self._size, self._kind)
        return {"media": name, "size": self._size} if name else False

    def _is_text(self) -> bool:
        return self._kind.startswith("text/") or self._kind.endswith(("json", "xml"))


def _as_text(data: bytes, kind: str) -> dict[str, Any]:
    text = data.decode("utf-8", "replace")
    if kind.endswith("json"):
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(text)
            if is_shallow(found):
                return {"json": scrubbed_json(hidden_value(found))}
    return {"text": scrubbed(hidden_in_urls(text))}


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: scrubbed(hidden_in_urls(headers[name])) for name in _HEADERS if name in headers}


def _holds_secret(data: bytes) -> bool:
    text = data.decode("latin-1")
    return scrubbed(text) != text
