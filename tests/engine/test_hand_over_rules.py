"""A shot that starts from another frame than the last one: its identity, its record, what the film is to leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.engine.timing import Timing

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace
    from tests.engine.desk import Desk

PATIENT = """
from runner.api import ExtractorSpec, Frame, hookimpl

class Patient:
    def __init__(self, options, context):
        pass
    def extract(self, clip, policy):
        from runner.media import last_frame
        return last_frame(clip)

@hookimpl
def runner_register():
    return ExtractorSpec(name="patient", factory=Patient, offsets={offsets})
"""


def second(workplace: Workplace, run: int = 0) -> Any:
    return workplace.manifest(run)["sequences"]["main"]["shots"]["two"]


@pytest.mark.parametrize("extractor", ["pyav", "ffmpeg", "scikit_video"])
def test_the_frame_and_its_place_are_recorded(two: Desk, workplace: Workplace, extractor: str) -> None:
    answer = two.run("continuity.hand_over=offset:2", f"extractor={extractor}")

    assert answer.code == 0, answer.out
    frame = second(workplace)["first_frame"]
    assert (frame["rule"], frame["offset"], frame["frame"], frame["candidates"]) == ("offset:2", 2, 1, [])
    assert frame["time_s"] == pytest.approx(0.125)
    assert second(workplace)["adherence"]["verdict"] == "locked"
    assert workplace.manifest()["hand_over"] == "offset:2"


def test_the_outcome_says_what_the_film_leaves_out(two: Desk) -> None:
    outcome = two.execute(Timing(), "continuity.hand_over=offset:2")

    assert [shot.trim_before for shot in outcome.shots] == [0, 2]
    again = two.execute(Timing(), "continuity.hand_over=offset:2")
    assert again.shots[1].reused
    assert [shot.trim_before for shot in again.shots] == [0, 2]
    last = two.execute(Timing())
    assert [shot.trim_before for shot in last.shots] == [0, 0]


def test_candidates_and_scores_are_in_the_manifest(two: Desk, workplace: Workplace) -> None:
    assert two.run("continuity.hand_over=sharpest_of_last:3").code == 0

    candidates = second(workplace)["first_frame"]["candidates"]
    assert [offset for offset, _ in candidates] == [2, 1, 0]
    best = max(candidates, key=lambda one: one[1])
    assert second(workplace)["first_frame"]["offset"] == best[0]
    assert second(workplace)["first_frame"]["path"] == "main/frames/01_one_sharpest_of_last_3.png"


def test_another_rule_is_another_request(two: Desk, fake: FakeProvider, workplace: Workplace) -> None:
    assert two.run().code == 0
    assert "rule" not in second(workplace)["first_frame"]
    assert "hand_over" not in workplace.manifest()

    assert two.run("continuity.hand_over={offset: 1}").code == 0

    assert dict(fake.books().accepted_by_shot) == {"main/one": 1, "main/two": 2}
    assert two.run("continuity.hand_over=last").code == 0
    assert two.run("continuity.hand_over=offset:1").code == 0
    assert dict(fake.books().accepted_by_shot) == {"main/one": 1, "main/two": 2}


def test_a_clip_that_is_too_short_costs_nothing_more(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("continuity.hand_over=offset:40")

    assert answer.code == 1
    assert "too short" in answer.out
    assert "continuity.hand_over=last" in answer.out
    assert dict(fake.books().accepted_by_shot) == {"main/one": 1}


def test_an_extractor_that_reads_the_last_frame_only_is_refused_before_anything_is_paid_for(
    two: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    file = workplace.write("mine/patient.py", PATIENT.format(offsets=False))
    words = (f"plugins.dirs=[{two.plugins},{file.parent}]", "extractor.plugin=patient")

    answer = two.run("continuity.hand_over=before_fade", *words)

    assert answer.code == 2
    assert "extractor patient reads the last frame only" in answer.err
    assert dict(fake.books().accepted_by_shot) == {}
    assert two.run(*words).code == 0


def test_an_extractor_that_returns_another_frame_is_found_out(
    two: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    file = workplace.write("mine/patient.py", PATIENT.format(offsets=True))

    answer = two.run(
        "continuity.hand_over=offset:1",
        f"plugins.dirs=[{two.plugins},{file.parent}]",
        "extractor.plugin=patient",
    )

    assert answer.code == 1
    assert "extractor patient returned another frame than was requested" in answer.out
    assert dict(fake.books().accepted_by_shot) == {"main/one": 1}


@pytest.mark.parametrize(
    "value", ["first", "offset", "offset:0", "offset:97", "offset:x", "last:2", "{offset: 1.5}"]
)
def test_a_rule_that_is_none_is_told_what_there_is(two: Desk, value: str) -> None:
    answer = two.run(
        f"continuity.hand_over='{value}'" if ":" not in value else f"continuity.hand_over={value}"
    )

    assert answer.code == 2
    assert "continuity.hand_over: should be last, offset:N" in answer.err
