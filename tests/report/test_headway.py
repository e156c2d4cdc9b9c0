"""How far a run is: shots, money and the time left, and nothing where there is nothing to go by."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import runner
from runner.api import Event, EventKind
from runner.report.headway import Headway, earlier_durations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.planning.plan import Plan
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]
TWO_CHAINS = {"main": {"one": "a", "two": "b", "three": "c"}, "other": {"four": "d", "five": "e"}}
SYNTHETIC = ("synthetic", "")


def planned(*words: str) -> Plan:
    return runner.plan(runner.compose(words), runner.Registries())


class Run:
    """The headway of a run under a clock that is set by hand."""

    def __init__(self, plan: Plan, earlier: Mapping[tuple[str, str], float] | None = None) -> None:
        self.now = 100.0
        self.headway = Headway(plan, earlier=earlier or {}, clock=lambda: self.now)

    def tell(self, kind: EventKind, name: str, **detail: float | None) -> str:
        sequence, _, shot = name.partition("/")
        self.headway.observe(Event(kind=kind, sequence=sequence, shot=shot, detail=detail))
        return self.headway.line

    def done(self, name: str, took_s: float, cost_usd: float | None = 0.0) -> str:
        return self.tell(EventKind.SHOT_FINISHED, name, elapsed_s=took_s, cost_usd=cost_usd)


def test_shots_money_and_time_are_in_one_line(workplace: Workplace) -> None:
    run = Run(planned(workplace.project(TWO_CHAINS)))

    assert run.headway.line == "0 of 5 shots"
    assert run.done("main/one", 60, 0.04) == "1 of 5 shots · $0.04 · about 2 min left"
    assert run.done("other/four", 80, 0.04) == "2 of 5 shots · $0.08 · about 2 min left"
    assert (
        run.tell(EventKind.SHOT_FAILED, "other/five") == "3 of 5 shots (1 failed) · $0.08 · about 2 min left"
    )
    assert (
        run.done("main/two", 70, None)
        == "4 of 5 shots (1 failed) · $0.08 · 1 of unknown price · about 1 min left"
    )
    assert run.done("main/three", 70, 0.04) == "5 of 5 shots (1 failed) · $0.12 · 1 of unknown price"


def test_without_a_basis_nothing_is_said_of_the_time(workplace: Workplace) -> None:
    run = Run(planned(workplace.project(TWO_CHAINS)))

    assert run.tell(EventKind.SHOT_REUSED, "main/one") == "1 of 5 shots", "a clip that was there took no time"
    assert run.tell(EventKind.SHOT_PROGRESS, "main/two") == "1 of 5 shots"
    assert run.tell(EventKind.SHOT_SKIPPED, "main/three") == "2 of 5 shots"


def test_another_model_is_no_basis(workplace: Workplace) -> None:
    shots = {"main": {"one": "a", "two": {"prompt": "b", "model": "other"}}}
    run = Run(planned(workplace.project(shots)))

    assert run.done("main/one", 60) == "1 of 2 shots"


def test_earlier_runs_are_the_basis_until_this_one_has_its_own(workplace: Workplace) -> None:
    run = Run(planned(workplace.project({"main": {"one": "a", "two": "b"}})), {SYNTHETIC: 600})

    assert run.headway.line == "0 of 2 shots · about 20 min left"
    assert run.done("main/one", 60) == "1 of 2 shots · about 1 min left"


def test_what_is_under_way_counts_by_what_is_left_of_it(workplace: Workplace) -> None:
    run = Run(planned(workplace.project({"main": {"one": "a"}})), {SYNTHETIC: 600})
    run.tell(EventKind.SHOT_SUBMITTED, "main/one")

    run.now += 300
    assert run.headway.line == "0 of 1 shot · about 5 min left"
    run.now += 3000
    assert run.headway.line == "0 of 1 shot · about 1 min left", "one that takes longer is about to end"


@pytest.mark.parametrize(
    ("limit", "left"), [(None, "about 10 min"), (1, "about 40 min"), (2, "about 20 min")]
)
def test_shots_that_wait_for_one_another_are_counted_together(
    workplace: Workplace, limit: int | None, left: str
) -> None:
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in ("a", "b", "c", "d")}
    words = [f"limits.in_flight={limit}"] if limit else []
    run = Run(planned(workplace.project({"main": cuts}), *words), {SYNTHETIC: 600})

    assert run.headway.line == f"0 of 4 shots · {left} left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "less than a minute"), (50, "about 1 min"), (170, "about 3 min"), (3 * 3600, "about 3.0 h")],
)
def test_times_are_rounded_as_people_say_them(workplace: Workplace, seconds: float, words: str) -> None:
    run = Run(planned(workplace.project({"main": {"one": "a"}})), {SYNTHETIC: seconds})

    assert run.headway.line == f"0 of 1 shot · {words} left"


def test_the_clock_is_labelled(workplace: Workplace) -> None:
    run = Run(planned(workplace.project({"main": {"one": "a"}})))
    run.now += 75

    assert run.headway.line_with_clock == "0 of 1 shot · 1:15 elapsed"


def test_the_journal_knows_how_long_clips_of_the_same_model_took(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": {"prompt": "a", "params": {"latency_s": 0.3}}, "two": "b"}})
    assert earlier_durations([planned(project)]) == {}
    assert workplace.run(project).code == 0

    found = earlier_durations([planned(project, "shot.seed=9")])

    assert set(found) == {SYNTHETIC}
    assert 0.1 < found[SYNTHETIC] < 600
    assert " left" in Headway(planned(project, "shot.seed=9")).line


def test_a_log_says_after_each_shot_how_far_the_run_is(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(TWO_CHAINS))

    assert re.search(r"\] \w+/\w+ done \(1 of 5 shots · less than a minute left\)\n", answer.err)
    assert answer.err.count(" of 5 shots") == 5
    assert re.search(r"\] \w+/\w+ done \(5 of 5 shots\)\n", answer.err)


@pytest.mark.parametrize("columns", [60, 80])
def test_a_terminal_shows_one_labelled_clock(workplace: Workplace, columns: int) -> None:
    project = workplace.project(TWO_CHAINS)
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen(
        [sys.executable, "-m", "runner", project],
        cwd=workplace.path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other side is closed: that is how a terminal ends on Linux
                break
            if not piece:
                break
            shown += piece
        assert process.wait() == 0
    os.close(leader)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).rstrip().splitlines()[-1]

    assert re.fullmatch(r"5 of 5 shots · 0:\d\d elapsed", last.strip())
    assert not re.search(rb"\d:\d\d:\d\d", shown), "no clock without a label"
