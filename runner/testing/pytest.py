"""Fixtures for the tests of plugins: a project folder built from a dictionary, and the real command line on top.

In the `conftest.py` of a plugin's tests:

    pytest_plugins = ["runner.testing.pytest"]

and in a test:

    def test_my_plugin_makes_a_film(workplace):
        film = workplace.project({"main": {"one": "a quiet lake", "two": "wind"}}, generator={"plugin": "mine"})
        answer = workplace.run(film)
        assert answer.code == 0, answer.out
        assert workplace.manifest()["sequences"]["main"]["shots"]["two"]["ending"] == "done"
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from runner import cli
from runner.config import user_file
from runner.config.compose import PrimaryConfig

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SMALL", "Answer", "Workplace", "workplace"]

SMALL: Final = {"duration_s": 0.5, "resolution": "96p", "fps": 8}
"""Shot defaults that make a clip quickly."""
_USERS: Final = ("output", "plugins", "trust")


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, as JSON."""
        return json.loads(self.out)


class Workplace:
    """A folder that somebody works in."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        """The folder. It is the current one during the test."""
        self.user_file = path.with_name(f"{path.name}-user.yaml")
        """The user's own file, beside the folder. It trusts servers on this machine."""
        self._capsys = capsys
        self._write_user_file({})

    @property
    def primary(self) -> PrimaryConfig:
        """What `runner.compose` takes as `source`, to compose as the command line does here."""
        return PrimaryConfig(user_file=self.user_file)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the folder; returns its path."""
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
        """Write conf/project/NAME.yaml; a shot may be given as its prompt. Returns the override that selects it.

        `more` are further sections, such as `generator={"plugin": "mine"}`; those that no project sets, such as
        `plugins`, go to the user's own file.
        """
        self._write_user_file({section: more.pop(section) for section in _USERS if section in more})
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

    def _write_user_file(self, sections: dict[str, Any]) -> None:
        # Pictures for people take longer than most tests: `report=true` has them made.
        trusting = {"trust": {"hosts": ["127.0.0.1", "localhost"]}, "report": False, **sections}
        self.user_file.write_text(yaml.safe_dump(trusting), encoding="utf-8")

    def run(self, *words: str) -> Answer:
        """Run one command in this process, in this folder."""
        self._capsys.readouterr()
        code = cli.main(list(words))
        printed = self._capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    def runs(self) -> list[Path]:
        """The run folders that there are."""
        return sorted(path.parent for path in (self.path / "outputs").rglob("run.json"))

    def manifest(self, run: int = 0) -> Any:
        """The manifest of a run folder."""
        return json.loads((self.runs()[run] / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture
def workplace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Workplace:
    """An empty folder, made the current one, and 100 columns of terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    found = Workplace(tmp_path, capsys)
    monkeypatch.setenv(user_file.VARIABLE, str(found.user_file))
    return found
