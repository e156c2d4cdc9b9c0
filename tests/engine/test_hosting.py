"""An image is hosted once, fetched back before money hangs on it, and hosted again before its address ends."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from aiohttp import web

from runner.api import EncodedImage, HostedImage, Reach
from runner.engine.hosting import Hosting
from runner.engine.timing import Timing
from runner.engine.url_verification import UrlVerifier
from runner.errors import PluginFailed, UploadError, UploadRefused
from runner.media import picture
from runner.net import http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NOW = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
RED = picture.encode(np.full((8, 8, 3), (200, 10, 10), np.uint8), "png")
BLUE = picture.encode(np.full((8, 8, 3), (10, 10, 200), np.uint8), "png")


def shown(data: bytes = RED.data, kind: str = "image/png", status: int = 200) -> Callable[[], web.Response]:
    return lambda: web.Response(body=data, content_type=kind, status=status)


def sent_to(path: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=302, headers={"Location": path})


SLOW = web.Response()
"""Stands for an image that comes by one byte every tenth of a second."""


def slow() -> web.Response:
    return SLOW


@dataclass
class Host:
    """An image host whose answers are scripted, in order; the last one goes on. `puts` are what was uploaded."""

    answers: list[Callable[[], web.Response]]
    lifetime_s: float | None = None
    troubles: list[Exception] = field(default_factory=list)
    puts: list[EncodedImage] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    base: str = ""
    address: str = ""

    async def put(self, given: EncodedImage) -> HostedImage:
        self.puts.append(given)
        if self.troubles:
            raise self.troubles.pop(0)
        ends = None if self.lifetime_s is None else datetime.fromtimestamp(NOW + self.lifetime_s, UTC)
        url = self.address or f"{self.base}/{len(self.puts)}.png"
        return HostedImage(url=url, reach=Reach.LOOPBACK, expires_at=ends)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.gets.append(request.path)
        found = (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()
        if found is SLOW:
            answer = web.StreamResponse(headers={"Content-Type": "image/png"})
            await answer.prepare(request)
            for at in range(len(RED.data)):
                await answer.write(RED.data[at : at + 1])
                await asyncio.sleep(0.1)
        return found


@contextlib.asynccontextmanager
async def serving(host: Host) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/{path:.*}", host.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host.base = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield
    finally:
        await runner.cleanup()


def hosting(
    host: Host,
    play: Callable[[Hosting], Awaitable[Any]],
    *,
    limit_s: float = 5,
    clock: Callable[[], float] = lambda: NOW,
    **keys: Any,
) -> Any:
    """Run `play` on a `Hosting` over this host."""

    async def inside() -> Any:
        async with (
            serving(host),
            http.client(timeout_s=5) as client,
            http.client(timeout_s=5, public_only=True) as public,
        ):
            verifier = UrlVerifier(public=public, any=client, hint="see the host", limit_s=limit_s)
            timing = Timing(host_pause_s=0.01, clock=clock)
            made = Hosting(uploader=host, verifier=verifier, timing=timing, **keys)
            return await play(made)

    return asyncio.run(inside())


def once(
    found: EncodedImage = RED, needed: Reach = Reach.LOOPBACK
) -> Callable[[Hosting], Awaitable[HostedImage]]:
    return lambda made: made.hosted(found, needed)


def test_a_picture_that_comes_back_whole_is_hosted() -> None:
    host = Host([shown()])

    hosted = hosting(host, once())

    assert hosted.url == f"{host.base}/1.png"
    assert host.gets == ["/1.png"]


def test_the_same_picture_is_hosted_once_for_all_shots() -> None:
    host = Host([shown()])

    async def many(made: Hosting) -> list[HostedImage]:
        return list(await asyncio.gather(*(made.hosted(RED, Reach.LOOPBACK) for _ in range(5))))

    assert len({one.url for one in hosting(host, many)}) == 1
    assert (len(host.puts), len(host.gets)) == (1, 1)


def test_a_redirect_to_the_picture_is_followed() -> None:
    host = Host([sent_to("/elsewhere"), shown()])

    hosting(host, once())

    assert host.gets == ["/1.png", "/elsewhere"]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([shown(b"<html>log in</html>", "text/html")], "expected an image, got a page"),
        ([sent_to("/login"), shown(b"<html>log in</html>", "text/html")], "expected an image, got a page"),
        ([shown(kind="application/octet-stream")], "expected image/png, got application/octet-stream"),
        ([shown(kind="image/jpeg")], "expected image/png, got image/jpeg"),
        ([shown(BLUE.data)], "content differs"),
        ([shown(RED.data[:-1])], "content differs"),
        ([shown(RED.data + b"x" * 100_000)], "content differs"),
        ([sent_to("/again")], "too many redirects"),
    ],
)
def test_what_is_no_use_to_the_generator_is_refused_when_it_is_seen_twice(
    answers: list[Callable[[], web.Response]], why: str
) -> None:
    host = Host(answers)

    with pytest.raises(UploadRefused) as caught:
        hosting(host, once())

    assert why in caught.value.why
    assert "see the host" in caught.value.hint
    assert "uploader.verify=false" in caught.value.hint
    assert len(host.puts) == 1


def test_a_page_or_other_bytes_may_be_a_hiccup() -> None:
    for hiccup in (shown(b"<html>", "text/html"), shown(BLUE.data)):
        host = Host([hiccup, shown()])

        assert hosting(host, once()).url == f"{host.base}/1.png"
        assert (len(host.puts), len(host.gets)) == (1, 2)


def test_a_host_that_sends_too_slowly_is_given_up_on() -> None:
    host = Host([slow])

    with pytest.raises(UploadError) as caught:
        hosting(host, once(), limit_s=0.2)

    assert "not complete within 0.2 s" in caught.value.why
    assert len(host.puts) == 1


def test_while_nothing_gets_through_a_picture_is_tried_once() -> None:
    host = Host([shown(status=503)])

    async def three(made: Hosting) -> None:
        for one in (RED, BLUE, RED):
            with pytest.raises(UploadError):
                await made.hosted(one, Reach.LOOPBACK)
        host.answers = [shown(BLUE.data)]
        await made.hosted(BLUE, Reach.LOOPBACK)

    hosting(host, three)

    assert len(host.gets) == 5 + 1 + 1 + 1


def test_an_address_in_doubt_is_looked_at_again_and_replaced_only_where_it_fails() -> None:
    host = Host([shown(), shown(), *[shown(status=404)] * 5, shown()])

    async def thrice(made: Hosting) -> list[str]:
        urls = []
        for _ in range(3):
            urls.append((await made.hosted(RED, Reach.LOOPBACK)).url)
            made.distrust(HostedImage(url=urls[-1], reach=Reach.LOOPBACK))
        return urls

    first, second, third = hosting(host, thrice)

    assert first == second != third
    assert len(host.puts) == 2


def test_an_address_is_looked_at_again_after_a_minute() -> None:
    host = Host([shown()])
    times = {"now": NOW}

    async def later(made: Hosting) -> list[bool]:
        hosted = await made.hosted(RED, Reach.LOOPBACK)
        found = [made.trusted(hosted)]
        times["now"] += 61
        found.append(made.trusted(hosted))
        await made.hosted(RED, Reach.LOOPBACK)
        return [*found, made.trusted(hosted)]

    assert hosting(host, later, clock=lambda: times["now"]) == [True, False, True]
    assert (len(host.puts), len(host.gets)) == (1, 2)


def test_the_reason_that_an_object_store_gives_is_passed_on() -> None:
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>secret</Message></Error>"
    host = Host([shown(denied, "application/xml", 403)])

    with pytest.raises(UploadError) as caught:
        hosting(host, once())

    assert caught.value.why == f"{host.base}: HTTP 403 (AccessDenied)"


def test_what_takes_a_moment_to_appear_is_waited_for() -> None:
    host = Host([shown(status=404), shown()])

    hosting(host, once())

    assert host.gets == ["/1.png", "/1.png"]


def test_what_never_appears_is_an_error_that_names_no_path() -> None:
    host = Host([shown(status=403)])

    with pytest.raises(UploadError) as caught:
        hosting(host, once())

    assert "HTTP 403" in caught.value.why
    assert ".png" not in str(caught.value)
    assert (len(host.puts), len(host.gets)) == (1, 5)


def test_a_transient_failure_of_the_upload_is_tried_again() -> None:
    host = Host([shown()], troubles=[UploadError("busy"), UploadError("busy")])

    hosting(host, once())

    assert len(host.puts) == 3


@pytest.mark.parametrize("trouble", [UploadRefused("no such bucket"), UploadRefused("wrong key")])
def test_a_refused_upload_is_not_tried_again(trouble: UploadRefused) -> None:
    host = Host([shown()], troubles=[trouble])

    with pytest.raises(UploadRefused):
        hosting(host, once())

    assert len(host.puts) == 1


def test_an_uploader_that_breaks_off_is_no_host_that_is_down() -> None:
    host = Host([shown()], troubles=[KeyError("x")] * 5)

    with pytest.raises(PluginFailed, match="failed in put"):
        hosting(host, once())

    assert len(host.puts) == 1


def test_a_redirect_that_names_no_address_is_told_by_its_status() -> None:
    host = Host([lambda: web.Response(status=302)])

    with pytest.raises(UploadError) as caught:
        hosting(host, once())

    assert caught.value.why.endswith(": HTTP 302")


def test_a_hosted_model_is_not_believed_to_reach_this_machine() -> None:
    host = Host([shown()])

    async def over_https(made: Hosting) -> HostedImage:
        host.base = host.base.replace("http:", "https:")
        return await made.hosted(RED, Reach.PUBLIC)

    with pytest.raises(UploadError) as caught:
        hosting(host, over_https)

    assert "no public address" in caught.value.why
    assert host.gets == []


def abroad(pages: dict[str, httpx.Response]) -> HostedImage:
    """Host an image at a named host of the internet, which is played here; the first page is its address."""
    host = Host([], address=next(iter(pages)))

    async def inside() -> HostedImage:
        transport = httpx.MockTransport(lambda request: pages[str(request.url)])
        async with httpx.AsyncClient(transport=transport) as public, http.client() as client:
            verifier = UrlVerifier(public=public, any=client)
            made = Hosting(uploader=host, verifier=verifier, timing=Timing(host_pause_s=0.01))
            return await made.hosted(RED, Reach.PUBLIC)

    return asyncio.run(inside())


def test_a_hosted_model_needs_https_after_a_redirect_as_well() -> None:
    there, plain = "https://pictures.example/a.png?signature=canary", "http://pictures.example/a.png"
    picture_there = httpx.Response(200, content=RED.data, headers={"Content-Type": "image/png"})

    assert abroad({there: picture_there}).url == there
    with pytest.raises(UploadRefused) as caught:
        abroad({there: httpx.Response(302, headers={"Location": plain}), plain: picture_there})

    assert "not HTTPS" in caught.value.why
    assert "canary" not in str(caught.value)


def test_a_hosted_model_needs_https() -> None:
    with pytest.raises(UploadRefused, match="does not serve") as caught:
        hosting(Host([shown()]), once(needed=Reach.PUBLIC))

    assert "not HTTPS" in caught.value.why


def test_a_picture_may_be_taken_on_trust() -> None:
    host = Host([shown(status=404)])

    hosting(host, once(), verify=False)

    assert host.gets == []


def test_an_address_that_ends_before_the_queue_does_is_refused() -> None:
    host = Host([shown()], lifetime_s=600)

    with pytest.raises(UploadRefused, match="expires too soon") as caught:
        hosting(host, once(), queue_s=900, lifetime_hint="set life=9")
    assert caught.value.hint.startswith("set life=9, or lower limits.task_timeout_s")
    hosting(host, once(), queue_s=300)
    hosting(host, once(), queue_s=601)


def test_a_picture_whose_address_is_about_to_end_is_hosted_again_from_its_bytes() -> None:
    host = Host([shown()], lifetime_s=24 * 3600)
    times = {"now": NOW}

    async def later(made: Hosting) -> tuple[HostedImage, HostedImage, HostedImage]:
        first = await made.hosted(RED, Reach.LOOPBACK)
        times["now"] += timedelta(hours=23).total_seconds()
        second = await made.hosted(RED, Reach.LOOPBACK)
        host.lifetime_s = 48 * 3600
        times["now"] += timedelta(minutes=45).total_seconds()
        return first, second, await made.hosted(RED, Reach.LOOPBACK)

    first, second, third = hosting(host, later, clock=lambda: times["now"])

    assert second is first
    assert third.url != first.url
    assert [put.data for put in host.puts] == [RED.data, RED.data]
