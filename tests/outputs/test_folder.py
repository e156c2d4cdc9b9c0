"""The folder of a run: whose it is, and how files get into it whole."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from runner.errors import RunnerError
from runner.outputs.folder import RunFolder, owner
from runner.store import move_whole, write_whole
from runner.store.documents import read_json

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef" * 4
OTHER = "0123456789abcdef" + "f" * 48


def claimed(path: Path, key: str = KEY) -> RunFolder:
    """A folder that a run of `key` worked in and left."""
    folder = opened(path, key)
    folder.write("run.json", json.dumps({"key": key}))
    return folder


def opened(path: Path, key: str = KEY) -> RunFolder:
    """A folder that a run of `key` works in."""
    return RunFolder(path, key, path.parent / ".work")


def test_the_same_request_gets_the_same_folder_again(tmp_path: Path) -> None:
    path = tmp_path / "film" / "label-01234567"

    first, second = claimed(path), claimed(path)

    assert first.path == second.path == path
    assert owner(path) == KEY


def test_the_folder_of_another_request_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "label-01234567"
    claimed(path, OTHER)
    before = (path / "run.json").read_bytes()

    folder = claimed(path)

    assert folder.path == tmp_path / "label-0123456789abcdef"
    assert (path / "run.json").read_bytes() == before
    assert owner(path) == OTHER


def test_two_requests_with_the_same_beginning_of_a_key_both_have_a_place(tmp_path: Path) -> None:
    path = tmp_path / "label-01234567"
    write_whole(path / "notes.txt", b"a person's")
    claimed(path, OTHER)

    assert claimed(path).path == tmp_path / f"label-{KEY}"
    assert claimed(path, OTHER).path == tmp_path / "label-0123456789abcdef"
    assert [entry.name for entry in path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b'{"run": 1}', b"\xff"])
def test_a_folder_with_a_broken_record_counts_as_someone_elses(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "label-01234567"
    write_whole(path / "run.json", content)

    assert claimed(path).path != path
    assert (path / "run.json").read_bytes() == content


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "label-01234567"
    path.write_text("notes")

    assert claimed(path).path != path
    assert path.read_text() == "notes"


def test_where_everything_is_taken_it_says_so(tmp_path: Path) -> None:
    for name in ("label-01234567", "label-0123456789abcdef", f"label-{KEY}"):
        (tmp_path / name).write_text("notes")

    with pytest.raises(RunnerError, match="belongs to something else") as caught:
        opened(tmp_path / "label-01234567")

    assert "move that folder away" in caught.value.hint
    assert "output.root" not in caught.value.hint, "where all of it would be paid for again"


def test_an_empty_folder_and_one_of_a_run_that_died_at_once_are_used(tmp_path: Path) -> None:
    path = tmp_path / "label-01234567"
    path.mkdir()
    assert opened(path, KEY).path == path  # left open, as by a process that was killed

    assert opened(path, KEY).path == path
    assert opened(path, OTHER).path != path


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(RunnerError, match="cannot be written") as caught:
        opened(tmp_path / name, KEY)

    assert caught.value.where == str(tmp_path / name)
    assert caught.value.why
    assert "rerun the same command" in caught.value.hint
    assert "output.root" not in caught.value.hint, "where all of it would be paid for again"


def test_the_private_folder_of_a_run_is_inside_that_of_its_session(tmp_path: Path) -> None:
    folder = opened(tmp_path / "run")

    assert folder.work.parent == tmp_path / ".work"
    assert folder.work.is_dir()
    assert opened(tmp_path / "run").work != folder.work
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]


def test_what_killed_runs_left_is_removed_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "run")
    old, new = (folder.path / "hero/shots" / name for name in (".part-old", ".part-new"))
    for part in (old, new):
        write_whole(part, b"x")
    long_ago = time.time() - 2 * 3600
    os.utime(old, (long_ago, long_ago))

    opened(folder.path).remove_stale()

    assert not old.exists()
    assert new.exists()


def test_a_file_is_put_whole_over_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "down" / "file.json"

    write_whole(target, b"first")
    write_whole(target, b"second")

    assert target.read_bytes() == b"second"
    assert os.listdir(target.parent) == ["file.json"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_write_that_fails_leaves_the_older_file_and_nothing_half(tmp_path: Path) -> None:
    target = tmp_path / "file.json"
    write_whole(target, b"first")

    with pytest.raises(TypeError):
        write_whole(target, "no bytes")  # type: ignore[arg-type]

    assert target.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["file.json"]


def test_a_file_whose_name_is_taken_by_a_folder_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "file.json").mkdir()

    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "file.json", b"text")

    assert os.listdir(tmp_path) == ["file.json"]


def test_a_finished_file_gets_its_final_name(tmp_path: Path) -> None:
    finished = tmp_path / "work.mp4"
    finished.write_bytes(b"clip")

    move_whole(finished, tmp_path / "hero/shots/01_opening.mp4")

    assert (tmp_path / "hero/shots/01_opening.mp4").read_bytes() == b"clip"
    assert not finished.exists()


def test_missing_and_broken_json_is_nothing(tmp_path: Path) -> None:
    write_whole(tmp_path / "broken.json", b"{")
    write_whole(tmp_path / "good.json", b'{"a": 1}')

    assert read_json(tmp_path / "broken.json") is None
    assert read_json(tmp_path / "missing.json") is None
    assert read_json(tmp_path) is None
    assert read_json(tmp_path / "good.json") == {"a": 1}
