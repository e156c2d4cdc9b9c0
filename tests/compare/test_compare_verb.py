"""`runner baseline` and `runner compare` over films that the offline generator draws."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from runner.testing.pytest import Answer
    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}
SIX, THREE = "shot.take=1,2,3,4,5,6", "shot.take=7,8,9"
LATER = "shot.take=7,8,9,10,11,12"


def made(workplace: Workplace, root: str, takes: str, *words: str) -> str:
    """The root of the runs of some takes."""
    workplace.run("-m", "-q", "+project=film", "+ci=regression", takes, f"output.root={root}", *words)
    return root


@pytest.fixture
def base(workplace: Workplace) -> str:
    """A baseline of six takes."""
    workplace.project(CHAIN)
    made(workplace, "base", SIX)
    answer = workplace.run("baseline", "create", "base", "-o", "base.json")
    assert answer.code == 0, answer.err
    shutil.rmtree(workplace.path / "base")  # the file stands alone
    return "base.json"


def compared(workplace: Workplace, *words: str) -> tuple[Answer, Any]:
    answer = workplace.run("compare", *words, "-o", "report", "--json")
    return answer, json.loads((workplace.path / "report" / "compare.json").read_text(encoding="utf-8"))


def kinds(report: Path) -> dict[str, int]:
    suites = ElementTree.parse(report / "junit.xml").getroot()
    return {kind: len(suites.findall(f".//{kind}")) for kind in ("failure", "error", "skipped")}


def test_more_takes_of_the_same_film_are_fine(workplace: Workplace, base: str) -> None:
    answer, found = compared(workplace, base, made(workplace, "new", LATER))

    assert answer.code == 0, answer.out
    assert found["outcome"] == "fine"
    assert found == answer.json
    assert {one["takes"][0] for one in found["metrics"]} <= {5, 6}
    assert kinds(workplace.path / "report") == {"failure": 0, "error": 0, "skipped": 0}


def test_a_regression_fails_with_a_picture(workplace: Workplace, base: str) -> None:
    new = made(workplace, "new", LATER, "generator.reframe=1.03", "continuity.on_ignored=warn")
    answer, found = compared(workplace, base, new)

    assert answer.code == 1, answer.out
    assert found["outcome"] == "worse"
    assert "seam_delta_e" in {one["metric"] for one in found["metrics"] if one["verdict"] == "worse"}
    assert kinds(workplace.path / "report")["failure"] >= 1
    assert kinds(workplace.path / "report")["error"] == 0
    picture = (workplace.path / "report" / "main-two.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    summary = (workplace.path / "report" / "summary.md").read_text(encoding="utf-8")
    assert "## film: regression" in summary
    assert "![before, and after below](main-two.png)" in summary


def test_a_contract_that_is_broken_once_is_a_regression(workplace: Workplace, base: str) -> None:
    answer, found = compared(workplace, base, made(workplace, "new", LATER, "generator.audio=false"))

    assert answer.code == 1
    assert {(one["layer"], one["check"]) for one in found["findings"]} == {("contract", "audio")}


def test_a_dead_provider_is_an_error_and_no_regression(workplace: Workplace, base: str) -> None:
    answer, found = compared(workplace, base, made(workplace, "new", LATER, "generator.fail=submit"))

    assert answer.code == 5
    assert found["outcome"] == "error"
    assert kinds(workplace.path / "report")["failure"] == 0
    assert kinds(workplace.path / "report")["error"] == 2


def test_three_takes_say_undecided_and_how_many_would_decide(workplace: Workplace, base: str) -> None:
    new = made(workplace, "new", THREE)
    answer, found = compared(workplace, base, new)

    assert answer.code == 5
    assert found["outcome"] == "undecided"
    assert kinds(workplace.path / "report")["skipped"] >= 1
    assert 4 <= found["takes_needed"] <= 12
    printed = " ".join(workplace.run("compare", base, new).out.split())
    assert f"{found['takes_needed']} takes of each shot, on both sides, would decide" in printed


def test_a_baseline_is_shown_with_the_noise_of_its_takes(workplace: Workplace, base: str) -> None:
    answer = workplace.run("baseline", "show", base)

    assert answer.code == 0
    assert "film: 2 shots, 6 takes each" in answer.out
    assert "seam_delta_e" in answer.out
    takes = workplace.run("baseline", "show", base, "--json").json["shots"]["main/two"]
    assert len({take["key"] for take in takes}) == 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "no baseline"),
        ('{"baseline_version": 9}', "another format"),
        ('{"baseline_version": 1, "project": "x", "runner": "0", "metrics": {}, "shots": []}', "no baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(workplace: Workplace, text: str, says: str) -> None:
    workplace.write("b.json", text)
    answer = workplace.run("compare", "b.json", "b.json")

    assert answer.code == 2
    assert says in answer.err


def test_two_projects_are_not_compared(workplace: Workplace, base: str) -> None:
    workplace.project(CHAIN, name="other")
    workplace.run("-q", "+project=other", "output.root=other")
    answer = workplace.run("compare", base, "other")

    assert answer.code == 2
    assert "two projects" in answer.err


def test_one_clip_in_several_runs_is_one_take(workplace: Workplace) -> None:
    film = workplace.project(CHAIN)
    for root in ("a", "b"):
        assert workplace.run("-q", film, f"output.root={root}").code == 0
    workplace.run("baseline", "create", "a", "b", "-o", "ab.json")

    takes = workplace.run("baseline", "show", "ab.json", "--json").json["shots"]["main/one"]
    assert len(takes) == 1


def test_looks_share_the_error_rate_and_say_what_comes_next(workplace: Workplace, base: str) -> None:
    new = made(workplace, "new", THREE)
    first = workplace.run("compare", base, new, "--looks", "3,6", "--json").json
    assert first["alpha_spent"] < first["alpha"]
    assert first["outcome"] == "undecided"
    assert "next look: at 6 takes of each shot" in workplace.run("compare", base, new, "--looks", "3,6").out

    assert workplace.run("compare", base, new, "--looks", "5,6").code == 2
    assert workplace.run("compare", base, new, "--looks", "6,5").code == 2
