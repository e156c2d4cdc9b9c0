"""KIE's image host: what is sent there, what comes back, and what an error there means."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from runner.plugins.kie import KieUploadOptions
from runner.plugins.kie.uploader import KieUpload

from runner.api import Context, Reach
from runner.engine.hosting import Hosting
from runner.engine.timing import Timing
from runner.engine.url_verification import UrlVerifier
from runner.errors import UploadError, UploadRefused
from runner.media import picture
from runner.net import http
from runner.net.download import Downloads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

    from runner.plugins.kie.emulator.client import Emulator

    from runner.api import EncodedImage, HostedImage

ADDRESS = "https://tempfile.redpandaai.co/kieai/7/runner/a.png"
KEY = "kie-canary-5150"


def drawn(format: str = "png", seed: int = 0) -> EncodedImage:
    return picture.encode(np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8), format)


PICTURE = drawn()


def uploaded(
    work: Path,
    client: Callable[[], httpx.AsyncClient],
    use: Callable[[KieUpload, httpx.AsyncClient], Coroutine[Any, Any, Any]],
    **options: Any,
) -> Any:
    """What `use` does with an uploader of these options."""

    async def used() -> Any:
        async with client() as made:
            context = Context(
                work_dir=work, http=made, download=Downloads(made, made), log=logging.getLogger("test")
            )
            return await use(KieUpload(KieUploadOptions(**{"api_key": KEY, **options}), context), made)

    return asyncio.run(used())


def answered(
    work: Path, answer: httpx.Response | Exception, shown: EncodedImage = PICTURE, **options: Any
) -> HostedImage:
    """Upload to the real host, which is played here."""

    def play(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://kieai.redpandaai.co/api/file-stream-upload"
        if isinstance(answer, Exception):
            raise answer
        return answer

    hosted: HostedImage = uploaded(
        work,
        lambda: httpx.AsyncClient(transport=httpx.MockTransport(play)),
        lambda uploader, _: uploader.put(shown),
        **options,
    )
    return hosted


def envelope(
    data: Any, code: Any = 200, msg: str = "File uploaded successfully", status: int = 200
) -> httpx.Response:
    return httpx.Response(status, json={"success": code == 200, "code": code, "msg": msg, "data": data})


@pytest.mark.parametrize(("format", "ending"), [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")])
def test_a_picture_is_streamed_under_its_digest_with_the_ending_of_its_bytes(
    emulator: Emulator, tmp_path: Path, format: str, ending: str
) -> None:
    shown = drawn(format)
    key = emulator.account(tmp_path.name)
    emulator.script()

    async def put(uploader: KieUpload, client: httpx.AsyncClient) -> tuple[HostedImage, httpx.Response]:
        hosted = await uploader.put(shown)
        return hosted, await client.get(hosted.url)

    hosted, back = uploaded(
        tmp_path, http.client, put, upload_url=emulator.url, api_key=key, folder="films/frames"
    )
    (entry,) = (one for one in emulator.books().uploads if one["key"] == key)
    assert entry["how"] == "stream"
    assert entry["path"].endswith(f"/films/frames/{shown.sha256}.{ending}")
    assert (back.content, back.headers["Content-Type"]) == (shown.data, shown.mime)
    assert hosted.reach is Reach.LOOPBACK


def test_two_pictures_never_share_a_name(emulator: Emulator, tmp_path: Path) -> None:
    key = emulator.account(tmp_path.name)
    emulator.script()

    async def put(uploader: KieUpload, client: httpx.AsyncClient) -> list[bytes]:
        hosted = [await uploader.put(drawn(seed=seed)) for seed in (1, 2, 1)]
        return [(await client.get(one.url)).content for one in hosted]

    back = uploaded(tmp_path, http.client, put, upload_url=emulator.url, api_key=key)
    assert back == [drawn(seed=seed).data for seed in (1, 2, 1)]
    assert len({one["path"] for one in emulator.books().uploads if one["key"] == key}) == 2


def test_what_is_sent_is_a_form_with_the_key_in_its_header_only(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def play(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return envelope({"downloadUrl": ADDRESS})

    uploaded(
        tmp_path,
        lambda: httpx.AsyncClient(transport=httpx.MockTransport(play)),
        lambda uploader, _: uploader.put(PICTURE),
    )
    (request,) = seen
    body = request.read()
    name = f"{PICTURE.sha256}.png".encode()
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert PICTURE.data in body
    assert b'name="uploadPath"\r\n\r\nrunner\r\n' in body
    assert b'name="fileName"\r\n\r\n' + name in body
    assert b'name="file"; filename="' + name + b'"\r\nContent-Type: image/png' in body
    assert KEY.encode() not in body


@pytest.mark.parametrize(
    ("data", "url"),
    [
        ({"success": True, "downloadUrl": ADDRESS, "fileUrl": "https://old.example/a.png"}, ADDRESS),
        ({"fileId": "7", "fileUrl": ADDRESS, "expiresAt": "2026-11-25T00:00:00Z"}, ADDRESS),
        ({"downloadUrl": "", "fileUrl": ADDRESS}, ADDRESS),
    ],
)
def test_the_address_is_the_download_url_or_else_the_file_url(
    tmp_path: Path, data: Mapping[str, Any], url: str
) -> None:
    before = datetime.now(UTC)
    hosted = answered(tmp_path, envelope(data), life_h=3)
    assert (hosted.url, hosted.reach) == (url, Reach.PUBLIC)
    assert hosted.expires_at is not None
    assert before <= hosted.expires_at - timedelta(hours=3) <= datetime.now(UTC)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"downloadUrl": None},
        {"downloadUrl": 7},
        {"downloadUrl": "/a.png"},
        {"fileUrl": "ftp://a.example/a.png"},
        {"downloadUrl": "https://a.example/a.png\r\nX: y"},
        {"downloadUrl": "https://a.example/a b.png"},
        {"downloadUrl": f"https://a.example/{'a' * 20_000}.png"},
    ],
)
def test_an_answer_without_an_address_is_a_failed_upload(tmp_path: Path, data: Mapping[str, Any]) -> None:
    with pytest.raises(UploadError, match=r"without a URL|failed") as caught:
        answered(tmp_path, envelope(data))
    assert caught.value.retry_safe


@pytest.mark.parametrize("style", ["envelope", "http"])
@pytest.mark.parametrize(
    ("code", "again", "advice"),
    [
        (400, False, ""),
        (401, False, "KIE_API_KEY"),
        (403, False, "KIE_API_KEY"),
        (402, False, ""),
        (404, False, ""),
        (405, False, ""),
        (413, False, ""),
        (422, False, ""),
        (433, False, ""),
        (408, True, ""),
        (429, True, ""),
        (455, True, ""),
        (500, True, ""),
        (501, True, ""),
        (503, True, ""),
    ],
)
def test_an_error_says_if_another_try_may_help(
    tmp_path: Path, code: int, style: str, advice: str, *, again: bool
) -> None:
    with pytest.raises(UploadError) as caught:
        answered(tmp_path, envelope(None, code, f"no, {KEY}\x1b[2J", code if style == "http" else 200))
    assert isinstance(caught.value, UploadRefused) is not again
    assert caught.value.retry_safe is again
    assert caught.value.why.endswith(rf"{code}: no, (hidden)\x1b[2J")
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, html="<html>Bad Gateway</html>"),
        httpx.Response(200, html="<html>hello</html>"),
        httpx.Response(200, content=b""),
        envelope(None),
        envelope({"success": False, "downloadUrl": ADDRESS}),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("nobody there"),
        httpx.RemoteProtocolError("broken off"),
    ],
)
def test_what_is_no_answer_may_be_tried_again(tmp_path: Path, answer: httpx.Response | Exception) -> None:
    with pytest.raises(UploadError) as caught:
        answered(tmp_path, answer)
    assert caught.value.retry_safe


def test_without_a_key_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIE_API_KEY", raising=False)
    with pytest.raises(UploadRefused, match="there is no key") as caught:
        answered(tmp_path, AssertionError("asked"), api_key="")
    assert "uploader.api_key" in caught.value.why
    assert "export KIE_API_KEY" in caught.value.hint


def test_trouble_that_passes_is_tried_again_and_a_refusal_is_not(emulator: Emulator, tmp_path: Path) -> None:
    key = emulator.account(tmp_path.name)

    async def host(uploader: KieUpload, client: httpx.AsyncClient) -> tuple[str, int]:
        hosting = Hosting(uploader=uploader, verifier=UrlVerifier(public=client, any=client), timing=Timing())
        before = len(emulator.requests())
        try:
            await hosting.hosted(PICTURE, Reach.LOOPBACK)
        except UploadRefused as refused:
            return refused.what, len(emulator.requests()) - before
        return "hosted", len(emulator.requests()) - before

    seen = {}
    for step in (500, 429, "html_before", "drop_before", "drop_after", 401, 400):
        emulator.script(upload=[step])
        seen[step] = uploaded(tmp_path, http.client, host, upload_url=emulator.url, api_key=key)
    no = ("KIE's image host refused the picture", 1)
    assert seen == {
        500: ("hosted", 2),
        429: ("hosted", 2),
        "html_before": ("hosted", 2),
        "drop_before": ("hosted", 2),
        "drop_after": ("hosted", 2),
        401: no,
        400: no,
    }


def test_a_picture_older_than_its_address_lives_is_uploaded_again(emulator: Emulator, tmp_path: Path) -> None:
    key = emulator.account(tmp_path.name)
    emulator.script()
    began = datetime.now(UTC).timestamp()
    passed_s = [0.0]

    async def host(uploader: KieUpload, client: httpx.AsyncClient) -> list[int]:
        hosting = Hosting(
            uploader=uploader,
            verifier=UrlVerifier(public=client, any=client),
            queue_s=600,
            timing=Timing(clock=lambda: began + passed_s[0]),
        )
        counts = []
        for hours in (0, 23, 23.9):
            passed_s[0] = hours * 3600.0
            # The uploader's own day began just now: by the clock that ran ahead its second address ends too soon too.
            with contextlib.suppress(UploadRefused):
                await hosting.hosted(PICTURE, Reach.LOOPBACK)
            counts.append(sum(one["key"] == key for one in emulator.books().uploads))
        return counts

    assert uploaded(tmp_path, http.client, host, upload_url=emulator.url, api_key=key) == [1, 1, 2]
