"""`runner list`, through the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workplace

FILM = {"main": {"one": "a lake", "two": "wind"}}
ROOT = Path(__file__).parents[2]


def facts(number: int, **more: object) -> str:
    """The `run.json` of a run that another one is newer than."""
    started = f"2026-01-{number // 1440 + 1:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00.000+00:00"
    return json.dumps(
        {"key": f"{number:064x}", "state": "finished", "started": started, "exit_code": 0, **more}
    )


def test_an_empty_root_says_what_to_do_next(workplace: Workplace) -> None:
    answer = workplace.run("list")

    assert answer.code == 0
    assert "there are no runs in outputs" in answer.out
    assert "python -m runner +project=one_shot" in answer.out
    assert workplace.run("list", "--json").json == []
    assert not (workplace.path / "outputs").exists()


def test_every_run_is_listed_with_what_a_person_looks_for_the_newest_first(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    workplace.run(project)
    workplace.run(project, "shot.seed=7", "+generator.fail=running")
    workplace.run(project, "shot.seed=8", "budget.max_shots=1", "budget.partial=true")

    runs = workplace.run("list", "--json").json

    assert [run["state"] for run in runs] == ["stopped", "failed", "finished"]
    assert [(run["shots_done"], run["shots"]) for run in runs] == [(1, 2), (0, 2), (2, 2)]
    assert [run["overrides"][1:] for run in runs] == [
        ["shot.seed=8", "budget.max_shots=1", "budget.partial=true"],
        ["shot.seed=7", "+generator.fail=running"],
        [],
    ]
    assert {run["project"] for run in runs} == {"film"}
    assert [run["cost_usd"] for run in runs] == [0, 0, 0]
    assert all((workplace.path / run["folder"] / "manifest.json").is_file() for run in runs)
    shown = workplace.run("list").out
    assert [word for word in shown.split() if word in {"finished", "failed", "stopped"}] == [
        "stopped",
        "failed",
        "finished",
    ]
    assert "  shot.seed=7 +generator.fail=running\n" in shown


def test_a_rerun_is_the_same_run_and_comes_first_again(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    for seed in ("1", "2", "1"):
        workplace.run(project, f"shot.seed={seed}")

    assert [run["overrides"][1] for run in workplace.run("list", "--json").json] == [
        "shot.seed=1",
        "shot.seed=2",
    ]


def test_jobs_of_a_sweep_and_runs_of_older_versions_are_listed(workplace: Workplace) -> None:
    workplace.run("-m", workplace.project(FILM), "shot.seed=1,2")
    old = facts(1, overrides=["+project=old"], shots={"a/b": {"ending": "done"}}, money=None)
    workplace.write("outputs/old/synthetic-00000001/run.json", old)
    workplace.write("outputs/old/broken/run.json", "{")

    runs = workplace.run("list", "--json").json

    assert sorted(run["project"] for run in runs) == ["film", "film", "old"]
    assert runs[-1]["cost_usd"] is None
    assert (runs[-1]["shots_done"], runs[-1]["shots"]) == (1, 1)


def test_a_project_is_chosen_and_an_unknown_one_is_an_error(workplace: Workplace) -> None:
    for name in ("first", "second"):
        workplace.run(workplace.project(FILM, name=name))

    assert [run["project"] for run in workplace.run("list", "--project", "second", "--json").json] == [
        "second"
    ]
    assert [run["project"] for run in workplace.run("list", "project=first", "--json").json] == ["first"]
    answer = workplace.run("list", "--project", "third")
    assert answer.code == 2
    assert "there are runs of: first, second" in answer.err


def test_a_long_list_shows_its_first_rows_and_says_so(workplace: Workplace) -> None:
    for number in range(65):
        workplace.write(f"outputs/old/run-{number}/run.json", facts(number))

    answer = workplace.run("list")

    assert answer.out.count("finished") == 60
    assert "run-64\n" in answer.out
    assert "run-4\n" not in answer.out
    assert "and 5 more: python -m runner list --json has all" in answer.out


@pytest.mark.parametrize("columns", [60, 80])
def test_all_but_folders_fits_a_narrow_terminal(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    many = [f"sequences.main.shots.s{number}.prompt=some text" for number in range(9)]
    workplace.write("outputs/x/run/run.json", facts(1, project="a long name " * 9, overrides=many))

    lines = workplace.run("list").out.splitlines()

    assert max(len(line) for line in lines) <= columns
    assert lines[-1] == "  outputs/x/run"


def test_a_run_is_running_while_its_process_lives_and_stopped_when_it_was_killed(
    workplace: Workplace,
) -> None:
    project = workplace.project(FILM)
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", project, "sequences.main.shots.two.params.latency_s=60", "-q"],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(workplace.path.rglob("01_one.mp4")):
            time.sleep(0.05)
        (running,) = workplace.run("list", "--json").json
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    (killed,) = workplace.run("list", "--json").json

    assert (running["state"], running["shots_done"], running["shots"]) == ("running", 1, 2)
    assert (killed["state"], killed["shots_done"], killed["shots"]) == ("stopped", 1, 2)
