"""A shot, a sequence or a generator that only the command line has needs a `+`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runner.testing.pytest import Workplace

FILM = """\
# @package _global_
project: {name: film}
sequences:
  main:
    shots:
      hook: {prompt: a hook}
      pour: {prompt: a pour}
  outro:
    shots: {end: {prompt: the end}}
generators:
  close: {plugin: synthetic}
"""


@pytest.fixture
def film(workplace: Workplace) -> Workplace:
    workplace.write("conf/project/film.yaml", FILM)
    return workplace


@pytest.mark.parametrize(
    ("override", "name", "allowed"),
    [
        ("sequences.main.shots.hok.prompt=x", "sequences.main.shots.hok", "did you mean hook?"),
        ("sequences.main.shots.hok={prompt: x}", "sequences.main.shots.hok", "did you mean hook?"),
        ("sequences.main.shots={hok: {prompt: x}}", "sequences.main.shots.hok", "did you mean hook?"),
        ("sequences.mian.shots.hook.prompt=x", "sequences.mian", "did you mean main?"),
        ("sequences.zzz.shots.hook.prompt=x", "sequences.zzz", "there are: main, outro"),
        ("generators.clsoe.plugin=synthetic", "generators.clsoe", "did you mean close?"),
    ],
)
def test_a_name_that_no_file_has_is_an_error(film: Workplace, override: str, name: str, allowed: str) -> None:
    answer = film.run("plan", "+project=film", override)

    assert answer.code == 2
    assert f"- {name}: no file has this name" in answer.err
    assert allowed in answer.err
    assert "a + before the key adds it" in answer.err
    assert answer.err.count("no file has this name") == 1


@pytest.mark.parametrize(
    "overrides",
    [
        ["+sequences.main.shots.sip.prompt=x"],
        ["++sequences.main.shots.sip.prompt=x"],
        ["+sequences.main.shots.sip.prompt=x", "sequences.main.shots.sip.seed=3"],
        ["+sequences.more.shots.sip.prompt=x"],
        ["+generators.far.plugin=synthetic"],
        ["+generator@generators.far=synthetic", "generators.far.params={a: 1}"],
    ],
)
def test_with_a_plus_it_is_added(film: Workplace, overrides: list[str]) -> None:
    answer = film.run("plan", "+project=film", *overrides)

    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    "override",
    [
        "sequences.main.shots.hook.prompt=x",
        "sequences.main.shots={hook: {prompt: x}}",
        "sequences={main: {shots: {hook: {prompt: x}}}}",
        "sequences.main.shot.seed=4",
        "~sequences.outro",
    ],
)
def test_what_a_file_has_is_changed_without_one(film: Workplace, override: str) -> None:
    answer = film.run("plan", "+project=film", override)

    assert answer.code == 0, answer.err


def test_a_shot_that_a_yaml_merge_brings_in_is_one_of_the_file(film: Workplace) -> None:
    merged = FILM.replace("      pour: {prompt: a pour}\n", "      <<: &more {pour: {prompt: a pour}}\n")
    film.write("conf/project/film.yaml", merged)

    answer = film.run("plan", "+project=film", "sequences.main.shots.pour.seed=2")

    assert answer.code == 0, answer.err


def test_a_sweep_with_a_wrong_name_starts_nothing(film: Workplace) -> None:
    answer = film.run("-m", "+project=film", "sequences.main.shots.hok.prompt=x,y")

    assert answer.code == 2
    assert "did you mean hook?" in answer.err
    assert not (film.path / "outputs").exists()
