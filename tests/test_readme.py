"""The README's commands, run in their order in a folder of their own, as a newcomer would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    (name, content), *_ = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("python -m runner")
    ]
    assert len(commands) == 11
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(README.parent)}
    for command in commands:
        words = [sys.executable, *shlex.split(command)[1:]]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    films = sorted(path.relative_to(tmp_path / "outputs").parts[0] for path in tmp_path.rglob("film.mp4"))
    assert films == ["by_ffmpeg", *["my_film"] * 7]


def test_the_two_first_commands_set_themselves_up() -> None:
    for mark in ("film", "tests"):
        (command,) = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)\n```", TEXT, re.DOTALL)
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")
