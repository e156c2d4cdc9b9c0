"""A worker and its sweep: what a worker runs, what it refuses, and what it reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import runner
from runner.errors import ConfigError, Problem, RunnerError, TaskFailed, UsageError
from runner.outputs.outcome import RunOutcome
from runner.sweeps.exchange import Exchange, WorkerJob, WorkerSweep
from runner.sweeps.packed import pack, unpack
from runner.sweeps.worker import run_job

if TYPE_CHECKING:
    from runner.planning.plan import Plan
    from tests.conftest import Workplace

WORDS = ("+project=film", "shot.seed=1,2")


@pytest.fixture
def plans(workplace: Workplace) -> list[Plan]:
    workplace.project({"main": {"lake": "a lake", "wave": "a wave"}})
    from runner.config.compose import compose_sweep

    return [runner.plan(one) for one in compose_sweep(WORDS, source=workplace.primary)]


def described(plans: list[Plan], workplace: Workplace, *, key: str = "") -> WorkerSweep:
    jobs = {}
    for number, plan in enumerate(plans):
        assert plan.composed is not None
        assert plan.job is not None
        jobs[number] = WorkerJob(
            job=plan.job, overrides=plan.composed.overrides, declared={}, key=key or plan.key
        )
    return WorkerSweep(
        words=WORDS, folder=workplace.path, primary=workplace.primary, jobs=jobs, objective="seam_psnr_db"
    )


def test_a_worker_runs_its_job_and_reports_it(workplace: Workplace, plans: list[Plan]) -> None:
    with Exchange.made(described(plans, workplace)) as exchange:
        value = run_job(Exchange(exchange.path), 1)
        ((number, packed),) = exchange.ended()
        ((events, begun),) = exchange.began().values()

    outcome = unpack(packed, plans[1])
    assert number == 1
    assert outcome.plan is plans[1]
    assert [shot.planned for shot in outcome.shots] == list(plans[1].shots)
    assert outcome.exit_code == 0
    assert value is not None
    assert value > 20
    assert begun == 0
    assert events.is_file()
    with pytest.raises(KeyError):
        unpack(packed, plans[0])


def test_a_worker_runs_no_other_plan_than_the_one_that_was_checked(
    workplace: Workplace, plans: list[Plan]
) -> None:
    with Exchange.made(described(plans, workplace, key="0" * 64)) as exchange:
        assert run_job(exchange, 0) is None
        ((_, packed),) = exchange.ended()

    error = unpack(packed, plans[0]).error
    assert error is not None
    assert "a file changed while the sweep ran" in error.what
    assert not workplace.runs()


def test_a_worker_starts_nothing_once_the_user_asked_to_stop(workplace: Workplace, plans: list[Plan]) -> None:
    with Exchange.made(described(plans, workplace)) as exchange:
        exchange.stop()
        run_job(exchange, 0)
        ((_, packed),) = exchange.ended()

    assert unpack(packed, plans[0]).interrupted
    assert not workplace.runs()


def test_a_sweep_that_is_gone_counts_as_a_wish_to_stop(workplace: Workplace, plans: list[Plan]) -> None:
    with Exchange.made(described(plans, workplace)) as exchange:
        assert exchange.stops() == 0
        assert not exchange.is_at_work(0)
        with exchange.working(0):
            assert exchange.is_at_work(0)
        exchange.stop()
        exchange.stop()
        assert exchange.stops() == 2

    assert exchange.stops() == 1
    with pytest.raises(UsageError, match="does not see the sweep"):
        run_job(exchange, 0)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong", (Problem(key="a.b", message="is"),), hint="mend it"),
        TaskFailed("failed", where="main/lake", transient=True, charged=False),
        RunnerError("broken", why="it is"),
    ],
)
def test_errors_arrive_as_they_were(plans: list[Plan], error: RunnerError) -> None:
    arrived = unpack(pack(RunOutcome(plan=plans[0], error=error)), plans[0]).error

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_what_a_worker_gets_is_for_its_owner_alone(workplace: Workplace, plans: list[Plan]) -> None:
    with Exchange.made(described(plans, workplace)) as exchange:
        assert exchange.path.stat().st_mode & 0o077 == 0
        assert not exchange.path.is_relative_to(workplace.path)
    assert not Path(exchange.path).exists()
