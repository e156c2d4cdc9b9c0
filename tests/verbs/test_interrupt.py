"""Ctrl-C and SIGTERM: a real process is stopped in the middle of a run, and run again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]


def started(workplace: Workplace, *words: str) -> subprocess.Popen[str]:
    """Start a run, and return once its second shot is at the generator."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        events = [path.read_text() for path in workplace.path.rglob("events.jsonl")]
        if events and events[0].count('"shot_submitted"') == 2:
            return process
        time.sleep(0.02)
    process.kill()
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_cleanly_and_can_be_finished(
    workplace: Workplace, sign: signal.Signals
) -> None:
    project = workplace.project({"main": {"one": "a", "two": "b", "three": "c"}})
    slow = "sequences.main.shots.two.params.latency_s=30"
    process = started(workplace, project, slow)
    process.send_signal(sign)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    (run,) = workplace.runs()
    assert json.loads((run / "run.json").read_text())["state"] == "interrupted"
    assert sorted(path.name for path in run.rglob("*.mp4")) == ["01_one.mp4"]
    assert not list((workplace.path / "outputs" / ".runner" / "work").iterdir())
    assert "run it again" in " ".join(out.split())
    assert err.count("runner: stopping: finishing pending submissions so that nothing is paid twice") == 1

    again = workplace.run(project, slow.replace("30", "0"), f"output.root={workplace.path / 'outputs'}")
    assert again.code == 0, again.err


def test_a_killed_run_leaves_no_half_file_and_the_next_one_cleans_up(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a", "two": "b"}})
    slow = "sequences.main.shots.two.params.queue_s=1"
    process = started(workplace, project, slow)
    process.kill()
    process.communicate()
    (run,) = workplace.runs()
    work = workplace.path / "outputs" / ".runner" / "work"
    assert list(work.iterdir())
    assert sorted(path.name for path in run.rglob("*.mp4")) == ["01_one.mp4"]
    answer = workplace.run(project, slow)
    assert answer.code == 0, answer.err
    assert workplace.run("verify", str(run)).code == 0
    assert not list(work.iterdir())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.1, 0.25, 0.4, 0.6, 0.8, 1.0, 1.3])
def test_a_signal_at_any_time_ends_a_run_soon_and_says_so(
    workplace: Workplace, sign: signal.Signals, delay: float
) -> None:
    project = workplace.project({name: {"one": "a", "two": "b", "three": "c"} for name in ("x", "y", "z")})
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", project, "generator.latency_s=20"],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(delay)
    process.send_signal(sign)
    out, err = process.communicate(timeout=20)
    # In its first moments Python itself has not set up any handling, or ends by its own interrupt.
    assert process.returncode in (130, -sign, -signal.SIGINT), err
    if process.returncode == 130:
        # An interrupt inside a finalizer is printed by Python itself, and raised nowhere.
        assert "Traceback" not in out + err or "Exception ignored" in err, err


@pytest.mark.parametrize("columns", [60, 80])
def test_an_interrupted_sweep_says_which_jobs_failed_were_cancelled_or_never_started(
    workplace: Workplace, columns: int
) -> None:
    params = ",".join(
        ("{fail:running}", "{latency_s:0}", "{latency_s:60}", "{latency_s:61}", "{latency_s:62}")
    )
    project = workplace.project({"main": {"one": "a"}})
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "runner", "-m", project, "sweep.max_jobs=1"),
            f"+sequences.main.shots.one.params={params}",
        ],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        third = next(workplace.path.rglob("02_*/events.jsonl"), None)
        if third is not None and "shot_submitted" in third.read_text():
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert "1 of 5 jobs failed, 1 cancelled, 2 not started; sweep folder: outputs/film/sweeps/" in out
    table = out[out.index("differs in") :]
    ended = ["1 failed", "0 fine", "130 cancelled", "not started", "not started"]
    rows = [line for line in table.splitlines() if re.match(r" +\d  ", line)]
    assert [
        re.sub(r"^ +\d +", "", row).startswith(words) for row, words in zip(rows, ended, strict=True)
    ] == [True] * 5
    assert all(len(row) <= columns for row in rows)
    (record,) = workplace.path.rglob("sweep.json")
    states = [(job["state"], job["exit_code"]) for job in json.loads(record.read_text())["jobs"]]
    assert states == [
        ("failed", 1),
        ("fine", 0),
        ("cancelled", 130),
        ("not started", 130),
        ("not started", 130),
    ]
