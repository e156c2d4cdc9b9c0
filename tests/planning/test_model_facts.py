"""What a plan was told of its models: in the manifest, in baselines, and in what two runs differ in."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import runner
from runner.planning import model_facts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

CHAIN = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}


def test_each_model_is_named_with_what_its_card_says() -> None:
    plan = runner.plan(
        runner.compose(
            ["+project=ad_campaign", "generator=kie_wan", "uploader=kie", "generator.api_key=canary"]
        )
    )

    found = model_facts.of_plan(plan)

    modes = {name.rpartition(" ")[2] for name in found}
    assert modes == {"text", "image"}
    assert all(name.startswith("kie ") for name in found)
    for facts in found.values():
        assert isinstance(facts, dict)
        assert facts["resolutions"]
        assert facts["durations_s"]
    assert "canary" not in json.dumps(found)


@pytest.fixture
def runs(workplace: Workplace) -> tuple[Path, Path]:
    """A run, and a copy of it that knew something else of the model."""
    assert workplace.run(workplace.project(CHAIN), "-q").code == 0
    (first,) = workplace.runs()
    second = workplace.path / "outputs/film/other"
    shutil.copytree(first, second)
    manifest: Any = json.loads((second / "manifest.json").read_text(encoding="utf-8"))
    manifest["models"]["synthetic text"]["durations_s"] = {"from": 0.5, "to": 3.0}
    (second / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return first, second


def test_two_runs_differ_in_what_was_known_of_a_model(workplace: Workplace, runs: tuple[Path, Path]) -> None:
    answer = workplace.run("diff", *map(str, runs))

    assert "what is known of synthetic text\n  durations_s  " in answer.out
    assert '{"from": 0.5, "to": 3.0}' in answer.out
    told = workplace.run("diff", *map(str, runs), "--json").json
    assert list(told["models"]) == ["synthetic text"]


def test_a_baseline_keeps_it_and_compare_says_that_it_changed(
    workplace: Workplace, runs: tuple[Path, Path]
) -> None:
    for name, run in zip(("one.json", "two.json"), runs, strict=True):
        assert workplace.run("baseline", "create", str(run), "-o", name, "-q").code == 0
    stored = json.loads((workplace.path / "two.json").read_text(encoding="utf-8"))
    assert stored["models"]["synthetic text"]["durations_s"] == {"from": 0.5, "to": 3.0}

    told = workplace.run("compare", "one.json", "two.json", "--json").json

    assert "what is known of synthetic text changed: durations_s" in told["notes"]
    assert not any(
        "changed" in note for note in workplace.run("compare", "one.json", "one.json", "--json").json["notes"]
    )
