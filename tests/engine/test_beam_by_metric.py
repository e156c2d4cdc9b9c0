"""A beam whose takes are told apart by what a metric plugin measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.desk import Desk

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

THREE = {"main": {"one": "a quiet lake", "two": "wind", "three": "rain"}}
METRIC = """
import zlib

from runner.api import MetricSpec, hookimpl

class Mine:
    def __init__(self, options, context):
        pass

    def measure(self, subject):
        with open("calls.txt", "a") as file:
            file.write("x")
        {body}

@hookimpl
def runner_register():
    return MetricSpec(name="mine", factory=Mine, level="{level}", better="{better}")
"""
OF_CLIP = "return zlib.crc32(subject.frames[-1].tobytes()) % 997 / 10"
OF_SEAM = "return zlib.crc32(subject.after[-1].tobytes()) % 997 / 10"
BY_MINE = ("beam.takes=3", "beam.keep=1", "beam.score=mine")
TREE = 3 + 3 + 3


@pytest.fixture
def three(workplace: Workplace, fake: FakeProvider) -> Desk:
    fake.script(default={"price_usd": "0.10", "run_s": 0.02})
    return Desk(workplace, fake, THREE)


def run(desk: Desk, *words: str, verb: str = "") -> Any:
    dirs = f"plugins.dirs=[{desk.plugins},plugins]"
    return desk.workplace.run(*([verb] if verb else []), desk.project, dirs, *(words or BY_MINE))


def metric(workplace: Workplace, body: str, *, level: str = "clip", better: str = "higher") -> None:
    workplace.write("plugins/mine.py", METRIC.format(body=body, level=level, better=better))


def calls(workplace: Workplace) -> int:
    file = workplace.path / "calls.txt"
    return len(file.read_text(encoding="utf-8")) if file.exists() else 0


def shots(workplace: Workplace) -> dict[str, Any]:
    found: dict[str, Any] = workplace.manifest()["sequences"]["main"]["shots"]
    return found


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_take_with_the_best_number_is_gone_on_from(three: Desk, better: str) -> None:
    metric(three.workplace, OF_CLIP, better=better)

    answer = run(three)

    assert answer.code == 0, answer.err + answer.out
    best = max if better == "higher" else min
    for entry in shots(three.workplace).values():
        scores = [entry["score"], *(other["score"] for other in entry["alternates"])]
        assert len(scores) == 3
        assert entry["score"] == best(scores)
        assert entry["metrics"]["mine"] == entry["score"]
    assert calls(three.workplace) == TREE  # each take once, and none again for the film


def test_the_metric_of_a_seam_tells_the_takes_of_later_shots_apart(three: Desk) -> None:
    metric(three.workplace, OF_SEAM, level="seam")

    answer = run(three)

    assert answer.code == 0, answer.err + answer.out
    made = shots(three.workplace)
    assert "score" not in made["one"]
    for name in ("two", "three"):
        scores = [made[name]["score"], *(other["score"] for other in made[name]["alternates"])]
        assert made[name]["score"] == max(scores)


@pytest.mark.parametrize(("body", "level"), [(OF_CLIP, "clip"), (OF_SEAM, "seam")])
def test_a_rerun_measures_and_pays_nothing_and_the_plan_says_so(
    three: Desk, fake: FakeProvider, body: str, level: str
) -> None:
    metric(three.workplace, body, level=level)
    assert run(three).code == 0
    before, measured = three.workplace.manifest(), calls(three.workplace)

    plan = run(three, *BY_MINE, "--json", verb="plan").json
    assert plan["beam"] == {"takes": 3, "keep": 1, "score": "mine", "at_most": 0}

    assert run(three).code == 0
    assert three.workplace.manifest() == before
    assert calls(three.workplace) == measured
    assert sum(fake.books().accepted_by_shot.values()) == TREE


def test_where_takes_were_not_measured_the_plan_counts_what_may_follow(three: Desk) -> None:
    metric(three.workplace, OF_CLIP)
    assert run(three, "beam.takes=3", "beam.score=sharpness").code == 0

    plan = run(three, *BY_MINE, "--json", verb="plan").json

    # The three takes of the first shot are there; which of them is the best is not known yet.
    assert plan["beam"]["at_most"] == 3 + 3


def test_takes_that_cannot_be_measured_come_last_and_say_why(three: Desk) -> None:
    metric(three.workplace, "raise ValueError('no such colour')")

    answer = run(three)

    assert answer.code == 0, answer.err + answer.out
    assert "take 1: " in answer.err
    assert "no such colour" in answer.err
    made = shots(three.workplace)
    assert [entry["take"] for entry in made.values()] == [1, 1, 1]  # ties go to the lower take
    assert all("score" not in entry for entry in made.values())


def test_an_unknown_score_is_named_beside_those_there_are(three: Desk) -> None:
    metric(three.workplace, OF_CLIP)

    answer = run(three, "beam.takes=2", "beam.score=minee")

    assert answer.code == 2
    assert "beam.score" in answer.err
    assert "mine" in answer.err
    assert "drift_luma" in answer.err
