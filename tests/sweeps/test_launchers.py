"""Jobs that run one after the other, or in other processes: the same folders and records, nothing paid twice."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.paid import PaidProject
from tests.sweeps.test_jobs import record, rows
from tests.sweeps.test_processes import wait_until

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

CHAIN = {"main": {"lake": "a quiet lake", "wave": "a wave"}}
SWEPT = "sequences.main.shots.wave.seed=1,2,3,4"
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
HAS_RAY = importlib.util.find_spec("ray") is not None
ELSEWHERE = [
    JOBLIB,
    ("hydra/launcher=submitit_local",),
    pytest.param(
        ("hydra/launcher=ray",),
        marks=pytest.mark.skipif(not HAS_RAY, reason="250 MB: pip install 'film-runner[ray]'"),
    ),
]


@pytest.fixture
def project(workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]) -> PaidProject:
    return PaidProject(workplace, fake, uploader, CHAIN)


def summed_up(project: PaidProject) -> list[tuple[object, ...]]:
    """What all launchers have to agree on."""
    names = ("job", "overrides", "key", "state", "exit_code", "shots", "failed", "films", "folder", "error")
    return [tuple(map(str, (job[name] for name in names))) for job in record(project.workplace.path)["jobs"]]


def test_jobs_run_one_after_the_other(project: PaidProject, fake: FakeProvider) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.2})

    answer = project.workplace.run("-m", project.override, SWEPT, "hydra/launcher=basic")

    assert answer.code == 0, answer.err
    assert fake.books().max_running == 1
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/wave": 4}
    found = summed_up(project)
    assert project.workplace.run("-m", project.override, SWEPT).code == 0
    assert fake.books().accepted == 5
    assert summed_up(project) == found


@pytest.mark.parametrize("launcher", ELSEWHERE, ids=lambda words: words[0].partition("=")[2])
def test_other_processes_share_shots_budget_and_folders(
    project: PaidProject, fake: FakeProvider, launcher: tuple[str, ...]
) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.3})

    done = project.command("-m", project.override, SWEPT, "budget.max_cost=0.5", *launcher)

    assert done.code == 0, done.text
    assert fake.books().accepted_by_shot == {"main/lake": 1, "main/wave": 4}
    assert record(project.workplace.path)["money"]["now_usd"] == pytest.approx(0.5)
    assert [row["state"] for row in rows(project.workplace.path)] == ["fine"] * 4
    found = summed_up(project)
    assert project.workplace.run("-m", project.override, SWEPT).code == 0
    assert summed_up(project) == found, "the same as in one process"
    assert fake.books().accepted == 5


def test_other_processes_keep_to_the_budget_and_the_rate_together(
    project: PaidProject, fake: FakeProvider
) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 0.1}, rate={"count": 2, "per_s": 1.0}, in_flight=2)
    limits = ("generator.rate={count: 2, per_s: 2.0}", "generator.in_flight=2", "limits.in_flight=2")
    budget = ("budget.max_cost=0.4", "budget.partial=true")

    done = project.command("-m", project.override, SWEPT, *limits, *budget, *JOBLIB)

    assert done.code == 4, done.text
    assert fake.books().accepted == 4
    assert [account.rate_refusals for account in fake.books().accounts.values()] == [0]
    assert fake.books().max_running <= 2
    states = [row["exit_code"] for row in rows(project.workplace.path)]
    assert sorted(states) == ["0", "0", "0", "4"]


def test_a_job_that_fails_elsewhere_explains_itself(project: PaidProject, fake: FakeProvider) -> None:
    fake.script(shots={"main/wave": {"submit": ["refuse_moderation"]}}, default={"price_usd": "0.10"})

    done = project.command("-m", project.override, SWEPT, *JOBLIB)

    assert done.code == 1, done.text
    assert sorted(row["state"] for row in rows(project.workplace.path)) == ["failed", "fine", "fine", "fine"]
    assert "the prompt was flagged" in done.text
    assert "1 of 4 jobs failed" in done.text


def test_an_interrupt_reaches_the_processes(project: PaidProject, fake: FakeProvider) -> None:
    fake.script(shots={"main/wave": {"run_s": 60}}, default={"price_usd": "0.10", "run_s": 0.05})
    process = project.start("-m", project.override, SWEPT, *JOBLIB)
    wait_until(
        lambda: sum(task.name == "main/wave" and task.polls > 0 for task in fake.books().tasks.values()) == 2,
        process,
    )

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)

    assert process.returncode == 130, err
    assert "2 cancelled, 2 not started" in " ".join(out.split()) or "cancelled" in out
    states = [job["state"] for job in record(project.workplace.path)["jobs"]]
    assert sorted(states) == ["cancelled", "cancelled", "not started", "not started"]
    fake.script(default={"price_usd": "0.10", "run_s": 0.05})
    again = project.workplace.run("-m", project.override, SWEPT)
    assert again.code == 0, again.err
    assert fake.books().accepted == 5


def test_a_process_that_dies_loses_its_own_job_alone(project: PaidProject, fake: FakeProvider) -> None:
    fake.script(shots={"main/wave": {"run_s": 8}}, default={"price_usd": "0.10", "run_s": 0.05})
    process = project.start("-m", project.override, SWEPT, "hydra/launcher=submitit_local")
    wait_until(lambda: fake.books().accepted == 5, process)

    os.kill(_worker_of(project, "00_"), signal.SIGKILL)
    out, err = process.communicate(timeout=200)

    assert process.returncode == 1, out + err
    assert [row["state"] for row in rows(project.workplace.path)] == ["failed", "fine", "fine", "fine"]
    assert "ended without an answer" in out
    again = project.workplace.run("-m", project.override, SWEPT)
    assert again.code == 0, again.err
    assert fake.books().accepted == 5


def _worker_of(project: PaidProject, folder: str) -> int:
    """The process of job 0, whose run folder begins so: it holds the lock of that job."""
    (run,) = project.workplace.path.glob(f"outputs/film/sweeps/*/{folder}*/run.json")
    assert json.loads(run.read_text(encoding="utf-8"))["state"] == "running"
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if place.name.isdigit() and Path(place, "cwd").readlink() == project.workplace.path:
                opened = [Path(one).readlink().name for one in Path(place, "fd").iterdir()]
                if "0.lock" in opened:
                    return int(place.name)
    raise AssertionError("no process runs the job")


@pytest.mark.parametrize("launcher", ELSEWHERE, ids=lambda words: words[0].partition("=")[2])
def test_workers_import_nothing_from_the_working_folder(
    project: PaidProject, launcher: tuple[str, ...]
) -> None:
    # `python -m` itself looks there before any line of the program runs: not for these.
    names = ("joblib", "submitit", "ray", "cloudpickle", "hydra", "omegaconf", "numpy", "hydra_plugins/evil")
    for name in names:
        project.workplace.write(f"{name}.py", f"open('imported', 'a').write({name!r}); raise SystemExit(1)\n")

    done = project.command("-m", project.override, "shot.seed=1,2", *launcher)

    assert done.code == 0, done.text
    assert not (project.workplace.path / "imported").exists()


def test_no_secret_leaves_the_process(project: PaidProject) -> None:
    answer = project.workplace.run(
        "-m", project.override, SWEPT, "generator.api_key=sk-verysecret123", *JOBLIB
    )

    assert answer.code == 2
    assert "takes no secret from the command line" in answer.err
    assert "verysecret" not in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ("hydra/launcher=ray",),
            "hydra/launcher=ray is not installed",
            marks=pytest.mark.skipif(HAS_RAY, reason="it is installed"),
        ),
        (("hydra/launcher=joblip",), "did you mean joblib?"),
        (("hydra/launcher=jobs",), "there are: basic, joblib, "),
        (("hydra/launcher=joblib", "hydra.launcher.n_job=2"), "there is no key hydra.launcher.n_job"),
    ],
)
def test_a_launcher_that_cannot_be_used_is_explained(
    project: PaidProject, words: tuple[str, ...], message: str
) -> None:
    answer = project.workplace.run("-m", project.override, SWEPT, *words)

    assert answer.code == 2, answer.out
    assert message in " ".join(answer.err.split())
