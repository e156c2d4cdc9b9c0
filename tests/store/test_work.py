"""Private folders of sessions: those of the living stay, wherever they live; those of the dead go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.store import work_folder

ROOT = Path(__file__).parents[2]
DAY_S = 24 * 3600.0
HOLD = """
import sys
from pathlib import Path
from runner.store import work_folder
with work_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""
MANY = """
import sys
from pathlib import Path
from runner.store import work_folder
for _ in range(60):
    with work_folder(Path(sys.argv[1])) as folder:
        (folder / "clip.mp4").write_bytes(b"a clip that is being fetched")
        assert (folder / "lock").exists()
"""


def program(text: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, str(root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def aged(folder: Path, age_s: float) -> Path:
    then = time.time() - age_s
    os.utime(folder, (then, then))
    return folder


def test_a_session_has_a_folder_of_its_own_that_goes_with_it(tmp_path: Path) -> None:
    with work_folder(tmp_path) as one, work_folder(tmp_path) as two:
        assert one != two
        (one / "clip.mp4").write_bytes(b"a clip")
        assert one.is_dir()
        assert two.is_dir()
    assert not list((tmp_path / ".runner" / "work").iterdir())


@pytest.mark.parametrize("age_s", [0.0, 2 * DAY_S])
def test_the_folder_of_a_living_session_stays_and_that_of_a_killed_one_goes(
    tmp_path: Path, age_s: float
) -> None:
    with program(HOLD, tmp_path) as other:
        assert other.stdout is not None
        theirs = aged(Path(other.stdout.readline().strip()), age_s)
        with work_folder(tmp_path):
            assert theirs.is_dir()
        other.kill()
        other.communicate(timeout=60)
        assert theirs.is_dir()
        with work_folder(tmp_path):
            assert not theirs.exists()


def test_the_folder_of_another_host_stays_for_a_day(tmp_path: Path) -> None:
    """Locks may not reach over a shared disk, and its process cannot be looked up: only its age is known."""
    theirs = tmp_path / ".runner" / "work" / "0123abcd-xyz"
    theirs.mkdir(parents=True)
    (theirs / "lock").touch()
    aged(theirs, 0.9 * DAY_S)
    with work_folder(tmp_path):
        assert theirs.is_dir()
    aged(theirs, 1.1 * DAY_S)
    with work_folder(tmp_path):
        assert not theirs.exists()


def test_sessions_that_start_at_the_same_time_leave_each_other_alone(tmp_path: Path) -> None:
    programs = [program(MANY, tmp_path) for _ in range(8)]
    errors = [one.communicate("", timeout=300)[1] for one in programs]
    assert errors == [""] * 8
    assert not list((tmp_path / ".runner" / "work").iterdir())
