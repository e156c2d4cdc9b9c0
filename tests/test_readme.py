"""The README's commands, run in their order in a folder of their own, as a newcomer would."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
from media.join_clips import tone
from media.sounds import write_wav

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    for name, content in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    for name in re.findall(r"<!-- sound: (\S+) -->", TEXT):
        write_wav(tmp_path / name, tone(2, rate=44_100))
    commands = [
        line
        for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
        for line in block.splitlines()
        if (" -m runner " in line and not line.startswith("python3")) or line.startswith("curl ")
    ]
    assert len(commands) == 26
    port, served = _free_port(), 0
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(README.parent)}
    with contextlib.ExitStack() as servers:
        for command in commands:
            if command.startswith("curl "):
                _requested(command.replace("8640", str(served)))
                continue
            *settings, words = command.replace("8080", str(port)).rpartition("python")
            added = dict(word.split("=", 1) for word in shlex.split(settings[0]))
            argv, env = [sys.executable, *shlex.split(words)], environment | added
            if "emulate" in argv:
                servers.enter_context(_serving(argv, tmp_path, env))
                continue
            if "serve" in argv:
                served = servers.enter_context(_serving([*argv, "--port", "0"], tmp_path, env))
                continue
            done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    films = [path.relative_to(tmp_path / "outputs").parts[0] for path in tmp_path.rglob("film.mp4")]
    expected = {"ad_campaign": 5, "base": 6, "by_ffmpeg": 1, "my_film": 12, "one_shot": 6}
    found = Counter(films)
    assert found.pop("new") in (5, 8)  # takes of `regression`, as many as decide
    assert dict(found) == expected


def test_the_script_of_the_library_works(tmp_path: Path) -> None:
    (name, content), *_ = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
    (script,) = re.findall(r"<!-- library -->\n```python\n(.*?)```", TEXT, re.DOTALL)
    for file, text in ((name, content), ("script.py", script)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(README.parent)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(script.splitlines()) < 35
    for line in ("my_film 0 outputs/my_film/", "one_shot 0 outputs/one_shot/", "0.00 USD"):
        assert line in done.stdout
    assert done.stdout.count("shot_finished") == 4
    assert "film_finished harbour" in done.stdout


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@contextlib.contextmanager
def _serving(argv: list[str], folder: Path, env: dict[str, str]) -> Iterator[int]:
    """A command that serves until it is told to stop; it states so in its first line. Its port."""
    with subprocess.Popen(
        argv, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:(\d+)", server.stdout.readline())
        assert address
        try:
            yield int(address[1])
        finally:
            server.terminate()
            assert server.wait(timeout=20) == 0


def _requested(command: str) -> None:
    """Send what a command of curl sends, and wait for the film."""
    _, url, _, header, _, data = shlex.split(command)
    name, _, value = header.partition(": ")
    answer = httpx.post(url, headers={name: value}, content=data, timeout=60)
    assert answer.status_code == 202, answer.text
    job = urljoin(url, answer.json()["links"]["self"])
    until = time.monotonic() + 300
    while (state := httpx.get(job, timeout=60).json()["state"]) in ("queued", "running"):
        assert time.monotonic() < until, state
        time.sleep(0.2)
    assert state == "finished"


def test_the_two_first_commands_set_themselves_up() -> None:
    for mark in ("film", "tests"):
        (command,) = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL)
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")
