"""Turning one mapping into one typed value, noting every problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from runner.config.convert import Reader, listed, nearest
from runner.config.origins import Origins
from runner.config.schema import Continuity, Limits, ShotDefaults, ShotKeys, TrustKeys
from runner.errors import PluginError


@dataclass(frozen=True, slots=True)
class Options:
    """What a plugin might take. (`field` is not an option.)"""

    folder: Path
    count: int
    mode: Literal["fast", "slow"] = "fast"
    api_key: str = ""
    tags: tuple[str, ...] = ()
    made: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.count > 10:
            raise ValueError("count is at most 10")
        if self.tags == ("a", "b"):
            raise ValueError("these tags do not go together")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Options with a type that does not exist."""

    when: Missing  # type: ignore[name-defined]  # noqa: F821


@pytest.fixture
def reader() -> Reader:
    return Reader(Origins())


def problems(reader: Reader) -> dict[str, str]:
    return {problem.key: problem.message for problem in reader.problems}


def test_what_is_not_given_is_the_default(reader: Reader) -> None:
    assert reader.read(Limits, None, "limits") == Limits()
    assert reader.read(Limits, {}, "limits") == Limits()
    assert not reader.problems


def test_all_wrong_keys_of_a_section_are_noted_and_the_others_are_kept(reader: Reader) -> None:
    raw = {"duration_s": -1, "fps": "many", "seed": 4, "sed": 1, "boundary": "jump", "take": True}

    found = reader.read(ShotDefaults, raw, "shot")

    assert set(problems(reader)) == {"shot.duration_s", "shot.fps", "shot.sed", "shot.boundary", "shot.take"}
    assert found == ShotDefaults(seed=4)


def test_an_unknown_key_is_told_the_nearest(reader: Reader) -> None:
    reader.read(ShotKeys, {"promt": "x"}, "sequences.a.shots.x")

    (problem,) = reader.problems
    assert (problem.key, problem.allowed) == ("sequences.a.shots.x.promt", "did you mean prompt?")


def test_an_unknown_key_like_no_other_is_told_what_there_is(reader: Reader) -> None:
    reader.read(TrustKeys, {"zzz": 1}, "trust")

    assert reader.problems[0].allowed == "the keys are hosts, variables"


def test_what_may_stand_there_is_named(reader: Reader) -> None:
    reader.read(Continuity, {"fallback": "give_up"}, "continuity")

    (problem,) = reader.problems
    assert problem.value == "'give_up'"
    assert "'text_to_video' or 'none'" in problem.allowed


@pytest.mark.parametrize("raw", ["text", 3, ["a"], True])
def test_a_section_that_is_no_mapping_is_noted(reader: Reader, raw: object) -> None:
    assert reader.read(Limits, raw, "limits") == Limits()
    assert problems(reader) == {"limits": "should be a mapping of keys"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -0.0, True, "4"])
def test_a_duration_is_a_number_of_seconds(reader: Reader, value: object) -> None:
    assert reader.read(ShotDefaults, {"duration_s": value}, "shot").duration_s is None
    assert set(problems(reader)) == {"shot.duration_s"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("16:9", "16:9"), (969, "16:9"), (556, "9:16"), (61, "1:1"), (243, "4:3"), (1269, "21:9"), (125, "2:5")],
)
def test_an_aspect_ratio_that_yaml_read_as_minutes_is_understood(
    reader: Reader, value: object, expected: str
) -> None:
    assert reader.read(ShotDefaults, {"aspect_ratio": value}, "shot").aspect_ratio == expected
    assert not reader.problems


@pytest.mark.parametrize("value", [169, 16, 60, 0, -969, 1.78, "16x9", "0:9", "16:9\n", "wide", True])
def test_anything_else_is_no_aspect_ratio(reader: Reader, value: object) -> None:
    assert reader.read(ShotDefaults, {"aspect_ratio": value}, "shot").aspect_ratio is None
    assert set(problems(reader)) == {"shot.aspect_ratio"}


@pytest.mark.parametrize("value", ["720p", "1080P", "2K", "4k", "96p"])
def test_a_resolution_is_a_short_side_or_a_k(reader: Reader, value: str) -> None:
    assert reader.read(ShotDefaults, {"resolution": value}, "shot").resolution == value


