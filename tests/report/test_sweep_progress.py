"""What a user sees of a sweep while it goes on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

import runner
from runner.api import Event, EventKind
from runner.report.sweep_progress import Far, Live, Plain
from runner.sweeps.job import JobOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.plan import Plan
    from tests.conftest import Workplace

TWO = {"main": {"one": "a lake", "two": "wind"}}
QUEUED = "waiting until fewer shots are at the provider"


def planned(workplace: Workplace, jobs: int) -> list[Plan]:
    seeds = ",".join(map(str, range(jobs)))
    words = [workplace.project(TWO), f"sequences.main.shots.two.seed={seeds}"]
    registries = runner.Registries()
    return [runner.plan(one, registries) for one in runner.compose_sweep(words, source=workplace.primary)]


class Sweep:
    """The state of a sweep under a clock that is set by hand."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = plans
        self.now = 100.0
        self.far = Far(plans, jobs=len(plans), clock=lambda: self.now)

    def tell(self, job: int, kind: EventKind, shot: str = "", message: str = "") -> None:
        sequence = "main" if shot else ""
        run = self.plans[job].key
        detail = {"waiting": True} if message.startswith("waiting") else {}
        self.far.observe(
            Event(kind=kind, run=run, sequence=sequence, shot=shot, message=message, detail=detail)
        )

    def outcome(self, job: int) -> JobOutcome:
        plan = self.plans[job]
        assert plan.job is not None
        return JobOutcome(
            job=plan.job,
            plan=plan,
            outcome=runner.RunOutcome(plan=plan, error=runner.errors.OutputError("the disk is full")),
        )


def test_a_clip_that_jobs_share_counts_once(workplace: Workplace) -> None:
    sweep = Sweep(planned(workplace, 3))
    assert sweep.far.line == "0 of 3 jobs"
    for job in range(3):
        sweep.tell(job, EventKind.RUN_STARTED)
    sweep.tell(0, EventKind.SHOT_PROGRESS, "one", "running")
    sweep.tell(1, EventKind.SHOT_PROGRESS, "one", "waiting for another run of this session that generates it")
    sweep.now += 7

    assert sweep.far.line == "0 of 3 jobs, 3 running"
    assert sweep.far.slowest(5) == ["    7 s  job 0 main/one  running"]
    sweep.tell(0, EventKind.SHOT_FINISHED, "one")
    sweep.tell(1, EventKind.SHOT_REUSED, "one")
    assert sweep.far.headway.line == "1 of 4 shots"


def test_what_waits_for_others_is_counted_and_not_called_slow(workplace: Workplace) -> None:
    sweep = Sweep(planned(workplace, 3))
    sweep.tell(0, EventKind.SHOT_PROGRESS, "two", QUEUED)
    sweep.now += 50
    sweep.tell(1, EventKind.SHOT_PROGRESS, "two", "running")
    sweep.now += 5

    assert sweep.far.line == "0 of 3 jobs, 1 shot waits for others"
    assert sweep.far.slowest(1) == ["    5 s  job 1 main/two  running"]
    sweep.tell(0, EventKind.SHOT_SUBMITTED, "two", "task 1")
    sweep.now += 1
    assert sweep.far.slowest(2)[1] == "    1 s  job 0 main/two  submitted", "its time is not its waiting time"


def test_a_failed_job_is_counted_with_its_cause(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = Sweep(planned(workplace, 2))
    Plain(sweep.far, clock=lambda: sweep.now).ended(sweep.outcome(1))

    assert "job 1 seed=1: failed: the disk is full (1 of 2 jobs (1 failed) · 0 of 3 shots)" in (
        capsys.readouterr().err
    )


def test_half_a_minute_of_silence_is_broken(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = Sweep(planned(workplace, 2))
    plain = Plain(sweep.far, clock=lambda: sweep.now)
    event = Event(
        kind=EventKind.SHOT_PROGRESS, run=sweep.plans[0].key, sequence="main", shot="one", message="running"
    )
    plain.observe(event)
    assert capsys.readouterr().err == ""
    sweep.now += 31
    plain.observe(event)
    assert "slowest: 31 s job 0 main/one running" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", [4, 64])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 24), (60, 8)])
def test_the_display_fits_the_terminal(workplace: Workplace, jobs: int, width: int, height: int) -> None:
    sweep = Sweep(planned(workplace, jobs))
    written = io.StringIO()
    console = Console(
        file=written, width=width, height=height, force_terminal=True, _environ={"TERM": "xterm"}
    )
    live = Live(sweep.far, console)  # type: ignore[arg-type]  # rich's own, on a string
    try:
        for job in range(jobs):
            sweep.tell(job, EventKind.RUN_STARTED)
            sweep.tell(job, EventKind.SHOT_PROGRESS, "two", "[red]a message that is long\n" * 4)
        lines = console.render_lines(live._drawn(), console.options, pad=False)
    finally:
        live.close()
    texts = ["".join(segment.text for segment in line) for line in lines]

    assert len(texts) <= height - 1
    assert all(cell_len(text) <= width for text in texts)
    assert f"0 of {jobs} jobs, {jobs} running" in texts[-2]
    assert "shots" in texts[-1]
