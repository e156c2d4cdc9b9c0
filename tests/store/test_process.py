"""Who is alive, who only looks as if, and who holds a lock."""

from __future__ import annotations

import ast
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.store.sqlite.process import Process, is_alive, lock_holders, this_process

ROOT = Path(__file__).parents[2]
TELL = """
import dataclasses
from runner.store.sqlite.process import this_process
print(dataclasses.asdict(this_process()))
"""
HERE = this_process()
pytestmark = pytest.mark.skipif(
    not (HERE.boot and HERE.space), reason="the system does not tell processes apart"
)


def elsewhere(*words: str) -> Process:
    """A process that has ended."""
    done = subprocess.run(
        [*words, sys.executable, "-c", TELL],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and words:
        pytest.skip(f"{words[0]} is not allowed here")
    assert not done.returncode, done.stderr
    return Process(**ast.literal_eval(done.stdout))


def test_this_process_is_alive() -> None:
    assert HERE.sees(this_process())
    assert is_alive(HERE)
    assert this_process().owner != HERE.owner


def test_a_process_that_ended_is_dead_also_when_another_has_its_number() -> None:
    ended = elsewhere()
    assert HERE.sees(ended)
    assert is_alive(ended) is False
    assert is_alive(dataclasses.replace(ended, pid=HERE.pid)) is False


def test_a_process_that_nobody_waited_for_yet_is_dead() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TELL],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        ended = Process(**ast.literal_eval(child.stdout.read()))
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{child.pid}").exists()
        assert is_alive(ended) is False


@pytest.mark.parametrize(
    "words",
    [("unshare", "--fork", "--pid", "--mount-proc"), ("unshare", "-r", "--fork", "--pid", "--mount-proc")],
)
def test_a_process_of_another_container_is_not_looked_up(words: tuple[str, ...]) -> None:
    other = elsewhere(*words)
    assert (other.host, other.boot) == (HERE.host, HERE.boot)
    assert other.pid == 1, "a number that means another process here"
    assert not HERE.sees(other)
    assert not other.sees(HERE)


def test_where_the_system_does_not_say_where_a_process_is_none_is_seen() -> None:
    for nameless in (dataclasses.replace(HERE, boot=""), dataclasses.replace(HERE, space="")):
        assert not nameless.sees(nameless)


def test_files_that_nobody_locks_have_no_holder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert lock_holders((tmp_path / "file", tmp_path / "missing")) == []