@pytest.mark.parametrize("value", ["720", "1280x720", "p720", 720, "0p", "720p\n", "99999p"])
def test_anything_else_is_no_resolution(reader: Reader, value: object) -> None:
    assert reader.read(ShotDefaults, {"resolution": value}, "shot").resolution is None
    assert set(problems(reader)) == {"shot.resolution"}


def test_a_number_where_text_is_meant_is_text(reader: Reader) -> None:
    assert reader.read(ShotKeys, {"prompt": 1984, "model": 2.5}, "s") == ShotKeys(prompt="1984", model="2.5")


def test_a_secret_value_is_not_shown(reader: Reader) -> None:
    reader.options(Options, {"folder": "f", "count": 1, "api_key": ["hunter2"]}, "generator", also=())
    reader.read(ShotDefaults, {"params": [{"token": "hunter2"}]}, "shot")

    assert len(reader.problems) == 2
    assert "hunter2" not in str(reader.problems)


def test_a_long_value_is_cut(reader: Reader) -> None:
    reader.read(ShotDefaults, {"seed": "9" * 10_000}, "shot")

    assert len(reader.problems[0].value) == 120


def test_a_problem_is_noted_once(reader: Reader) -> None:
    reader.problem("a.b", "is wrong")
    reader.problem("a.b", "is wrong")

    assert len(reader.problems) == 1


# --- options of plugins ------------------------------------------------------------------------------------


def test_options_are_read_with_their_types(reader: Reader) -> None:
    raw = {"folder": "~/clips", "count": 3, "tags": ["x", "y"], "mode": "slow"}

    assert reader.options(Options, raw, "generator", also={"plugin"}) == Options(
        folder=Path("~/clips"), count=3, tags=("x", "y"), mode="slow"
    )
    assert not reader.problems


def test_missing_options_that_are_not_text_are_noted_and_no_crash(reader: Reader) -> None:
    assert reader.options(Options, {}, "generator", also=()) is None
    assert problems(reader) == {"generator.folder": "is required", "generator.count": "is required"}


def test_wrong_options_are_noted_and_the_others_are_kept(reader: Reader) -> None:
    raw = {"folder": "f", "count": 1, "mode": "fats", "cuont": 2}

    assert reader.options(Options, raw, "uploader", also={"plugin"}) == Options(folder=Path("f"), count=1)
    assert set(problems(reader)) == {"uploader.mode", "uploader.cuont"}
    assert "did you mean count?" in [problem.allowed for problem in reader.problems]


def test_a_common_key_is_among_the_nearest(reader: Reader) -> None:
    reader.options(Options, {"folder": "f", "count": 1, "plugn": "x"}, "uploader", also={"plugin"})

    assert reader.problems[0].allowed == "did you mean plugin?"


def test_a_field_that_cannot_be_given_is_no_option(reader: Reader) -> None:
    reader.options(Options, {"folder": "f", "count": 1, "made": "x"}, "uploader", also=())

    assert problems(reader) == {"uploader.made": "there is no such key"}


def test_a_check_of_the_plugin_itself_names_its_key(reader: Reader) -> None:
    assert reader.options(Options, {"folder": "f", "count": 11}, "generator", also=()) is None

    (problem,) = reader.problems
    assert (problem.key, problem.message, problem.value) == ("generator.count", "count is at most 10", "11")


def test_a_check_of_several_options_names_the_section(reader: Reader) -> None:
    reader.options(Options, {"folder": "f", "count": 1, "tags": ["a", "b"]}, "generator", also=())

    assert problems(reader) == {"generator": "these tags do not go together"}


def test_options_of_an_unknown_type_are_the_plugins_fault(reader: Reader) -> None:
    with pytest.raises(PluginError, match="Unreadable"):
        reader.options(Unreadable, {"when": 1}, "generator", also=())


def test_words_are_offered_only_when_near() -> None:
    assert nearest("promt", ["prompt", "seed"]) == "did you mean prompt?"
    assert nearest("xyzzy", ["prompt", "seed"]) == ""
    assert listed(["b", "a"]) == "a, b"
    assert listed([]) == "none"
