"""`runner diff`: what differs between two runs, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}


@pytest.fixture
def runs(workplace: Workplace) -> tuple[str, str]:
    """Two runs whose second shots have other prompts."""
    film = workplace.project(CHAIN)
    assert workplace.run("-q", film).code == 0
    first = workplace.runs()[0]
    assert workplace.run("-q", film, "sequences.main.shots.two.prompt='a storm'").code == 0
    (second,) = [run for run in workplace.runs() if run != first]
    return str(first), str(second)


def differing(workplace: Workplace, *runs: str) -> Any:
    answer = workplace.run("diff", *runs, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_a_prompt_that_differs_is_named_with_what_came_of_it(
    workplace: Workplace, runs: tuple[str, str]
) -> None:
    found = differing(workplace, *runs)

    assert found["config"] == {"sequences.main.shots.two.prompt": ["wind on the lake", "a storm"]}
    assert list(found["shots"]) == ["main/two"]
    shot = found["shots"]["main/two"]
    assert shot["request"] == {"prompt": ["wind on the lake", "a storm"]}
    assert list(shot["files"]) == ["clip"], "it starts from the same frame"
    assert "key" in shot
    assert list(found["films"]) == ["main"]
    printed = workplace.run("diff", *runs).out
    assert 'prompt  "wind on the lake" -> "a storm"' in printed
    assert "main/one" not in printed


def test_a_run_is_like_itself(workplace: Workplace, runs: tuple[str, str]) -> None:
    assert workplace.run("diff", runs[0], runs[0]).out == "the runs are alike\n"


def test_a_shot_that_one_run_lacks_is_named(workplace: Workplace, runs: tuple[str, str]) -> None:
    workplace.project({"main": {"one": "a quiet lake"}}, name="short")
    assert workplace.run("-q", "+project=short", "output.root=short").code == 0
    (short,) = (workplace.path / "short" / "short").glob("2*")

    assert differing(workplace, runs[0], str(short))["shots"]["main/two"] == {"only_in": runs[0]}


def test_what_is_no_run_is_refused(workplace: Workplace, runs: tuple[str, str]) -> None:
    answer = workplace.run("diff", runs[0], "conf")

    assert answer.code == 2
    assert "not a run folder" in answer.err
