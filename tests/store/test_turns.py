"""Requests are counted for all sessions over one root, and a session that is gone does not count for ever."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.store.interface import Taken
from runner.store.local.turns import LocalTurns
from runner.store.local.work import work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[LocalTurns, LocalTurns]]:
    """Two sessions over one root."""
    with work_folder(tmp_path) as one, work_folder(tmp_path) as other:
        yield LocalTurns(tmp_path, one.name), LocalTurns(tmp_path, other.name)


def taken(found: Taken | float) -> Taken:
    assert isinstance(found, Taken)
    return found


def test_a_limit_holds_for_both_together(two: tuple[LocalTurns, LocalTurns]) -> None:
    one, other = two
    first = taken(one.take("submit a", 2, 10.0, now=100.0))
    taken(other.take("submit a", 2, 10.0, now=100.0))

    assert one.take("submit a", 2, 10.0, now=100.5) == pytest.approx(0.1), "none has been answered"
    one.give_back(first, now=101.0)
    assert other.take("submit a", 2, 10.0, now=105.0) == pytest.approx(6.0)
    taken(other.take("submit a", 2, 10.0, now=111.0))
    taken(one.take("submit b", 2, 10.0, now=111.0))


def test_what_is_in_flight_counts_until_it_has_ended(two: tuple[LocalTurns, LocalTurns]) -> None:
    one, other = two
    held = taken(one.take("in flight", 1, 0.0, now=5.0))

    assert not isinstance(other.take("in flight", 1, 0.0, now=6.0), Taken)
    one.give_back(held, now=7.0)
    taken(other.take("in flight", 1, 0.0, now=7.0))


def test_a_session_that_is_gone_counts_as_answered(tmp_path: Path) -> None:
    with work_folder(tmp_path) as work:
        LocalTurns(tmp_path, work.name).take("submit", 1, 10.0, now=1.0)
    with work_folder(tmp_path) as work:
        turns = LocalTurns(tmp_path, work.name)

        assert turns.take("submit", 1, 10.0, now=2.0) == pytest.approx(10.0)
        taken(turns.take("submit", 1, 10.0, now=12.5))


def test_processes_that_ask_at_once_never_have_more_than_there_are(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from runner.store.interface import Taken
from runner.store.local.turns import LocalTurns
from runner.store.local.work import work_folder
root = Path(sys.argv[1])
with work_folder(root) as work:
    turns = LocalTurns(root, work.name)
    print(sum(isinstance(turns.take("x", 25, 1e9, now=1.0), Taken) for _ in range(40)), flush=True)
    sys.stdin.read()
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    counts = []
    for process in started:
        assert process.stdout is not None
        counts.append(int(process.stdout.readline()))
    for process in started:
        process.communicate(timeout=60)

    assert sum(counts) == 25, counts


@pytest.mark.parametrize(
    "content",
    ["", "[", "{}", '[1, {"id": 1}]', "[" * 5000, '[{"id": "a", "session": "../..", "ended": null}]'],
)
def test_a_file_that_cannot_be_read_counts_for_nothing(
    two: tuple[LocalTurns, LocalTurns], tmp_path: Path, content: str
) -> None:
    turns, _ = two
    turns.take("x", 1, 0.0, now=1.0)
    (file,) = (tmp_path / ".runner/limits").iterdir()
    file.write_text(content)

    taken(turns.take("x", 1, 0.0, now=2.0))


def test_a_time_to_come_does_not_count(two: tuple[LocalTurns, LocalTurns], tmp_path: Path) -> None:
    turns, _ = two
    turns.take("x", 1, 10.0, now=1.0)
    (file,) = (tmp_path / ".runner/limits").iterdir()
    file.write_text(json.dumps([{"id": "a", "session": "b", "ended": 1e12}]))

    taken(turns.take("x", 1, 10.0, now=2.0))


@pytest.mark.parametrize("kind", ["link", "hard link", "fifo"])
def test_no_file_outside_is_written_to(two: tuple[LocalTurns, LocalTurns], tmp_path: Path, kind: str) -> None:
    turns, _ = two
    turns.take("x", 1, 0.0, now=1.0)
    (file,) = (tmp_path / ".runner/limits").iterdir()
    victim = tmp_path / "victim"
    victim.write_text("the user's")
    file.unlink()
    match kind:
        case "link":
            file.symlink_to(victim)
        case "hard link":
            os.link(victim, file)
        case _:
            os.mkfifo(file)

    with pytest.raises(OSError, match=r".+"):
        turns.take("x", 1, 0.0, now=2.0)
    assert victim.read_text() == "the user's"


def test_what_cannot_be_written_at_once_is_written_later(
    two: tuple[LocalTurns, LocalTurns], tmp_path: Path
) -> None:
    import fcntl

    one, other = two
    held = taken(one.take("x", 1, 0.0, now=1.0))
    (file,) = (tmp_path / ".runner/limits").iterdir()
    with file.open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        one.give_back(held, now=2.0)
        with contextlib.suppress(OSError):
            assert not isinstance(other.take("x", 1, 0.0, now=3.0), Taken)

    taken(one.take("x", 1, 0.0, now=4.0))


def test_who_finds_the_file_locked_is_told_to_ask_again_soon(
    two: tuple[LocalTurns, LocalTurns], tmp_path: Path
) -> None:
    import fcntl

    one, other = two
    one.give_back(taken(one.take("x", 1, 0.0, now=1.0)), now=1.0)
    (file,) = (tmp_path / ".runner/limits").iterdir()

    with file.open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        again = other.take("x", 1, 0.0, now=2.0)

    assert not isinstance(again, Taken)
    assert 0 < again < 0.1
