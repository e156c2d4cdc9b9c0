"""Builds the fixture of this folder with the version of the program that is the current one; see README."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from runner import cli
from runner.testing import fake_provider
from runner.testing.fake_provider.client import running

PLUGINS = Path(fake_provider.__file__).parents[1] / "plugins"
SMALL = {"duration_s": 0.5, "resolution": "96p", "fps": 8}
PAID = {"main": {"one": "a quiet lake", "two": "wind"}, "other": {"failed": "rain", "unknown": "fog"}}
SCRIPT: dict[str, Any] = {
    "default": {"price_usd": "0.10"},
    "shots": {"other/failed": {"fail": "refunded"}, "other/unknown": {"submit": ["drop_after_accept"]}},
}
LEFT_OUT = (".hydra", "events.jsonl", "runner.log", ".runner")


def describe(name: str, sequences: dict[str, dict[str, str]], **more: Any) -> None:
    """Write conf/project/NAME.yaml."""
    described = {
        sequence: {
            "shots": {
                shot: {"prompt": prompt, **({"boundary": "cut"} if sequence == "other" else {})}
                for shot, prompt in shots.items()
            }
        }
        for sequence, shots in sequences.items()
    }
    content = {"project": {"name": name}, "shot": SMALL, "sequences": described, **more}
    path = Path(f"conf/project/{name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# @package _global_\n{yaml.safe_dump(content, sort_keys=False)}", encoding="utf-8")


def ended(*words: str) -> int:
    """The exit code of one command; its output goes to standard error."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = cli.main(list(words))
    print(out.getvalue(), file=sys.stderr)
    return code


def build(target: Path) -> None:
    """Run the project twice in a temporary folder, and keep what its root holds."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with running(Path(folder) / "books.jsonl") as provider:
            provider.script(**SCRIPT)
            generator = {"plugin": "fake", "base_url": provider.base_url, "price_usd": 0.1}
            describe("paid", PAID, generator=generator, plugins={"dirs": [str(PLUGINS)]})
            # A refunded failure, and an outcome that only the user can tell.
            assert ended("+project=paid") == 3
            assert ended("+project=paid", "sequences.main.shots.two.seed=5") == 3
        outputs = Path("outputs")
        with contextlib.closing(sqlite3.connect(outputs / ".runner" / "journal.db")) as journal:
            (version,) = journal.execute("PRAGMA user_version").fetchone()
            dump = "\n".join([*journal.iterdump(), f"PRAGMA user_version = {version};"])
        shutil.copy("books.jsonl", target)
        shutil.rmtree(target / "root", ignore_errors=True)
        shutil.copytree(outputs, target / "root", ignore=shutil.ignore_patterns(*LEFT_OUT))
        (target / "journal.sql").write_text(dump + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.umask(0o022)
    build(Path(sys.argv[1]).resolve())
