"""The image host inside the run, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from runner import plugins
from runner.api import Context, EncodedImage, HostedImage, Reach
from runner.errors import UploadError
from runner.net import http
from runner.net.download import Downloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path


def picture(text: str = "picture", format: str = "png") -> EncodedImage:
    """The host looks at no byte of it."""
    data = (text * 1000).encode("utf-8")
    return EncodedImage(data=data, format=format, width=2, height=2, sha256=hashlib.sha256(data).hexdigest())


class Host:
    """A running host, and a client to look at it with."""

    def __init__(self, uploader: Any, client: httpx.AsyncClient) -> None:
        self.put: Callable[[EncodedImage], Coroutine[Any, Any, HostedImage]] = uploader.put
        self.client = client


@asynccontextmanager
async def hosting(work: Path, **options: Any) -> AsyncIterator[Host]:
    spec = plugins.load([]).uploader("local_http")
    assert spec is not None
    async with http.client(timeout_s=5) as client:
        context = Context(
            work_dir=work, http=client, download=Downloads(client, client), log=logging.getLogger("test")
        )
        made: Any = spec.factory(spec.options(**options), context)
        async with made as uploader:
            yield Host(uploader, client)


def reach(**options: Any) -> Reach:
    spec = plugins.load([]).uploader("local_http")
    assert spec is not None
    assert callable(spec.capabilities)
    return spec.capabilities(spec.options(**options)).reach


@pytest.mark.parametrize(
    ("format", "mime", "ending"),
    [("png", "image/png", ".png"), ("jpeg", "image/jpeg", ".jpg"), ("webp", "image/webp", ".webp")],
)
def test_a_picture_is_served_whole_with_its_type(tmp_path: Path, format: str, mime: str, ending: str) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            one = picture(format=format)
            hosted = await host.put(one)
            answer = await host.client.get(hosted.url)

        assert hosted.url.endswith(ending)
        assert (hosted.reach, hosted.expires_at) == (Reach.LOOPBACK, None)
        assert answer.status_code == 200
        assert answer.content == one.data
        assert answer.headers["content-type"] == mime
        assert answer.headers["content-length"] == str(len(one.data))
        assert answer.headers["x-content-type-options"] == "nosniff"

    asyncio.run(check())


def test_head_says_what_get_would_without_the_bytes(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            one = picture()
            answer = await host.client.head((await host.put(one)).url)

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(one.data))
        assert answer.headers["content-type"] == "image/png"

    asyncio.run(check())


def test_parts_of_a_picture_can_be_asked_for(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            one = picture()
            url = (await host.put(one)).url
            size = len(one.data)
            for asked, expected in (
                ("bytes=3-9", (3, 10)),
                ("bytes=-5", (size - 5, size)),
                ("bytes=10-", (10, size)),
            ):
                answer = await host.client.get(url, headers={"Range": asked})
                assert answer.status_code == 206
                assert answer.content == one.data[slice(*expected)]
                assert answer.headers["content-range"] == f"bytes {expected[0]}-{expected[1] - 1}/{size}"
            answer = await host.client.get(url, headers={"Range": f"bytes={size}-"})
            assert answer.status_code == 416
            assert answer.headers["content-range"] == f"bytes */{size}"

    asyncio.run(check())


def test_nothing_but_the_registered_paths_answers(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")

    async def check() -> None:
        async with hosting(tmp_path) as host:
            url = httpx.URL((await host.put(picture())).url)
            folder, _, name = url.path.strip("/").rpartition("/")
            others = [
                *(
                    "/",
                    "",
                    f"/{folder}",
                    f"/{folder}/",
                    f"/{name}",
                    f"/x/{name}",
                    f"{url.path}/",
                    f"{url.path}x",
                ),
                *("/secret.txt", f"/{folder}/secret.txt", f"/{folder}/../secret.txt", "/../secret.txt"),
                *(
                    f"/{folder}/..%2fsecret.txt",
                    "/%2e%2e/secret.txt",
                    "//secret.txt",
                    "/..%5csecret.txt",
                    "/%00",
                ),
                *(str(tmp_path / "secret.txt"), f"/{picture().sha256}.png", f"/{url.path.upper()}"),
            ]
            for other in others:
                answer = await raw(
                    url, f"GET {other or '/'} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                )
                assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), other
                assert b"secret" not in answer.partition(b"\r\n\r\n")[2]
                assert name.encode() not in answer
            for method in ("POST", "PUT", "DELETE"):
                assert (await host.client.request(method, url)).status_code == 405

    asyncio.run(check())


async def raw(url: httpx.URL, request: str) -> bytes:
    """One exchange without a client that would tidy up the path."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request.encode("ascii"))
    answer = await reader.read()
    writer.close()
    return answer


def test_a_path_cannot_be_guessed_and_differs_from_run_to_run(tmp_path: Path) -> None:
    async def address() -> str:
        async with hosting(tmp_path) as host:
            return httpx.URL((await host.put(picture())).url).path

    first, second = asyncio.run(address()), asyncio.run(address())

    assert first != second
    assert len(first.strip("/").partition("/")[0]) >= 32


