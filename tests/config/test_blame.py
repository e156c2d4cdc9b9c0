"""Each problem names who set the value: a key, a file and its line, an override."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.config.project import Project
    from tests.config.conftest import Found
    from tests.conftest import Workplace

    Describe = Callable[[str], str]
    Problems = Callable[..., dict[str, Found]]
    Read = Callable[[str], tuple[Project | None, dict[str, Found]]]

GOOD = "project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}, two: {prompt: q}}}}\n"


@pytest.mark.parametrize("level", ["sequences.main.shots.one", "sequences.main.shot", "shot"])
def test_a_value_that_a_generator_cannot_make_is_blamed_on_who_set_it(
    describe: Describe, problems: Problems, level: str
) -> None:
    found = problems(describe(GOOD), f"{level}.duration_s=9999")

    assert {f"{level}.duration_s"} == set(found)
    assert found[f"{level}.duration_s"].source == f"command line: {level}.duration_s=9999"


def test_a_value_of_a_file_below_the_project_is_blamed_on_that_file(
    workplace: Workplace, problems: Problems
) -> None:
    workplace.write("conf/project/house.yaml", "# @package _global_\nshot:\n  fps: 24\n  take: none\n")
    workplace.write(
        "conf/project/film.yaml",
        f"# @package _global_\ndefaults: [house, _self_]\nshot: {{seed: x}}\n{GOOD}",
    )

    found = problems("+project=film")

    assert {key: problem.source for key, problem in found.items()} == {
        "shot.take": "conf/project/house.yaml:4",
        "shot.seed": "conf/project/film.yaml:3",
    }


def test_a_value_of_a_plugins_profile_is_blamed_on_the_profile(
    describe: Describe, workplace: Workplace, problems: Problems
) -> None:
    workplace.write("conf/generator/mine.yaml", "plugin: synthetic\nreframe: large\n")

    found = problems(describe(GOOD), "generator=mine", "+generator@generators.second=mine")

    assert {key: problem.source for key, problem in found.items()} == {
        "generator.reframe": "conf/generator/mine.yaml:2",
        "generators.second.reframe": "conf/generator/mine.yaml:2",
    }


def test_a_bundled_value_is_blamed_on_the_bundled_file(describe: Describe, problems: Problems) -> None:
    found = problems(describe(GOOD), "~generator.plugin", "extractor.plugin=pyva")

    assert found["generator.plugin"].message == "is required"
    assert found["extractor.plugin"].message == "there is no such extractor"
    assert found["extractor.plugin"].allowed.startswith("did you mean pyav?")


def test_an_override_is_shown_as_it_was_typed(
    describe: Describe, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SEED", "nine")

    found = problems(describe(GOOD), "shot.seed=${oc.env:MY_SEED}")

    assert found["shot.seed"].value == "'nine'"
    assert found["shot.seed"].source == "command line: shot.seed=${oc.env:MY_SEED}"


def test_a_retired_model_is_blamed_on_who_chose_it(
    describe: Describe, problems: Problems, workplace: Workplace
) -> None:
    workplace.write(
        "plugins/past.py",
        """\
from datetime import date
from runner.api import *

@hookimpl
def runner_register():
    return GeneratorSpec(
        name="past",
        factory=print,
        capabilities=lambda options, model, how: GeneratorCapabilities(lifecycle=Lifecycle(retired=date(2020, 1, 1))),
    )
""",
    )
    workplace.write("conf/generator/past.yaml", "plugin: past\nmodel: p-1\n")
    project = describe("project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}}}}\n")

    chosen = problems(project, "generator=past")
    labelled = problems(project, "+generator@generators.b=past", "sequences.main.shots.one.generator=b")
    own = problems(project, "generator=past", "sequences.main.shots.one.model=p-2")

    assert {key: problem.source for key, problem in chosen.items()} == {
        "generator.model": "conf/generator/past.yaml:2"
    }
    assert {key: problem.source for key, problem in labelled.items()} == {
        "generators.b.model": "conf/generator/past.yaml:2"
    }
    assert set(own) == {"sequences.main.shots.one.model"}
    assert "past with model p-1 was retired on 2020-01-01" in chosen["generator.model"].message
