"""One account at KIE, asked directly: what a hosted service may never lead to, and what was never sent."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from runner.plugins.kie import KieOptions
from runner.plugins.kie.generator import Kie

from runner.api import Context, Result, State, Status, TaskRef
from runner.errors import Busy, FetchFailed, PollFailed, SubmitRefused
from runner.net import http
from runner.net.download import Downloads
from tests.plugins.kie.asking import shot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

KEY = "kie-canary-5150"
_NAMED = '{"resultUrls":["https://tempfile.aiquickdraw.com/a.mp4"]}'


class Kept:
    """A sink in memory."""

    data = b""

    def expect(self, size: int) -> None:
        """Any size will do."""

    async def write(self, data: bytes) -> None:
        self.data += data


def asked(
    work: Path,
    use: Callable[[Kie], Awaitable[Any]],
    api: httpx.AsyncBaseTransport | None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    **options: Any,
) -> Any:
    """What `use` gets from a generator; `api` plays KIE itself, clips are fetched by a real run's clients."""

    async def inside() -> Any:
        async with (
            http.client() as real,
            http.client(public_only=True) as public,
            httpx.AsyncClient(transport=api) if api is not None else http.client() as client,
        ):
            context = Context(
                work_dir=work, http=client, download=Downloads(public, real), log=logging.getLogger("test")
            )
            return await use(Kie(KieOptions(**{"api_key": KEY, **options}), context, monotonic))

    return asyncio.run(inside())


def links(*answers: Any) -> httpx.MockTransport:
    """KIE's answers to questions for a fresh address."""
    left = list(answers)

    def play(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/common/download-url"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        return httpx.Response(200, json=left.pop(0))

    return httpx.MockTransport(play)


def fetching(url: str) -> Callable[[Kie], Awaitable[None]]:
    return lambda kie: kie.fetch(Status(state=State.SUCCEEDED, results=(Result(url),)), Kept())


def test_the_hosted_service_never_leads_to_this_machine(tmp_path: Path) -> None:
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        here.listen()
        here.setblocking(False)
        port = here.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"):
            for scheme in ("http", "https"):
                with pytest.raises(FetchFailed):
                    asked(
                        tmp_path,
                        fetching(f"{scheme}://{host}:{port}/clip.mp4"),
                        links(),
                        allowed_hosts=(host.strip("[]"), "tempfile.aiquickdraw.com"),
                    )
        with pytest.raises(BlockingIOError):
            here.accept()


def test_no_host_allowed_means_the_usual_ones(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="is not fetched from where") as caught:
        asked(tmp_path, fetching("https://elsewhere.example/clip.mp4"), links(), allowed_hosts=())
    assert "tempfile.aiquickdraw.com" in caught.value.why


def test_a_service_that_cannot_be_reached_was_sent_nothing(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Busy, match="cannot be reached"):
            asked(tmp_path, lambda kie: kie.submit(shot(), "token"), None, api_url=url)
        with pytest.raises(PollFailed, match="does not answer"):
            asked(tmp_path, lambda kie: kie.poll(TaskRef("t")), None, api_url=url)


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "a\nb"])
def test_without_a_key_that_can_be_one_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.delenv("KIE_API_KEY", raising=False)
    with pytest.raises(SubmitRefused, match="there is no key") as caught:
        asked(tmp_path, lambda kie: kie.submit(shot(), "token"), links(), api_key=key)
    assert "export KIE_API_KEY" in caught.value.hint
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 422, "msg": "url is wrong", "data": None},
        {"code": 200, "msg": "success", "data": None},
        {"code": 200, "msg": "success", "data": ""},
        {"code": 500, "msg": "Server exception"},
    ],
)
def test_where_kie_gives_no_fresh_address_the_clip_is_said_to_have_ended(tmp_path: Path, answer: Any) -> None:
    gone = httpx.MockTransport(lambda request: httpx.Response(404))

    async def fetched() -> None:
        async with (
            httpx.AsyncClient(transport=links(answer)) as api,
            httpx.AsyncClient(transport=gone) as public,
        ):
            context = Context(
                work_dir=tmp_path, http=api, download=Downloads(public, public), log=logging.getLogger("test")
            )
            await fetching("https://tempfile.aiquickdraw.com/clip.mp4")(Kie(KieOptions(api_key=KEY), context))

    with pytest.raises(FetchFailed, match="could not be fetched") as caught:
        asyncio.run(fetched())
    assert caught.value.why == "HTTP 404; its URL has expired, and the provider has no other"


