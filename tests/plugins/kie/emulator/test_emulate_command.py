"""`runner emulate`: how it starts, what it prints, how it ends, and what it says to mistakes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from runner.plugins.kie.emulator.client import running

from runner import plugins
from runner.verbs import VERBS, emulate

ROOT = Path(__file__).parents[4]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "runner", "emulate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def lines(process):
    """What it prints when it is ready: the address, then how to use it."""
    return [process.stdout.readline().rstrip("\n") for _ in range(3)]


def test_there_is_a_verb_and_an_emulator():
    assert "emulate" in VERBS
    emulators = plugins.load([]).emulators
    assert list(emulators) == ["kie"]
    assert emulators["kie"].summary.startswith("KIE.AI: ")


def test_naming_the_emulators_imports_none_of_them():
    program = (
        "import sys; from runner import plugins; from runner.verbs import emulate;"
        "assert plugins.load([]).emulators; sys.exit(bool({'aiohttp', 'pydantic', 'numpy', 'av'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, check=False).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_how_to_make_a_film_with_it_and_ends_cleanly(number):
    with start("kie", "--port", "0", "--key", "mine") as process:
        first, second, third = lines(process)
        url = first.removeprefix("KIE emulator: ")
        answer = httpx.get(
            f"{url}/api/v1/chat/credit",
            headers={"Authorization": "Bearer mine"},
            trust_env=False,
            verify=False,
        )
        httpx.post(
            f"{url}/api/v1/jobs/createTask",
            headers={"Authorization": "Bearer mine"},
            json={"model": "grok-imagine/image-to-video", "input": {"prompt": "a\x1b[31m\nb"}},
            trust_env=False,
            verify=False,
        )
        process.send_signal(number)
        rest, log = process.communicate(timeout=120)

    assert answer.json()["data"] == 1000.0
    assert second == "export KIE_API_KEY=mine"
    assert third == (
        "python -m runner +project=ad_campaign generator=kie uploader=kie "
        f"generator.api_url={url} uploader.upload_url={url}"
    )
    assert (rest, process.returncode) == ("", 0)
    (line,) = log.splitlines()
    assert "grok-imagine/image-to-video" in line
    assert "\x1b" not in line


def test_it_is_quiet_when_told_so():
    with start("kie", "-q") as process:
        url = lines(process)[0].removeprefix("KIE emulator: ")
        httpx.post(
            f"{url}/api/v1/jobs/createTask",
            headers={"Authorization": "Bearer emulator"},
            json={"model": "grok-imagine/image-to-video", "input": {}},
            trust_env=False,
            verify=False,
        )
        process.terminate()
        assert process.communicate(timeout=120) == ("", "")


def test_it_ends_when_its_parent_does():
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "emulate", "kie", "--die-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    with process:
        lines(process)
        process.stdin.close()
        assert process.wait(timeout=120) == 0


def test_a_port_in_use_is_said():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        start("kie", "--port", str(taken.getsockname()[1])) as process,
    ):
        out, error = process.communicate(timeout=120)

    assert (process.returncode, out) == (2, "")
    assert "cannot listen on 127.0.0.1" in error
    assert "--port" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "emulate takes the name of an emulator"),
        (("veo",), "there is no emulator 'veo'"),
        (("kie", "--prot", "1"), "unrecognized arguments: --prot 1"),
        (("kie", "--port", "x"), "--port: 'x' is no port"),
        (("kie", "--port", "65536"), "--port: '65536' is no port"),
        (("kie", "--rate", "20"), "--rate: '20' is not COUNT/SECONDS"),
        (("kie", "--credits", "lots"), "--credits: 'lots' is no number"),
        (("kie", "--speed", "0"), "--speed: 0 is not enough"),
        (("kie", "--task-seconds", "-1"), "--task-seconds: '-1' is less than 0"),
        (("kie", "--states", ","), "--states: name at least one state"),
        (("kie", "--fps", "100"), "--fps: '100' is not between 1 and 60"),
        (("kie", "--error-style", "xml"), "--error-style: invalid choice: 'xml'"),
        (("kie", "--host", "203.0.113.7"), "cannot listen on 203.0.113.7:0"),
        (("kie", "--script", "no/such.yaml"), "the script cannot be used"),
    ],
)
def test_a_mistake_is_told_and_ends_with_2(workplace, words, message):
    answer = workplace.run("emulate", *words)

    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err


def test_a_wrong_script_is_told_with_its_place(workplace):
    workplace.write("trouble.yaml", "rules: [{create: [explode]}]")
    workplace.write("broken.yaml", "rules: [")

    wrong = workplace.run("emulate", "kie", "--script", "trouble.yaml")
    broken = workplace.run("emulate", "kie", "--script", "broken.yaml")

    assert (wrong.code, broken.code) == (2, 2)
    assert "rules.0: " in wrong.err
    assert "'explode' is none of" in wrong.err
    assert "broken.yaml" in broken.err


def test_the_help_of_an_emulator_tells_every_option(capsys):
    assert emulate.main(["kie", "--help"]) == 0
    text = capsys.readouterr().out

    for option in (
        "--port",
        "--key",
        "--credits",
        "--error-style",
        "--rate",
        "--script",
        "--legacy-sora",
        "--result-url-hours",
        "--quiet",
    ):
        assert option in text
    assert emulate.main(["--help"]) == 0
    assert "kie" in capsys.readouterr().out


def test_the_clock_goes_forward_only():
    with running() as emulator:
        before = emulator.books().now
        emulator.advance(86_400)
        with pytest.raises(ValueError, match="forward only"):
            emulator.advance(-1)

        assert emulator.books().now - before >= 86_400


def test_requests_are_kept_with_their_bodies_and_without_their_keys():
    with running() as emulator:
        httpx.post(
            f"{emulator.url}/api/v1/jobs/createTask",
            headers={"Authorization": "Bearer emulator"},
            json={"model": "m", "input": {"prompt": "pour"}},
            trust_env=False,
            verify=False,
        )
        httpx.get(f"{emulator.url}/api/v1/chat/credit", trust_env=False, verify=False)

        (request,) = emulator.requests()
        assert request["path"] == "/api/v1/jobs/createTask"
        assert request["body"] == {"model": "m", "input": {"prompt": "pour"}}
        assert request["headers"]["authorization"] == "***"
        assert emulator.books().unauthorized == 1
