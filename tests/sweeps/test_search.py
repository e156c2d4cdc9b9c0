"""Sweepers that choose jobs while they run: ours over Optuna, and one that somebody installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.sweeps.objectives import OBJECTIVES
from tests.engine.desk import Desk
from tests.engine.paid import ROOT
from tests.sweeps.test_jobs import record, rows

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

LAKE = {"main": {"lake": "a quiet lake"}}
OPTUNA = ("-m", "hydra/sweeper=optuna", "objective=drift_luma")
DRIFTS = ("generator=synthetic", "shot.resolution=64p", "generator.drift_brightness=interval(-60.0,60.0)")


def values(workplace: Workplace) -> list[float]:
    return [job["value"] for job in record(workplace.path)["jobs"]]


def test_a_search_finds_what_drifts_least(workplace: Workplace) -> None:
    film = workplace.project(LAKE)

    answer = workplace.run(*OPTUNA, film, *DRIFTS, "hydra.sweeper.seed=1")

    assert answer.code == 0, answer.err
    found = record(workplace.path)
    assert (found["objective"], found["direction"]) == ("drift_luma", "minimize")
    assert len(found["jobs"]) == 20
    best = found["jobs"][found["best"]]
    assert best["value"] == min(values(workplace)) < 2 < max(values(workplace))
    assert f"least drift_luma: {best['value']:g}, by job {found['best']}" in answer.out
    # Later jobs are chosen by the values of the first ones.
    drifts = [abs(float(row["generator.drift_brightness"])) for row in rows(workplace.path)]
    assert sum(drifts[10:]) < sum(drifts[:10])
    assert [row["objective: drift_luma"] for row in rows(workplace.path)] == [
        str(value) for value in values(workplace)
    ]


def test_the_same_search_chooses_the_same_jobs_and_pays_for_none(
    workplace: Workplace, fake: FakeProvider
) -> None:
    desk = Desk(workplace, fake, LAKE)
    words = (
        "-m",
        desk.project,
        "hydra/sweeper=optuna",
        "objective=cost_usd",
        "shot.seed=int(interval(1,1000))",
    )
    assert workplace.run(*words, "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2").code == 0
    first = rows(workplace.path)
    assert fake.books().accepted == 4

    again = workplace.run(*words, "hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=2")

    assert again.code == 0, again.err
    assert fake.books().accepted == 6
    assert [row["shot.seed"] for row in rows(workplace.path)[:4]] == [row["shot.seed"] for row in first]
    assert set(values(workplace)) == {0.1}, "a clip that was there already counts with its price"


def test_no_combination_is_run_twice(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, LAKE)

    answer = workplace.run(
        *(
            "-m",
            desk.project,
            "hydra/sweeper=optuna",
            "objective=cost_usd",
            "shot.seed=1,2,3",
            "shot.take=range(1,3)",
        )
    )

    assert answer.code == 0, answer.err
    jobs = {(row["shot.seed"], row["shot.take"]) for row in rows(workplace.path)}
    assert jobs == {(seed, take) for seed in "123" for take in "12"}
    assert len(rows(workplace.path)) == 6


def test_greatest_instead_of_least(workplace: Workplace) -> None:
    film = workplace.project(LAKE)

    answer = workplace.run(
        *OPTUNA, film, *DRIFTS, "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=4"
    )

    assert "greatest drift_luma" in answer.out
    found = record(workplace.path)
    assert found["jobs"][found["best"]]["value"] == max(values(workplace))


def test_a_job_that_fails_has_no_value_and_leaves_the_search_alone(
    workplace: Workplace, fake: FakeProvider
) -> None:
    fake.script(shots={"main/lake": {"fail": "charged"}}, default={"price_usd": "0.10"})
    desk = Desk(workplace, fake, LAKE)
    words = (
        "-m",
        desk.project,
        "hydra/sweeper=optuna",
        "objective=cost_usd",
        "shot.seed=int(interval(1,1000))",
    )

    answer = workplace.run(*words, "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2", "limits.retries=0")

    assert answer.code == 1
    assert values(workplace) == [None] * 4
    assert "least" not in answer.out

    stopped = workplace.run(*words, "hydra.sweeper.n_trials=8", "limits.retries=0", "sweep.fail_fast=true")
    assert "sweep.fail_fast stopped the others" in " ".join(stopped.out.split())
    assert len(values(workplace)) < 8


def test_the_budget_stops_a_search(workplace: Workplace, fake: FakeProvider) -> None:
    desk = Desk(workplace, fake, LAKE)
    words = (
        "-m",
        desk.project,
        "hydra/sweeper=optuna",
        "objective=cost_usd",
        "shot.seed=int(interval(1,1000))",
    )

    answer = workplace.run(*words, "hydra.sweeper.n_jobs=1", "budget.max_cost=0.35")

    assert answer.code == 4, answer.err
    assert fake.books().accepted == 3
    assert "budget" in answer.out + answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shot.seed=1,2",), "a search needs an objective"),
        (("shot.seed=1,2", "objective=beauty"), f"there are: {', '.join(OBJECTIVES)}"),
        (("shot.seed=1", "objective=cost_usd"), "there is nothing to search over"),
        (("shot.seed=1,2", "objective=cost_usd", "hydra.sweeper.n_trials=0"), "hydra.sweeper.n_trials is 0"),
        (("shot.seed=1,2", "objective=cost_usd", "hydra.sweeper.seed=-1"), "hydra.sweeper.seed is -1"),
        (("shot.seed=1,2", "objective=cost_usd", "hydra.sweeper.sampler=grid"), "it should be tpe or random"),
        (("shot.seed=1,2", "objective=cost_usd", "hydra.sweeper.trials=3"), "no key hydra.sweeper.trials"),
        (("shot.seed=1,2", "objective=cost_usd", "+hydra.sweeper.x=3"), "unexpected keyword argument 'x'"),
        (("shot.seed=interval(3,3)", "objective=cost_usd"), "shot.seed has an empty interval"),
        (("shot.sed=1,2", "objective=cost_usd"), "shot.sed"),
        (("shot.seed=1,2", "objective=seam_psnr_db"), "no shot of it starts from a frame"),
        (("shot.seed=1,2", "objective=cost_usd", "sweep.jobs=[{shot.seed: 4}]"), "so does a file"),
    ],
)
def test_a_search_that_cannot_be_made_is_explained(
    workplace: Workplace, words: tuple[str, ...], message: str
) -> None:
    film = workplace.project(LAKE)

    answer = workplace.run("-m", film, "hydra/sweeper=optuna", *words)

    assert answer.code == (1 if "starts from a frame" in message else 2), answer.err
    assert message in " ".join((answer.out + answer.err).split())


def test_optuna_is_an_extra(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    film = workplace.project(LAKE)
    monkeypatch.setitem(sys.modules, "optuna", None)

    answer = workplace.run("-m", film, "hydra/sweeper=optuna", "shot.seed=1,2", "objective=cost_usd")

    assert answer.code == 2
    assert "pip install 'film-runner[optuna]'" in answer.err
    assert not workplace.runs()


def test_the_plan_of_a_search_is_not_known(workplace: Workplace) -> None:
    answer = workplace.run("plan", "-m", workplace.project(LAKE), "hydra/sweeper=optuna", "shot.seed=1,2")

    assert answer.code == 2
    assert "are not known before it runs" in answer.err


def test_every_job_of_a_sweep_may_have_an_objective(workplace: Workplace) -> None:
    film = workplace.project({"main": {"lake": "a lake", "wave": "a wave"}})

    answer = workplace.run("-m", film, "shot.seed=1,2", "objective=seam_psnr_db")

    assert answer.code == 0, answer.err
    assert all(value > 20 for value in values(workplace))
    assert "best" not in record(workplace.path)


# --- a sweeper that somebody installed --------------------------------------------------------------------------

THIRD = '''
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Halving(Sweeper):
    """Two batches: the second one goes on from the better half of the first."""

    def __init__(self, key, values):
        self.key, self.values = key, list(values)

    def setup(self, *, hydra_context, task_function, config):
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            config=config, hydra_context=hydra_context, task_function=task_function
        )

    def sweep(self, arguments):
        first = [[*arguments, f"{self.key}={value}"] for value in self.values]
        self.validate_batch_is_legal(first)
        done = self.launcher.launch(first, initial_job_idx=0)
        best = sorted(done, key=lambda one: one.return_value)[: len(first) // 2]
        again = [[*one.overrides, "shot.take=2"] for one in best]
        self.launcher.launch(again, initial_job_idx=len(first))


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="halving",
    node={"_target_": "hydra_plugins.halving.Halving", "key": "???", "values": []},
)
'''


def test_a_third_partys_sweeper_runs_its_batches_here(
    workplace: Workplace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = tmp_path_factory.mktemp("site")
    (installed / "hydra_plugins").mkdir()
    (installed / "hydra_plugins" / "halving.py").write_text(THIRD)
    words: tuple[Any, ...] = (
        *("-m", workplace.project(LAKE), "objective=drift_luma", "hydra/sweeper=halving"),
        "hydra.sweeper.key=generator.drift_brightness",
        "hydra.sweeper.values=[40.0,0.0,-50.0,5.0]",
    )

    done = subprocess.run(
        [sys.executable, "-m", "runner", *words],
        cwd=workplace.path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)])},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    jobs = record(workplace.path)["jobs"]
    assert [job["job"] for job in jobs] == list(range(6))
    drifts = [row["generator.drift_brightness"] for row in rows(workplace.path)]
    assert drifts[:4] == ["40.0", "0.0", "-50.0", "5.0"]
    assert sorted(drifts[4:]) == ["0.0", "5.0"]
    # Hydra wrote, logged and called nothing of its own.
    assert not list(workplace.path.rglob("hydra.yaml"))
    assert not (workplace.path / "multirun").exists()
    assert json.loads(next(Path(workplace.path).rglob("sweep.json")).read_text())["exit_code"] == 0