def test_the_same_picture_keeps_its_address_and_another_gets_its_own(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            once, again, other = [(await host.put(picture(text))).url for text in ("a", "a", "b")]
            assert once == again
            assert once.rpartition("/")[0] != other.rpartition("/")[0]
            assert (await host.client.get(once)).content != (await host.client.get(other)).content

    asyncio.run(check())


def test_many_fetch_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            pictures = [picture(str(number)) for number in range(8)]
            hosted = await asyncio.gather(*(host.put(one) for one in pictures * 2))
            answers = await asyncio.gather(*(host.client.get(one.url) for one in hosted * 4))
            assert [answer.content for answer in answers] == [one.data for one in pictures * 8]

    asyncio.run(check())


def test_a_picture_is_gone_with_the_run(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path) as host:
            url = (await host.put(picture())).url
            assert (await host.client.get(url)).status_code == 200
        async with http.client(timeout_s=5) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(url)

    asyncio.run(check())


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    async def check() -> UploadError:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(UploadError) as caught:
                async with hosting(tmp_path, port=port):
                    pass
            assert f"uploader.port={port}" in caught.value.where
        return caught.value

    error = asyncio.run(check())

    assert "address already in use" in error.why
    assert "uploader.port=0" in error.hint


def test_an_address_of_another_machine_is_a_clear_error(tmp_path: Path) -> None:
    async def check() -> None:
        with pytest.raises(UploadError, match="cannot listen"):
            async with hosting(tmp_path, bind="192.0.2.1"):
                pass

    asyncio.run(check())


def test_a_chosen_port_is_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def check() -> None:
        async with hosting(tmp_path, port=port) as host:
            url = (await host.put(picture())).url
            assert url.startswith(f"http://127.0.0.1:{port}/")
            assert (await host.client.get(url)).status_code == 200

    asyncio.run(check())


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("bind", "begin"),
    [
        pytest.param(
            "::1", "http://[::1]:", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
        ),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("localhost", "http://"),
    ],
)
def test_it_listens_where_it_is_told(tmp_path: Path, bind: str, begin: str) -> None:
    async def check() -> None:
        async with hosting(tmp_path, bind=bind) as host:
            hosted = await host.put(picture())
            assert hosted.url.startswith(begin)
            assert (await host.client.get(hosted.url)).content == picture().data

    asyncio.run(check())


def test_a_public_address_stands_in_front_of_the_path(tmp_path: Path) -> None:
    async def check() -> None:
        async with hosting(tmp_path, public_base_url="https://tunnel.example/films/") as host:
            hosted = await host.put(picture())
            assert hosted.url.startswith("https://tunnel.example/films/")
            assert "//" not in hosted.url.removeprefix("https://")
            assert hosted.reach is Reach.PUBLIC

    asyncio.run(check())


def test_a_picture_that_cannot_be_put_aside_is_an_upload_error(tmp_path: Path) -> None:
    async def check() -> None:
        work = tmp_path / "work"
        work.mkdir()
        async with hosting(work) as host:
            work.rmdir()
            with pytest.raises(UploadError, match="put aside"):
                await host.put(picture())
            work.mkdir()
            assert (await host.client.get((await host.put(picture())).url)).status_code == 200

    asyncio.run(check())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Reach.LOOPBACK),
        ({"bind": "::1"}, Reach.LOOPBACK),
        ({"bind": "localhost"}, Reach.LOOPBACK),
        ({"bind": "127.8.8.8"}, Reach.LOOPBACK),
        ({"bind": "0.0.0.0"}, Reach.LOOPBACK),  # the address handed out is 127.0.0.1
        ({"bind": "192.168.1.5"}, Reach.NETWORK),
        ({"bind": "8.8.8.8"}, Reach.PUBLIC),
        ({"bind": "workstation"}, Reach.NETWORK),
        ({"public_base_url": "https://tunnel.example"}, Reach.PUBLIC),
        ({"public_base_url": "https://tunnel.example:8443/x"}, Reach.PUBLIC),
        ({"public_base_url": "http://10.0.0.7:8000", "bind": "0.0.0.0"}, Reach.NETWORK),
        ({"public_base_url": "http://localhost:8000"}, Reach.LOOPBACK),
        ({"public_base_url": "http://runner.localhost:8000"}, Reach.LOOPBACK),
        ({"public_base_url": "http://[::1]:8000"}, Reach.LOOPBACK),
    ],
)
def test_how_far_its_addresses_reach_is_known_before_it_starts(
    options: dict[str, Any], expected: Reach
) -> None:
    assert reach(**options) is expected


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"port": -1}, "port"),
        ({"port": 65536}, "port"),
        ({"bind": ""}, "bind"),
        ({"public_base_url": "tunnel.example"}, "public_base_url"),
        ({"public_base_url": "ftp://tunnel.example"}, "public_base_url"),
        ({"public_base_url": "https://"}, "public_base_url"),
        ({"public_base_url": "https:///films"}, "public_base_url"),
        ({"public_base_url": "https://[::1"}, "public_base_url"),
        ({"public_base_url": "https://tunnel.example:99999"}, "public_base_url"),
        ({"public_base_url": "https://tunnel.example?x=1"}, "public_base_url"),
        ({"public_base_url": "https://tunnel example"}, "public_base_url"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} should be"):
        reach(**options)
