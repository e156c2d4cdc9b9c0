"""What a cassette keeps of requests and answers, and which answer a replay gives."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from runner.api import EncodedImage
from runner.cassette import files
from runner.cassette.files import Answer, Exchange
from runner.cassette.recording import Recording
from runner.cassette.replaying import NotRecorded, Player
from runner.cassette.request_form import Request, differences, request_form
from runner.errors import CassetteError, UploadRefused
from runner.net.asking import Asking, asking

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.example.com/jobs"


def posted(body: Any, url: str = URL, token: str = "", names: dict[str, str] | None = None) -> Request:
    request = httpx.Request("POST", url, json=body)
    return request_form(request, request.read(), names or {}, token)


def answered(text: str, shot: str = "") -> Answer:
    return Answer(status=200, body={"text": text}, shot=shot)


def player(tmp_path: Path, answers: list[Answer], request: Request | None = None) -> Player:
    request = request or posted({"prompt": "a lake"})
    cassette = files.opened(tmp_path / "tape", now=0, new=True)
    cassette.keep(Exchange(request=request, answers=answers))
    return Player(cassette)


def played(found: Player, method: str, shot: str, body: Any = None) -> str:
    request = httpx.Request("POST", URL, json=body or {"prompt": "a lake"})
    with asking(Asking(method=method, shot=shot)):
        return str(found.answer(request, request.read()).body["text"])


def test_takes_of_one_request_get_their_own_answers(tmp_path: Path) -> None:
    found = player(tmp_path, [answered("first", "A"), answered("second", "B")])

    assert played(found, "submit", "B") == "second"
    assert played(found, "submit", "A") == "first"
    with pytest.raises(NotRecorded):
        played(found, "submit", "A")
    ((shot, error),) = found.missed
    assert shot == "A"
    assert "submitted 2 times" in error.why


def test_a_poll_goes_through_its_answers_and_stays_at_the_last(tmp_path: Path) -> None:
    found = player(tmp_path, [answered("waiting", "A"), answered("done", "A")])

    assert [played(found, "poll", "A") for _ in range(4)] == ["waiting", "done", "done", "done"]


def test_a_shot_with_a_new_key_gets_the_answer_of_its_request(tmp_path: Path) -> None:
    found = player(tmp_path, [answered("first", "A")])

    assert played(found, "submit", "NEW") == "first"


def test_the_token_of_an_attempt_is_no_part_of_a_request() -> None:
    one = posted({"id": "attempt-1", "p": 1}, url=f"{URL}?token=attempt-1", token="attempt-1")
    other = posted({"id": "attempt-2", "p": 1}, url=f"{URL}?token=attempt-2", token="attempt-2")

    assert one.digest == other.digest
    assert one.digest != posted({"id": "attempt-3", "p": 1}).digest


def test_a_hosted_image_is_named_by_its_content() -> None:
    one = posted({"image": "https://a.example/x1.png"}, names={"https://a.example/x1.png": "hosted:aa"})
    other = posted({"image": "https://b.example/x2.png"}, names={"https://b.example/x2.png": "hosted:aa"})
    changed = posted({"image": "https://b.example/x2.png"}, names={"https://b.example/x2.png": "hosted:bb"})

    assert one.digest == other.digest
    assert list(differences(one, changed)) == ['body.image: recorded "hosted:aa", requested "hosted:bb"']


def test_the_port_of_this_machine_is_no_part_of_a_request() -> None:
    assert posted(1, "http://127.0.0.1:1234/x").digest == posted(1, "http://localhost:99/x").digest
    assert posted(1, "https://a.example:1234/x").digest != posted(1, "https://a.example:99/x").digest


def test_a_form_is_compared_field_by_field_and_its_files_by_their_content() -> None:
    def form(data: bytes, folder: str) -> Request:
        request = httpx.Request(
            "POST", URL, files={"file": ("a.png", data, "image/png")}, data={"folder": folder}
        )
        return request_form(request, request.read(), {})

    data = b"\r\n--x\r\n\r\n\x00binary"
    assert form(data, "runner").digest == form(data, "runner").digest
    assert form(data, "runner").body["form"]["folder"] == "runner"
    assert [line.partition(":")[0] for line in differences(form(data, "a"), form(data + b"!", "b"))] == [
        "body.folder",
        "body.file.sha256",
        "body.file.size",
    ]


def test_secrets_are_in_no_request() -> None:
    request = posted({"api_key": "S3cr3t-of-somebody", "q": 1}, f"{URL}?signature=S1gnature-of-it&a=1")

    text = json.dumps(request.to_json())
    assert "S3cr3t-of-somebody" not in text
    assert "S1gnature-of-it" not in text
    assert "a=1" in text


def test_the_nearest_request_is_the_one_at_the_same_place_with_most_fields_alike(tmp_path: Path) -> None:
    found = player(tmp_path, [answered("a")])
    found.cassette.keep(Exchange(request=posted({"prompt": "wind", "seed": 2}), answers=[answered("b")]))
    found.cassette.keep(Exchange(request=posted({"prompt": "a storm"}, f"{URL}/else"), answers=[]))

    with pytest.raises(NotRecorded):
        played(found, "submit", "A", {"prompt": "a storm", "seed": 2})

    assert found.missed[0][1].why == (
        'the nearest recorded one differs in body.prompt: recorded "wind", requested "a storm"'
    )


def recorded(tmp_path: Path, answer: httpx.Response, *, read: bool = True) -> files.Cassette:
    """What is kept of one answer, streamed as a download is."""
    cassette = files.opened(tmp_path / "tape", now=5, new=True)
    cassette.save()
    recording = Recording(cassette, max_file_bytes=1000, max_bytes=10_000)
    transport = recording(httpx.MockTransport(lambda request: answer))

    async def ask() -> None:
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", URL) as response,
        ):
            if read:
                async for _ in response.aiter_raw():
                    pass

    asyncio.run(ask())
    return files.opened(tmp_path / "tape", now=9, new=False)


def test_a_page_that_nobody_read_is_kept_where_it_is_an_error(tmp_path: Path) -> None:
    answer = httpx.Response(404, headers={"Content-Type": "text/html", "Date": "today"}, stream=Pieces())
    (exchange,) = recorded(tmp_path, answer, read=False).exchanges.values()

    assert exchange.answers == [Answer(status=404, headers={"content-type": "text/html"})]


def test_a_clip_that_did_not_arrive_whole_is_not_kept(tmp_path: Path) -> None:
    answer = httpx.Response(200, headers={"Content-Type": "video/mp4"}, stream=Pieces())

    assert not recorded(tmp_path, answer, read=False).exchanges
    assert not list((tmp_path / "tape").rglob("*.mp4"))


def test_media_is_kept_by_its_digest(tmp_path: Path) -> None:
    answer = httpx.Response(200, headers={"Content-Type": "video/mp4"}, stream=Pieces())
    cassette = recorded(tmp_path, answer)
    (exchange,) = cassette.exchanges.values()

    assert cassette.recorded == 5
    assert cassette.media(exchange.answers[0].media) == b"onetwo"
    assert cassette.size() == 6


class Pieces(httpx.AsyncByteStream):
    async def __aiter__(self) -> Any:
        yield b"one"
        yield b"two"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("cassette.json", '{"cassette_version": 99, "recorded": 0, "shots": []}', "another format"),
        ("cassette.json", "no JSON", "cannot be read"),
        ("exchanges/x.json", '{"request": {}}', "cannot be read"),
        (
            "exchanges/x.json",
            json.dumps(
                {
                    "request": {"method": "GET", "url": "x", "body": None},
                    "answers": [
                        {"status": 200, "headers": {}, "body": {"media": "../../../etc/passwd", "size": 1}}
                    ],
                }
            ),
            "cannot be read",
        ),
    ],
)
def test_a_folder_that_is_no_cassette_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    cassette = files.opened(tmp_path, now=0, new=True)
    cassette.save()
    (tmp_path / "exchanges").mkdir()
    (tmp_path / name).write_text(text)

    with pytest.raises(CassetteError, match=says):
        files.opened(tmp_path, now=0, new=False)


def test_a_link_in_a_cassette_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "tape").mkdir()
    (tmp_path / "tape" / "media").symlink_to(tmp_path)

    with pytest.raises(CassetteError, match="cannot be read"):
        files.opened(tmp_path / "tape", now=0, new=True)


def test_a_folder_with_other_files_is_not_made_a_cassette(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(CassetteError, match="no cassette"):
        files.opened(tmp_path, now=0, new=True)


def test_an_upload_that_was_not_recorded_is_refused(tmp_path: Path) -> None:
    found = player(tmp_path, [])
    uploader = found.uploader("sdk", None)
    image = EncodedImage(data=b"png", format="png", width=1, height=1, sha256="0" * 64)

    with pytest.raises(UploadRefused, match="not in the cassette"):
        asyncio.run(uploader.put(image))
    assert len(found.missed) == 1
