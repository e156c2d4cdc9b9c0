"""Paths of URLs lead to what an outputs root shows, and nowhere else."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from runner.web.browsing import MEDIA_TYPES, Root

if TYPE_CHECKING:
    from pathlib import Path

RUN = "film/one-00000000"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A root with one run, a file beside it, and links that lead out."""
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    folder = tmp_path / "outputs" / RUN
    (folder / "main" / "shots").mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"key": "0" * 64, "state": "finished", "exit_code": 0}))
    (folder / "main" / "shots" / "01_one.mp4").write_bytes(b"clip")
    for name in ("report.html", "picture.svg", "script.js", "no_ending"):
        (folder / name).write_text("<script>alert(1)</script>")
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text("x: 1")
    (folder / "link.json").symlink_to(secret)
    (folder / "out").symlink_to(tmp_path)
    (tmp_path / "outputs" / "linked").symlink_to(tmp_path / "outputs" / "film")
    os.mkfifo(folder / "fifo.json")
    (tmp_path / "outputs" / ".runner").mkdir()
    (tmp_path / "outputs" / ".runner" / "journal.json").write_text("{}")
    return Root(tmp_path / "outputs")


def test_a_clip_and_a_record_are_shown(root: Root) -> None:
    for name in ("main/shots/01_one.mp4", "run.json"):
        assert root.file(f"{RUN}/{name}") == root.path / RUN / name
    assert root.run_folder(RUN) == root.path / RUN
    assert [run.folder for run in root.runs()] == [root.path / RUN]


@pytest.mark.parametrize(
    "path",
    [
        "../secret.json",
        f"{RUN}/../../../secret.json",
        f"{RUN}/out/secret.json",
        f"{RUN}/link.json",
        f"{RUN}/fifo.json",
        f"linked/{RUN.partition('/')[2]}/run.json",
        ".runner/journal.json",
        f"{RUN}/.hydra/config.yaml",
        f"{RUN}/report.html",
        f"{RUN}/picture.svg",
        f"{RUN}/script.js",
        f"{RUN}/no_ending",
        f"{RUN}/main",
        f"{RUN}//run.json",
        f"{RUN}/./run.json",
        "/etc/passwd",
        "",
        ".",
        "..",
        f"{RUN}/run.json\x00.mp4",
        f"{RUN}\\run.json",
        f"{RUN}/" + "a" * 5000 + ".json",
    ],
)
def test_nothing_else_is(root: Root, path: str) -> None:
    assert root.file(path) is None
    assert root.run_folder(path) is None
    assert root.sweep_folder(path) is None


def test_no_file_that_is_served_is_a_page() -> None:
    assert not {kind for kind in MEDIA_TYPES.values() if "html" in kind or "svg" in kind or "script" in kind}


def test_a_change_of_a_run_is_seen(root: Root) -> None:
    before = root.fingerprint()
    (root.path / RUN / "events.jsonl").write_text("{}\n")
    fresh = Root(root.path)

    assert fresh.fingerprint() != before
