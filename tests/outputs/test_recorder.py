"""What a rerun writes: nothing that stands already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace


def states(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of a folder, each with its inode and the time at which it was written."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            state = path.stat()
            found[path.relative_to(folder).as_posix()] = state.st_ino, state.st_mtime_ns
    return found


def test_a_rerun_writes_its_logs_alone(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake", "two": "wind"}})
    assert workplace.run("-q", film).code == 0
    (folder,) = workplace.runs()
    before = states(folder)
    made = json.loads((folder / "run.json").read_text("utf-8"))

    assert workplace.run("-q", film).code == 0

    after = states(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"events.jsonl", "runner.log"}
    # The record is that of the run which made the clips.
    assert made["state"] == "finished"
    assert not any(shot["reused"] for shot in made["shots"].values())
    assert workplace.run("verify", str(folder)).code == 0


def test_a_rerun_that_ends_otherwise_is_recorded(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake", "two": "wind"}})
    assert workplace.run("-q", film).code == 0
    (folder,) = workplace.runs()
    record = json.loads((folder / "run.json").read_text("utf-8"))
    (folder / "run.json").write_text(json.dumps({**record, "exit_code": 1}))

    assert workplace.run("-q", film).code == 0

    assert json.loads((folder / "run.json").read_text("utf-8"))["exit_code"] == 0


def test_a_file_that_was_changed_is_written_again(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake"}})
    assert workplace.run("-q", film).code == 0
    (folder,) = workplace.runs()
    manifest = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(manifest.replace(b"a lake", b"a pond"))
    elsewhere = workplace.write("elsewhere.yaml", (folder / ".hydra/config.yaml").read_bytes())
    (folder / ".hydra/config.yaml").unlink()
    (folder / ".hydra/config.yaml").hardlink_to(elsewhere)

    assert workplace.run("-q", film).code == 0

    assert (folder / "manifest.json").read_bytes() == manifest
    assert elsewhere.stat().st_nlink == 1
    assert workplace.run("verify", str(folder)).code == 0


def test_a_rerun_that_has_to_make_something_says_that_it_runs(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a lake"}})
    assert workplace.run("-q", film).code == 0
    (folder,) = workplace.runs()
    (folder / "main/film.mp4").unlink()
    workplace.write(
        "plugins/watch.py",
        "import json\nfrom pathlib import Path\nfrom runner.api import hookimpl\n"
        "@hookimpl\ndef runner_event(event):\n"
        f"    state = json.loads(Path({str(folder / 'run.json')!r}).read_text())['state']\n"
        "    with open('seen.txt', 'a') as file: file.write(f'{event.kind} {state}\\n')\n",
    )
    for path in (workplace.path / "outputs/.runner/objects").glob("*/*"):
        path.chmod(0o644)
        path.write_bytes(b"gone")

    workplace.run("-q", film)

    seen = (workplace.path / "seen.txt").read_text().splitlines()
    assert seen[0] == "run_started finished"
    assert any(line.endswith(" running") for line in seen)
