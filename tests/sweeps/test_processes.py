"""Sweeps that are killed, interrupted, or run twice at once: each clip is paid for once."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.paid import PaidProject

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

CHAIN = {"main": {"lake": "a quiet lake", "wave": "a wave"}}
SWEPT = "sequences.main.shots.wave.seed=1,2,3,4,5,6"


@pytest.fixture
def project(workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]) -> PaidProject:
    return PaidProject(workplace, fake, uploader, CHAIN)


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if reached():
            return
        time.sleep(0.05)
    process.kill()
    raise AssertionError(process.communicate())


def slow(project: PaidProject) -> subprocess.Popen[str]:
    """The sweep, with all tasks of its second shots under way and recorded."""
    project.fake.script(shots={"main/wave": {"run_s": 20}}, default={"price_usd": "0.10", "run_s": 0.05})
    process = project.start("-m", project.override, SWEPT)
    # What is polled has its id in the journal.
    wait_until(
        lambda: (
            sum(task.name == "main/wave" and task.polls > 0 for task in project.fake.books().tasks.values())
            == 6
        ),
        process,
    )
    return process


def test_a_killed_sweep_is_finished_by_the_same_command(project: PaidProject, fake: FakeProvider) -> None:
    process = slow(project)
    process.kill()
    process.communicate()
    fake.script(default={"price_usd": "0.10", "run_s": 0.05})

    again = project.command("-m", project.override, SWEPT)

    assert again.code == 0, again.text
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/wave": 6}
    untouched = project.command("-m", project.override, SWEPT, "output.root=reference")
    assert untouched.code == 0, untouched.text
    assert project.artifacts() == project.artifacts("reference")


def test_an_interrupted_sweep_says_where_each_job_stands(project: PaidProject, fake: FakeProvider) -> None:
    process = slow(project)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "6 of 6 jobs cancelled" in out
    assert "run it again" in " ".join(out.split())
    assert re.search(r"runner -m \S+project=film", out), "the command to run again is the sweep"
    (record,) = project.workplace.path.rglob("sweep.json")
    assert [job["state"] for job in json.loads(record.read_text())["jobs"]] == ["cancelled"] * 6
    fake.script(default={"price_usd": "0.10", "run_s": 0.05})
    again = project.command("-m", project.override, SWEPT)
    assert again.code == 0, again.text
    assert fake.books().accepted == 7


def test_two_sweeps_at_once_share_their_shots(project: PaidProject, fake: FakeProvider) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.5})
    words = [f"sequences.main.shots.wave.seed={seeds}" for seeds in ("1,2,3", "3,2,4")]

    processes = [project.start("-m", project.override, word, "budget.max_cost=0.4") for word in words]
    ended = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], ended
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/wave": 4}
