"""The fixtures that all tests share: a folder with a project in it, and the real command line on top."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from runner import cli

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"duration_s": 0.5, "resolution": "96p", "fps": 8}
"""Shot defaults that make a clip in no time."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Workplace:
    """A person's folder. `run` calls the real command line in it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return file

    def project(
        self,
        sequences: dict[str, Any],
        *,
        name: str = "film",
        shot: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """Write conf/project/NAME.yaml; a shot may be given as its prompt. Returns the override that selects it."""
        described = {
            sequence: {
                "shots": {
                    shot_name: {"prompt": keys} if isinstance(keys, str) else keys
                    for shot_name, keys in shots.items()
                }
            }
            for sequence, shots in sequences.items()
        }
        content = {
            "project": {"name": name},
            "shot": {**SMALL, **(shot or {})},
            "sequences": described,
            **more,
        }
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        self.write(f"conf/project/{name}.yaml", f"# @package _global_\n{text}")
        return f"+project={name}"

    def run(self, *words: str) -> Answer:
        self._capsys.readouterr()
        code = cli.main(list(words))
        printed = self._capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    def runs(self) -> list[Path]:
        """The run folders there are."""
        return sorted(path.parent for path in (self.path / "outputs").rglob("run.json"))

    def manifest(self, run: int = 0) -> Any:
        return json.loads((self.runs()[run] / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture
def workplace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Workplace:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Workplace(tmp_path, capsys)
