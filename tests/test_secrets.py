"""A key reaches no file and no terminal, whatever is run, at whatever level, and whatever a provider sends back."""

from __future__ import annotations

import base64
import http.server
import json
import logging
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.plugins.kie.emulator.client import Emulator

    from tests.conftest import Workplace

KEY = "canary+key/of=a-test-0123456789"
HOOK = "canary+hook/of=a-test-0123456789"
ROOT = Path(__file__).parents[1]
CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}


def forms(secret: str) -> list[bytes]:
    """A secret as it may be written."""
    plain = secret.encode()
    return [
        plain,
        urllib.parse.quote(secret, safe="").encode(),
        base64.b64encode(plain).rstrip(b"="),
        json.dumps(secret)[1:-1].encode(),
        secret.replace("/", "\\/").encode(),
    ]


def found(folder: Path, printed: str, *, but: Path | None = None) -> list[str]:
    """Where a canary was written; `but` is the file that it was put into on purpose."""
    # A terminal's lines may break anywhere, in the middle of a key too.
    places = {"the terminal": "".join(printed.split()).encode("utf-8", "surrogateescape")}
    for file in folder.rglob("*"):
        if file.is_file() and file != but:
            places[str(file)] = file.read_bytes()
    return [
        place
        for place, data in places.items()
        for secret in (KEY, HOOK)
        for form in forms(secret)
        if form in data
    ]


