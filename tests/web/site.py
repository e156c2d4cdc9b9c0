"""A working folder with projects, and the server that serves it: a real process, spoken to over loopback."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.plugins.kie.emulator.client import Emulator

ROOT = Path(__file__).parents[2]
DEADLINE_S = 120.0
PRICE_USD = 0.164
"""Of one clip of 4 s at 720p by the model of the profile kie."""
SHOT = {"duration_s": 4, "resolution": "720p", "aspect_ratio": "16:9"}
ENDED = ("finished", "failed", "cancelled", "waiting")


def film(name: str = "film", /, shots: int = 2, **more: Any) -> dict[str, Any]:
    """The body of a request for a film of the emulated KIE. Its prompts hold its name, to count them there."""
    described = {f"shot{number}": {"prompt": f"{name} number {number}"} for number in range(1, shots + 1)}
    return {
        "project": {"name": name},
        "shot": SHOT,
        "sequences": {"main": {"shots": described}},
        "generator": "kie",
        "uploader": "kie",
        **more,
    }


def free_film(name: str = "film", /, **more: Any) -> dict[str, Any]:
    """The same of the synthetic generator, small and at no cost."""
    small = {"duration_s": 0.5, "resolution": "96p", "fps": 8}
    shots = {"one": {"prompt": "a quiet lake"}, "two": {"prompt": "wind"}}
    return {"project": {"name": name}, "shot": small, "sequences": {"main": {"shots": shots}}, **more}


@dataclass
class Site:
    """A working folder, and what is started in it. `key` is the account at the emulator."""

    path: Path
    emulator: Emulator | None = None
    key: str = ""
    servers: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        sections: dict[str, Any] = {"trust": {"hosts": ["127.0.0.1"]}}
        if self.emulator is not None:
            url = self.emulator.url
            sections["generator"] = {"plugin": "kie", "api_url": url}
            sections["uploader"] = {"plugin": "kie", "upload_url": url}
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "user.yaml").write_text(yaml.safe_dump(sections), encoding="utf-8")

    @property
    def root(self) -> Path:
        return self.path / "outputs"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RUNNER_CONFIG": str(self.path / "user.yaml"),
            "XDG_STATE_HOME": str(self.path.with_name(f"{self.path.name}-state")),
            "KIE_API_KEY": self.key,
            "COLUMNS": "100",
        }

    def project(self, name: str, content: dict[str, Any]) -> str:
        """Write conf/project/NAME.yaml; profiles are chosen in its defaults list. Returns its name."""
        content = dict(content)
        chosen = [
            {f"override /{group}": content.pop(group)}
            for group in ("generator", "uploader")
            if group in content
        ]
        text = yaml.safe_dump({"defaults": ["_self_", *chosen], **content}, sort_keys=False)
        file = self.path / "conf" / "project" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# @package _global_\n{text}", encoding="utf-8")
        return name

    def serve(self, *options: str, **environment: str) -> Server:
        """Start a server on any free port, and wait until it says where."""
        server = Server(self, options, environment)
        self.servers.append(server)
        return server

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in another process."""
        return subprocess.run(
            [sys.executable, "-m", "runner", *words],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def bought(self, prompt: str = "") -> int:
        """How many tasks the emulator made for this account, of those whose prompt holds `prompt`."""
        assert self.emulator is not None
        tasks = self.emulator.books().tasks
        return sum(task.key == self.key and prompt in task.prompt for task in tasks.values())

    def close(self) -> None:
        for server in self.servers:
            server.kill()


class Server:
    """A running server, and a client that speaks to it."""

    def __init__(self, site: Site, options: tuple[str, ...], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runner", "serve", "--port", "0", *options],
            cwd=site.path,
            env={**site.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.root = site.root
        self.lines: list[str] = []
        self._said: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        found = None
        with contextlib.suppress(queue.Empty):
            while found is None:
                found = re.search(r"http://[^\s]+", self._said.get(timeout=DEADLINE_S))
        assert found, f"the server did not start: {self.lines}"
        self.url = found[0]
        self.client = httpx.Client(base_url=self.url, timeout=DEADLINE_S, trust_env=False)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._said.put(line)

    def line(self, part: str) -> str:
        """The first line of its output that holds `part`, as soon as there is one."""
        return str(until(lambda: next((line for line in self.lines if part in line), "")))

    def post(self, body: Any, path: str = "/api/create_videos") -> httpx.Response:
        return self.client.post(path, json=body)

    def job(self, id: str) -> Any:
        return self.client.get(f"/api/jobs/{id}").json()

    def ended(self, id: str) -> Any:
        """The job, as soon as it has ended."""
        return until(lambda: (job := self.job(id))["state"] in ENDED and job)

    def events(self, path: str, *, after: str = "", most: int = 10_000) -> list[tuple[str, str, Any]]:
        """The (name, id, data) of a stream until its end, or the first so many of them."""
        headers = {"last-event-id": after} if after else {}
        found: list[tuple[str, str, Any]] = []
        with self.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                if not line:
                    if "event" in event:
                        found.append((event["event"], event.get("id", ""), json.loads(event["data"])))
                        if event["event"] == "end" or len(found) >= most:
                            break
                    event = {}
                    continue
                name, _, value = line.partition(": ")
                event[name] = value
        return found

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        return self._end(signal.SIGINT)

    def gone(self) -> int:
        """Wait until the process has ended by itself; its exit code."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        self.client.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.gone()


def until(found: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """What `found` returns as soon as that is true; it is asked again and again until the deadline."""
    end = time.monotonic() + deadline_s
    while not (value := found()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return value


@contextlib.contextmanager
def opened(path: Path, emulator: Emulator | None = None, key: str = "") -> Iterator[Site]:
    """A site whose servers end with it."""
    site = Site(path, emulator, key)
    try:
        yield site
    finally:
        site.close()
