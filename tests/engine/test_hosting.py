"""A picture is hosted once, fetched back before money hangs on it, and hosted again before its address ends."""

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

from runner import http
from runner.api import Hosted, Picture, Reach
from runner.engine.hosting import Hosting
from runner.errors import UploadError, UploadRefused
from runner.media import picture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NOW = datetime(2026, 11, 22, tzinfo=UTC).timestamp()
RED = picture.encode(np.full((8, 8, 3), (200, 10, 10), np.uint8), "png")
BLUE = picture.encode(np.full((8, 8, 3), (10, 10, 200), np.uint8), "png")


def shown(data: bytes = RED.data, kind: str = "image/png", status: int = 200) -> Callable[[], web.Response]:
    return lambda: web.Response(body=data, content_type=kind, status=status)


def sent_to(path: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=302, headers={"Location": path})


@dataclass
class Host:
    """An image host whose answers are scripted, in order; the last one goes on. `puts` are what was uploaded."""

    answers: list[Callable[[], web.Response]]
    life_s: float | None = None
    troubles: list[Exception] = field(default_factory=list)
    puts: list[Picture] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    base: str = ""
    address: str = ""

    async def put(self, given: Picture) -> Hosted:
        self.puts.append(given)
        if self.troubles:
            raise self.troubles.pop(0)
        ends = None if self.life_s is None else datetime.fromtimestamp(NOW + self.life_s, UTC)
        url = self.address or f"{self.base}/{len(self.puts)}.png"
        return Hosted(url=url, reach=Reach.LOOPBACK, expires_at=ends)

    async def answer(self, request: web.Request) -> web.Response:
        self.gets.append(request.path)
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


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


def hosting(host: Host, play: Callable[[Hosting], Awaitable[Any]], **keys: Any) -> Any:
    """Run `play` on a `Hosting` over this host."""

    async def inside() -> Any:
        async with (
            serving(host),
            http.client(timeout_s=5) as client,
            http.client(timeout_s=5, public_only=True) as public,
        ):
            made = Hosting(uploader=host, public=public, any=client, clock=lambda: NOW, **keys)
            return await play(made)

    return asyncio.run(inside())


def once(found: Picture = RED, needed: Reach = Reach.LOOPBACK) -> Callable[[Hosting], Awaitable[Hosted]]:
    return lambda made: made.hosted(found, needed)


def test_a_picture_that_comes_back_whole_is_hosted() -> None:
    host = Host([shown()])

    hosted = hosting(host, once())

    assert hosted.url == f"{host.base}/1.png"
    assert host.gets == ["/1.png"]


def test_the_same_picture_is_hosted_once_for_all_shots() -> None:
    host = Host([shown()])

    async def many(made: Hosting) -> list[Hosted]:
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
        ([shown(b"<html>log in</html>", "text/html")], "a page comes instead"),
        ([sent_to("/login"), shown(b"<html>log in</html>", "text/html")], "a page comes instead"),
        ([shown(kind="application/octet-stream")], "application/octet-stream instead of image/png"),
        ([shown(kind="image/jpeg")], "image/jpeg instead of image/png"),
        ([shown(BLUE.data)], "other bytes"),
        ([shown(RED.data[:-1])], "other bytes"),
        ([shown(RED.data + b"x" * 100_000)], "other bytes"),
        ([sent_to("/again")], "redirects again and again"),
    ],
)
def test_what_is_no_use_to_the_generator_is_refused_at_once(
    answers: list[Callable[[], web.Response]], why: str
) -> None:
    host = Host(answers)

    with pytest.raises(UploadRefused) as caught:
        hosting(host, once())

    assert why in caught.value.why
    assert "uploader.public_base_url" in caught.value.hint
    assert "uploader.verify=false" in caught.value.hint
    assert len(host.puts) == 1


def test_what_takes_a_moment_to_appear_is_waited_for() -> None:
    host = Host([shown(status=404), shown()])

    hosting(host, once())

    assert host.gets == ["/1.png", "/2.png"]


def test_what_never_appears_is_an_error_that_names_no_path() -> None:
    host = Host([shown(status=403)])

    with pytest.raises(UploadError) as caught:
        hosting(host, once())

    assert "HTTP 403" in caught.value.why
    assert ".png" not in str(caught.value)
    assert len(host.puts) == 3


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


def test_an_uploader_that_breaks_off_is_an_upload_error() -> None:
    host = Host([shown()], troubles=[KeyError("x")] * 3)

    with pytest.raises(UploadError, match="broke off"):
        hosting(host, once())


def test_a_redirect_that_names_no_address_is_told_by_its_status() -> None:
    host = Host([lambda: web.Response(status=302)])

    with pytest.raises(UploadError) as caught:
        hosting(host, once())

    assert caught.value.why == "HTTP 302"


def test_a_hosted_model_is_not_believed_to_reach_this_machine() -> None:
    host = Host([shown()])

    async def over_https(made: Hosting) -> Hosted:
        host.base = host.base.replace("http:", "https:")
        return await made.hosted(RED, Reach.PUBLIC)

    with pytest.raises(UploadError) as caught:
        hosting(host, over_https)

    assert "no public address" in caught.value.why
    assert host.gets == []


def abroad(pages: dict[str, httpx.Response]) -> Hosted:
    """Host a picture at a named host of the internet, which is played here; the first page is its address."""
    host = Host([], address=next(iter(pages)))

    async def inside() -> Hosted:
        transport = httpx.MockTransport(lambda request: pages[str(request.url)])
        async with httpx.AsyncClient(transport=transport) as public, http.client() as client:
            return await Hosting(uploader=host, public=public, any=client).hosted(RED, Reach.PUBLIC)

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
    with pytest.raises(UploadRefused, match="no use") as caught:
        hosting(Host([shown()]), once(needed=Reach.PUBLIC))

    assert "not HTTPS" in caught.value.why


def test_a_picture_may_be_taken_on_trust() -> None:
    host = Host([shown(status=404)])

    hosting(host, once(), verify=False)

    assert host.gets == []


def test_an_address_that_ends_before_the_queue_does_is_refused() -> None:
    host = Host([shown()], life_s=600)

    with pytest.raises(UploadRefused, match="ends too soon"):
        hosting(host, once(), queue_s=900)
    hosting(host, once(), queue_s=300)


def test_a_picture_whose_address_is_about_to_end_is_hosted_again_from_its_bytes() -> None:
    host = Host([shown()], life_s=24 * 3600)
    times = {"now": NOW}

    async def later(made: Hosting) -> tuple[Hosted, Hosted, Hosted]:
        made.clock = lambda: times["now"]
        first = await made.hosted(RED, Reach.LOOPBACK)
        times["now"] += timedelta(hours=23).total_seconds()
        second = await made.hosted(RED, Reach.LOOPBACK)
        host.life_s = 48 * 3600
        times["now"] += timedelta(minutes=45).total_seconds()
        return first, second, await made.hosted(RED, Reach.LOOPBACK)

    first, second, third = hosting(host, later)

    assert second is first
    assert third.url != first.url
    assert [put.data for put in host.puts] == [RED.data, RED.data]