class Echo(http.server.BaseHTTPRequestHandler):
    """A provider that sends back what it was sent, in an envelope or on a page."""

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(size).decode("utf-8", "replace")
        text = f"bad request: Authorization: {self.headers.get('Authorization')}"
        if "page" in sent or "page" in self.path:
            status, kind, body = 502, "text/html", f"<html><body>{text}</body></html>"
        else:
            status, kind, body = 200, "application/json", json.dumps({"code": 500, "msg": text, "data": None})
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Accepts(Echo):
    """Takes every task, and lets it fail with what it was sent."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        failed = {"taskId": "t1", "state": "fail", "failMsg": f"you sent {self.headers.get('Authorization')}"}
        body = json.dumps({"code": 200, "msg": "success", "data": failed}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Parrot(socketserver.StreamRequestHandler):
    """Sends back a line that came in, which is no HTTP answer."""

    def handle(self) -> None:
        for line in self.rfile:
            if line.lower().startswith(b"authorization:"):
                self.wfile.write(line + b"\r\n")
                return


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with running(*QUICK) as started:
        started.account(KEY, 5000)
        yield started


@pytest.fixture(params=["environment", "file", "command line"])
def given(
    request: pytest.FixtureRequest,
    workplace: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> tuple[tuple[str, ...], Path | None]:
    """(overrides that give the key, the file that holds it)."""
    monkeypatch.setenv("HOOK_KEY", HOOK)
    monkeypatch.delenv("KIE_API_KEY", raising=False)
    caplog.set_level(logging.DEBUG)
    if request.param == "environment":
        monkeypatch.setenv("KIE_API_KEY", KEY)
        return (), None
    if request.param == "file":
        file = workplace.write("secrets/kie.key", f"{KEY}\n")
        return (f"generator.api_key_file={file}", f"uploader.api_key_file={file}"), file
    return (f"generator.api_key='{KEY}'", f"uploader.api_key='{KEY}'"), None


def test_a_key_is_written_nowhere(
    workplace: Workplace, emulator: Emulator, echo: str, given: tuple[tuple[str, ...], Path | None]
) -> None:
    words, file = given
    project = workplace.project(CHAIN, shot=SMALL)
    parts = ("generator=kie", "uploader=kie")
    hook = "generator.callback.hmac_key=${oc.env:HOOK_KEY}"
    there = (*parts, f"generator.api_url={emulator.url}", f"uploader.upload_url={emulator.url}", *words, hook)
    wrong = (*parts, f"generator.api_url={echo}", f"uploader.upload_url={echo}", *words)
    # In this process a signature of what was tried last is left nowhere else than where it was printed.
    told = []

    def run(code: int, *argv: str) -> None:
        answer = workplace.run(*argv)
        told.append(answer.out + answer.err)
        assert answer.code == code, (argv, answer.out, answer.err)

    run(0, "plan", project, *there)
    run(0, "plan", project, *there, "--json")
    run(0, "doctor", project, *there)
    run(0, project, *there)
    run(0, project, *there, "--debug")
    run(0, "-m", project, *there, "shot.seed=1,2")
    run(0, "journal")
    run(0, "journal", "--json")
    run(0, "verify", "outputs")
    run(0, "plugins", "kie")
    run(0, "--cfg", "job", project, *there)
    made = workplace.runs()[0]
    run(0, "why", str(made), "one")
    run(2, project, *there, "shot.duration_s=1", "generator.nothing=1", "uploader.token=x")
    run(1, "doctor", project, *wrong, "output.root=echoed")
    # An unknown 500 leaves open what became of the request.
    run(3, project, *wrong, "output.root=echoed")
    run(3, project, *wrong, "output.root=pages", "sequences.main.shots.one.prompt=page")
    run(0, "journal", "output.root=echoed")

    assert found(workplace.path, "\n".join(told), but=file) == []


def test_a_key_that_was_put_into_a_prompt_too_is_scrubbed(
    workplace: Workplace, emulator: Emulator, given: tuple[tuple[str, ...], Path | None]
) -> None:
    words, file = given
    project = workplace.project(CHAIN, shot=SMALL)
    there = ("generator=kie", "uploader=kie", f"generator.api_url={emulator.url}", *words)
    there = (
        *there,
        f"uploader.upload_url={emulator.url}",
        f"sequences.main.shots.two.prompt='my key is {KEY}'",
    )

    shown = ""
    for command in ((), ("plan",), ("plan", "--json"), ("-m", "shot.seed=1,2")):
        answer = workplace.run(*command, project, *there)
        assert answer.code == 0, answer.err
        shown += answer.out + answer.err
    manifest = next(workplace.path.glob("outputs/**/manifest.json"))
    shown += workplace.run("why", str(manifest.parent), "two").out

    assert "my key is (hidden)" in shown
    assert "my key is (hidden)" in manifest.read_text(encoding="utf-8")
    assert found(workplace.path, shown, but=file) == []
    assert workplace.run("verify", "outputs").code == 0


@pytest.mark.parametrize(
    "word",
    [f"+generator.apy='{KEY}'", f"+shot.hook='{KEY}'", f"shot={{hook: '{KEY}'}}", f"+hooks.url='{KEY}'"],
)
def test_the_value_of_an_unknown_key_is_shown_nowhere(workplace: Workplace, word: str) -> None:
    answer = workplace.run(workplace.project(CHAIN, shot=SMALL), word)

    assert answer.code == 2
    assert "there is no such" in answer.err
    assert "command line: " in answer.err
    assert found(workplace.path, answer.out + answer.err) == []


def test_a_canary_would_be_found(tmp_path: Path) -> None:
    for number, form in enumerate(forms(KEY)):
        (tmp_path / str(number)).write_bytes(b"x" + form + b"y")

    assert {place.rsplit("/", 1)[1] for place in found(tmp_path, "")} == set("01234")
    assert "the terminal" in found(tmp_path / "none", f"key {HOOK}")


def test_what_a_task_or_a_broken_line_sends_back_is_written_nowhere(
    workplace: Workplace, given: tuple[tuple[str, ...], Path | None]
) -> None:
    words, file = given
    told = ""
    for server in (Accepts, Parrot):
        project = workplace.project({"main": {"one": "a quiet lake"}}, shot=SMALL)
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), server) as serving:
            thread = threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            there = f"http://127.0.0.1:{serving.server_address[1]}"
            at = (
                f"generator.api_url={there}",
                f"uploader.upload_url={there}",
                f"output.root={server.__name__}",
            )
            for verb in ("doctor", ""):
                command = [*filter(None, [verb]), project, "generator=kie", "uploader=kie", *words, *at]
                answer = workplace.run(*command)
                told += answer.out + answer.err
                # A broken line says nothing about the request: only the user can find out what became of it.
                assert answer.code == (3 if server is Parrot and not verb else 1), told
            serving.shutdown()
            thread.join()
        answer = workplace.run("journal", "--json", f"output.root={server.__name__}")
        told += answer.out

    shown = " ".join(told.split())
    assert "you sent Bearer (hidden)" in shown
    assert "authorization: Bearer (hidden)" in shown
    assert found(workplace.path, told, but=file) == []


@pytest.mark.parametrize("fault", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_broken_off_leaves_no_key_behind(
    workplace: Workplace,
    emulator: Emulator,
    given: tuple[tuple[str, ...], Path | None],
    fault: signal.Signals,
) -> None:
    words, file = given
    (workplace.path / "home").mkdir()
    there = (f"generator.api_url={emulator.url}", f"uploader.upload_url={emulator.url}")
    emulator.script(rules=[{"stuck": True}])
    words = (*there, *words, "hydra.verbose=true", "--debug")
    project = workplace.project(CHAIN, shot=SMALL)
    with (workplace.path / "stdout").open("wb") as out, (workplace.path / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", project, "generator=kie", "uploader=kie", *words],
            cwd=workplace.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(workplace.path / "home")},
            stdout=out,
            stderr=err,
        )
    before = len(emulator.books().polls)
    deadline = time.monotonic() + 60
    while len(emulator.books().polls) < before + 2:
        assert process.poll() is None
        assert time.monotonic() < deadline, "the task is not polled"
        time.sleep(0.02)
    process.send_signal(fault)
    assert process.wait(30) == (130 if fault is signal.SIGINT else -signal.SIGKILL)
    emulator.script()

    wal = workplace.path / "outputs" / ".runner" / "journal.db-wal"
    assert fault is signal.SIGINT or wal.stat().st_size, "the journal is as it was when it was killed"
    assert (workplace.path / "stdout").stat().st_size + (workplace.path / "stderr").stat().st_size
    assert found(workplace.path, "", but=file) == []


def test_conformance_shows_no_key(
    workplace: Workplace, emulator: Emulator, given: tuple[tuple[str, ...], Path | None]
) -> None:
    words, file = given
    there = (f"generator.api_url={emulator.url}", f"uploader.upload_url={emulator.url}")

    shown = workplace.run(
        "conformance", "kie", "--spend", *there, *words, "generator.callback={hmac_key: '" + HOOK + "'}"
    )

    assert "generator kie" in shown.out, shown.err
    assert found(workplace.path, shown.out + shown.err, but=file) == []


@pytest.mark.parametrize(
    "mistake",
    [
        f"generator.api_key_file='{KEY}'",
        f"generator.callback={{hmac_key: '{HOOK}', port: none}}",
        f"generator.callback.hmac_key=['{HOOK}']",
        f"generator.api_key={{a: '{KEY}'}}",
        f"generator.api_key='{KEY}",
        f"generator.api_key={KEY},x",
        f"+generators.closeup.api_key='{KEY}'",
    ],
)
def test_a_mistake_beside_a_key_is_told_without_it(workplace: Workplace, mistake: str) -> None:
    project = workplace.project(CHAIN, shot=SMALL)
    words = (project, "generator=kie", "uploader=kie", mistake)

    told = ""
    for command in ((), ("plan",), ("doctor",)):
        answer = workplace.run(*command, *words, "generator.api_url=http://127.0.0.1:9")
        told += answer.out + answer.err

    assert found(workplace.path, told) == []
