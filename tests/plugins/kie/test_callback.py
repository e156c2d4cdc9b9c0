"""KIE may call back when a task ends: the id of the task is believed, if it is signed, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import queue
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import web
from runner.plugins.kie import Callback
from runner.plugins.kie.callback import receiver as kie_receiver
from runner.plugins.kie.emulator.client import running

from runner.errors import PluginError
from tests.kie_account import SMALL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runner.providers import CallbackReceiver
    from tests.conftest import Workplace

NOW = 1_790_000_000
KEY = "webhook-key-of-a-test"
LONG = {
    "taskId": "t1",
    "code": 200,
    "msg": "Success",
    "data": {"task_id": "t1", "callbackType": "task_completed"},
}
ENVELOPE = {"code": 200, "msg": "success", "data": {"taskId": "t1", "state": "success", "resultJson": "{}"}}


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def signed(task: str = "t1", at: int = NOW, key: str = KEY) -> dict[str, str]:
    digest = hmac.digest(key.encode(), f"{task}.{at}".encode(), hashlib.sha256)
    return {"X-Webhook-Timestamp": str(at), "X-Webhook-Signature": base64.b64encode(digest).decode()}


def received(
    play: Callable[[CallbackReceiver, Callable[..., Awaitable[int]]], Awaitable[Any]], key: str = ""
) -> Any:
    """Run `play(receiver, post)`; `post` returns the status of a callback sent to the receiver."""

    async def inside() -> Any:
        port = free_port()
        options = Callback(f"http://127.0.0.1:{port}/tunnel", "127.0.0.1", port, key)
        async with (
            kie_receiver(options, logging.getLogger("test"), clock=lambda: NOW) as receiver,
            httpx.AsyncClient() as client,
        ):

            async def post(body: Any = LONG, headers: dict[str, str] | None = None, path: str = "") -> int:
                address = path or urlsplit(receiver.url).path
                raw = {"content": body} if isinstance(body, bytes) else {"json": body}
                answer = await client.post(f"http://127.0.0.1:{port}{address}", headers=headers, **raw)
                return answer.status_code

            return await play(receiver, post)

    return asyncio.run(inside())


async def is_called(receiver: CallbackReceiver, task: str = "t1") -> bool:
    try:
        async with asyncio.timeout(0.2):
            await receiver.called(task)
    except TimeoutError:
        return False
    return True


def outcome(body: Any = LONG, *, key: str = "", headers: dict[str, str] | None = None, path: str = "") -> Any:
    """(status, whether whoever waits for t1 is woken)."""

    async def play(receiver: CallbackReceiver, post: Callable[..., Awaitable[int]]) -> tuple[int, bool]:
        waiting = asyncio.ensure_future(is_called(receiver))
        await asyncio.sleep(0)
        status = await post(body, headers, path)
        return status, await waiting

    return received(play, key)


@pytest.mark.parametrize("body", [LONG, ENVELOPE, {"taskId": "t1"}, {"data": {"task_id": "t1"}}])
def test_a_callback_of_any_documented_shape_wakes_who_waits(body: Any) -> None:
    assert outcome(body) == (200, True)


def test_a_callback_about_another_task_wakes_nobody() -> None:
    assert outcome({"taskId": "t2"}) == (200, False)


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b"{}", b'"t1"', b'{"data": {"taskId": ""}}', b"\xff\xfe", b"[" * 200_000],
)
def test_garbage_is_refused(body: bytes) -> None:
    assert outcome(body) == (400, False)


def test_a_huge_body_is_refused() -> None:
    assert outcome({"taskId": "t1", "pad": "x" * 1_000_000}) == (413, False)


def test_another_path_is_not_there() -> None:
    assert outcome(path="/tunnel/guessed") == (404, False)


def test_a_right_signature_is_believed() -> None:
    assert outcome(key=KEY, headers=signed()) == (200, True)
    assert outcome(key=KEY, headers=signed(at=NOW - 200)) == (200, True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(key="another key"),
        signed(task="t2"),
        signed(at=NOW - 3600),
        signed(at=NOW + 3600),
        {**signed(), "X-Webhook-Timestamp": str(NOW + 1)},
        {**signed(), "X-Webhook-Timestamp": "now"},
        {"X-Webhook-Timestamp": str(NOW)},
        {**signed(), "X-Webhook-Signature": "AAAA"},
    ],
)
def test_a_wrong_old_or_missing_signature_is_not_believed(headers: dict[str, str]) -> None:
    assert outcome(key=KEY, headers=headers) == (401, False)


def test_a_task_id_that_nobody_could_have_signed_is_not_believed() -> None:
    assert outcome(b'{"taskId": "\\ud800"}', key=KEY, headers=signed()) == (401, False)


def test_a_callback_that_comes_twice_wakes_once() -> None:
    async def play(receiver: CallbackReceiver, post: Callable[..., Awaitable[int]]) -> list[bool]:
        waiting = asyncio.ensure_future(is_called(receiver))
        await asyncio.sleep(0)
        await post()
        first = await waiting
        await post()
        await post()
        return [first, await is_called(receiver), await is_called(receiver)]

    assert received(play) == [True, True, False]


def test_a_port_that_is_taken_is_told_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        options = Callback("https://hooks.example", "127.0.0.1", taken.getsockname()[1])

        async def enter() -> None:
            async with kie_receiver(options, logging.getLogger("test")):
                pass

        with pytest.raises(PluginError, match="cannot listen for callbacks") as caught:
            asyncio.run(enter())

    assert "polled anyway" in caught.value.hint


@pytest.mark.parametrize(
    "keys",
    [{"public_url": "hooks.example", "port": 1}, {"public_url": "https://hooks.example"}, {"port": 99999}],
)
def test_callbacks_that_cannot_be_are_refused_in_the_configuration(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="callback"):
        Callback(**keys)


@pytest.mark.parametrize(
    ("shape", "key"), [("envelope", ""), ("union", KEY), ("short", KEY), ("short", "not the key that signs")]
)
def test_a_film_is_made_with_callbacks_and_without_believing_forged_ones(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, shape: str, key: str
) -> None:
    port = free_port()
    monkeypatch.setenv("KIE_API_KEY", "emulator")
    monkeypatch.setenv("HOOK_KEY", key)
    project = workplace.project({"main": {"one": "a quiet lake", "two": "wind on the lake"}}, shot=SMALL)
    options = ("--callback-shape", shape, "--callback-twice", "--webhook-key", KEY)
    with running("--task-seconds", "0.3", "--fps", "4", "--max-short-side", "304", *options) as emulator:
        answer = workplace.run(
            project,
            "generator=kie",
            "uploader=kie",
            f"generator.api_url={emulator.url}",
            f"uploader.upload_url={emulator.url}",
            f"generator.callback.public_url=http://127.0.0.1:{port}",
            f"generator.callback.port={port}",
            "generator.callback.hmac_key=${oc.env:HOOK_KEY}",
        )
        sent = emulator.books().callbacks
        asked = [one["body"] for one in emulator.requests() if one["path"].endswith("/createTask")]

    assert answer.code == 0, answer.err
    assert all(body["callBackUrl"].startswith(f"http://127.0.0.1:{port}/") for body in asked)
    assert sent
    log = (workplace.runs()[0] / "runner.log").read_text(encoding="utf-8")
    assert ("wrong signature" in log) is (key not in ("", KEY))


class Provider:
    """A KIE whose polls say to come back in an hour: only a callback brings the next one forward."""

    def __init__(self) -> None:
        self.polls: list[str] = []
        self.answers: list[tuple[int, int]] = []  # with the polls until then
        self._running = {"taskId": "t1", "state": "generating"}

    async def play(self, request: web.Request) -> web.Response:
        if request.path.endswith("/createTask"):
            self._hook = (await request.json())["callBackUrl"]
            return web.json_response({"code": 200, "msg": "success", "data": {"taskId": "t1"}})
        number = len(self.polls)
        self.polls.append(request.query["taskId"])
        self._telling = asyncio.ensure_future(self._tell(number))
        if number < 2:
            wait = {"Retry-After": "3600"}
            return web.json_response({"code": 429, "msg": "Rate limit exceeded"}, headers=wait)
        failed = {**self._running, "state": "fail", "failMsg": "nsfw", "creditsConsumed": 0}
        return web.json_response({"code": 200, "msg": "success", "data": failed})

    async def _tell(self, number: int) -> None:
        """After the first answer call about another task and with a forged end, after the second about this one."""
        forged = {
            "code": 200,
            "data": {"taskId": "t1", "state": "success", "resultJson": '{"resultUrls":[]}'},
        }
        bodies = [[{"taskId": "another"}, forged], [{"taskId": "t1"}], []][number]
        async with httpx.AsyncClient() as client:
            for body in bodies:
                await asyncio.sleep(
                    0.3
                )  # until the runner has gone to wait: what comes before that it has seen anyway
                before = len(self.polls)
                self.answers.append(((await client.post(self._hook, json=body)).status_code, before))


def test_a_callback_brings_the_next_poll_forward_and_ends_nothing_by_itself(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "emulator")
    project = workplace.project({"main": {"one": "a quiet lake"}}, shot=SMALL)
    provider = Provider()

    async def serve(stop: asyncio.Event, ready: queue.Queue[int]) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", provider.play)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.put(runner.addresses[0][1])
        await stop.wait()
        await runner.cleanup()

    ready: queue.Queue[int] = queue.Queue()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(stop, ready),))
    thread.start()
    hook = free_port()
    try:
        answer = workplace.run(
            project,
            "generator=kie",
            f"generator.api_url=http://127.0.0.1:{ready.get(timeout=10)}",
            f"generator.callback.public_url=http://127.0.0.1:{hook}",
            f"generator.callback.port={hook}",
            "limits.task_timeout_s=20",
        )
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()

    assert answer.code == 1
    assert "the task failed at kie: nsfw" in " ".join(answer.err.split())
    assert provider.polls == ["t1"] * 3
    assert provider.answers == [(200, 1), (200, 1), (200, 2)]