@pytest.mark.parametrize("fresh", ["https://file.aiquickdraw.com/x.mp4", "https://elsewhere.example/x.mp4"])
def test_a_fresh_address_is_trusted_no_more_than_the_first(tmp_path: Path, fresh: str) -> None:
    seen: list[str] = []

    def files(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        assert "authorization" not in request.headers
        return httpx.Response(410) if len(seen) == 1 else httpx.Response(200, content=b"clip")

    first = "https://tempfile.aiquickdraw.com/clip.mp4"

    async def fetched() -> None:
        answer = {"code": 200, "msg": "success", "data": fresh}
        async with (
            httpx.AsyncClient(transport=links(answer)) as api,
            httpx.AsyncClient(transport=httpx.MockTransport(files)) as public,
        ):
            context = Context(
                work_dir=tmp_path, http=api, download=Downloads(public, public), log=logging.getLogger("test")
            )
            await fetching(first)(Kie(KieOptions(api_key=KEY), context))

    if "elsewhere" in fresh:
        with pytest.raises(FetchFailed, match="is not fetched from where"):
            asyncio.run(fetched())
        assert seen == [first]
    else:
        asyncio.run(fetched())
        assert seen == [first, fresh]


@pytest.fixture
def half_minutes() -> list[float]:
    """A clock that goes on by half a minute for each poll that notes the time."""
    return [0.0]


@pytest.mark.parametrize("code", [200, 422, 500, 501])
def test_a_record_of_a_failed_task_counts_under_any_code(
    tmp_path: Path, code: int, half_minutes: list[float]
) -> None:
    record = {"taskId": "t", "state": "fail", "failCode": "400", "failMsg": "nsfw", "creditsConsumed": 0.0}
    api = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"code": code, "msg": "failed", "data": record})
    )

    async def polled(kie: Kie) -> Status:
        if code != 200:
            with pytest.raises(PollFailed):
                await kie.poll(TaskRef("t"))
            half_minutes[0] += 30
        return await kie.poll(TaskRef("t"))

    status = asked(tmp_path, polled, api, monotonic=lambda: half_minutes[0])

    assert (status.state, status.reason, status.cost_usd) == (State.FAILED, "nsfw", 0)


def test_a_success_without_a_result_may_name_one_a_moment_later(tmp_path: Path) -> None:
    records = [{"state": "success", "resultJson": text} for text in ('{"resultUrls":[]}', _NAMED, "", "")]

    def api(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"code": 200, "msg": "success", "data": records.pop(0)})

    async def polled(kie: Kie) -> list[Any]:
        found: list[Any] = []
        for _ in range(4):
            try:
                found.append((await kie.poll(TaskRef("t"))).state)
            except PollFailed:
                found.append("again")
        return found

    assert asked(tmp_path, polled, httpx.MockTransport(api)) == [
        "again",
        State.SUCCEEDED,
        "again",
        State.FAILED,
    ]


@pytest.mark.parametrize("state", ["success", "fail"])
def test_a_record_from_something_in_between_ends_nothing(tmp_path: Path, state: str) -> None:
    api = httpx.MockTransport(
        lambda _: httpx.Response(502, json={"msg": "upstream", "data": {"state": state}})
    )

    for _ in range(2):
        with pytest.raises(PollFailed):
            asked(tmp_path, lambda kie: kie.poll(TaskRef("t")), api)


def test_a_record_under_a_code_of_its_own_ends_nothing_while_the_task_runs(tmp_path: Path) -> None:
    record = {"taskId": "t", "state": "generating"}
    api = httpx.MockTransport(lambda _: httpx.Response(200, json={"code": 500, "msg": "?", "data": record}))

    with pytest.raises(PollFailed):
        asked(tmp_path, lambda kie: kie.poll(TaskRef("t")), api)


@pytest.mark.parametrize(
    ("codes", "states"),
    [
        ((408, 408, 408), ["again", "again", State.FAILED]),
        ((501, 408, 501), ["again", "again", State.FAILED]),
        ((408, 408, 429, 408, 408, 408), [*["again"] * 5, State.FAILED]),
        ((408, 200, 408), ["again", State.RUNNING, "again"]),
    ],
)
def test_that_a_task_has_failed_is_believed_when_nothing_else_is_said_for_half_a_minute(
    tmp_path: Path, codes: tuple[int, ...], states: list[Any], half_minutes: list[float]
) -> None:
    left = list(codes)

    def api(_: httpx.Request) -> httpx.Response:
        code = left.pop(0)
        data = {"taskId": "t", "state": "generating"} if code == 200 else None
        return httpx.Response(200, json={"code": code, "msg": "?", "data": data})

    async def polled(kie: Kie) -> list[Any]:
        found: list[Any] = []
        for _ in codes:
            try:
                found.append((await kie.poll(TaskRef("t"))).state)
            except PollFailed:
                found.append("again")
            half_minutes[0] += 16
        return found

    transport = httpx.MockTransport(api)
    assert asked(tmp_path, polled, transport, monotonic=lambda: half_minutes[0]) == states
