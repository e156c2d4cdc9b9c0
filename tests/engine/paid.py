"""A project whose shots are made by the fake provider, run in processes that may be killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

_DATE = re.compile(r"\d{4}-\d\d-\d\d_\d{4}_")
ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "runner" / "testing" / "plugins"
CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}, "other": {"three": "a hut"}}
SHOTS = {"main/one": 1, "main/two": 1, "other/three": 1}


@dataclass(frozen=True)
class Done:
    """A finished process. A negative code is the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return " ".join((self.out + self.err).split())


class PaidProject:
    """Runs one project against one provider, any number of times, in any outputs root."""

    def __init__(
        self,
        workplace: Workplace,
        fake: FakeProvider,
        uploader: dict[str, Any],
        sequences: dict[str, Any] | None = None,
    ) -> None:
        self.workplace = workplace
        self.fake = fake
        self.override = workplace.project(
            sequences or CHAIN,
            generator={"plugin": "fake", "base_url": fake.base_url, "price_usd": 0.1},
            uploader=uploader,
            plugins={"dirs": [str(PLUGINS), "plugins"]},
        )

    def start(self, *words: str, fault: str = "") -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "RUNNER_FAULT": fault}
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *words],
            cwd=self.workplace.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, fault: str = "") -> Done:
        """Run the project once; further words are overrides."""
        return self.command(self.override, *words, fault=fault)

    def command(self, *words: str, fault: str = "") -> Done:
        process = self.start(*words, fault=fault)
        out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def artifacts(self, root: str = "outputs") -> dict[str, bytes]:
        """All films, clips, frames and manifests below a root, by name; folders without their dates."""
        folder = self.workplace.path / root
        return {
            _DATE.sub("", path.relative_to(folder).as_posix()): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and ".runner" not in path.parts
            and (path.suffix in (".mp4", ".png") or path.name == "manifest.json")
        }
