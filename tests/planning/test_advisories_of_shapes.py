"""What a generator cannot draw, and seams between shapes, are said by the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workplace


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("shot.resolution=181p", "an even short side of 64p to 2160p"),
        ("shot.resolution=9999p", "an even short side of 64p to 2160p"),
        ("shot.resolution=4K", "an even short side"),
        ("shot.aspect_ratio=1:100", "4096 pixels on the long side"),
        ("shot.fps=0.5", "1 to 120 frames per second"),
        ("shot.duration_s=601", "0.1 to 600 s"),
    ],
)
def test_what_synthetic_cannot_draw_is_refused_by_the_plan(
    workplace: Workplace, override: str, allowed: str
) -> None:
    project = workplace.project({"main": {"one": "a lake"}})

    answer = workplace.run("plan", project, override)

    assert answer.code == 2
    assert f"- {override.partition('=')[0]}: synthetic cannot make this" in answer.err
    assert allowed in answer.err


SHOTS = {"one": {"prompt": "a lake"}, "two": {"prompt": "a tree", "aspect_ratio": "9:16"}}


def test_a_chain_into_another_shape_is_a_warning_before_it_is_paid_for(workplace: Workplace) -> None:
    project = workplace.project({"main": SHOTS})

    planned = " ".join(workplace.run("plan", project).out.split())
    made = workplace.run(project)

    assert "main/two is 9:16 and starts from the last frame of one, which is 16:9" in planned
    assert made.code == 0
    warnings = workplace.manifest()["sequences"]["main"]["shots"]["two"]["warnings"]
    assert any("another shape" in warning for warning in warnings)
    assert not any("scale" in warning for warning in warnings)


def test_a_cut_into_another_shape_is_not_worth_a_word(workplace: Workplace) -> None:
    cut = {**SHOTS, "two": {**SHOTS["two"], "boundary": "cut"}}

    assert "jumps" not in workplace.run("plan", workplace.project({"main": cut})).out
