"""Which file, or which override, set a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.config.origins import Layer, Origins

if TYPE_CHECKING:
    from pathlib import Path

BASE = """\
# header
shot:
  seed: 1
  params: {strength: 2}
sequences:
  a.b:
    shots:
      x: {prompt: p}
"""
OWN = """\
shot: {seed: 7}

sequences:
  main:
    shots:
      1:
        prompt: first
      y:
        prompt: second
"""


@pytest.fixture
def layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Layer, ...]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    (tmp_path / "gen.yaml").write_text("plugin: synthetic\nreframe: 2\n", encoding="utf-8")
    return (
        Layer(tmp_path / "base.yaml"),
        Layer(tmp_path / "gen.yaml", "generator"),
        Layer(tmp_path / "gen.yaml", "generators.closeup"),
        Layer(tmp_path / "own.yaml"),
    )


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("shot.seed", "own.yaml:1"),
        ("shot.params", "base.yaml:4"),
        ("shot.params.strength", "base.yaml:4"),
        ("sequences.main.shots.y.prompt", "own.yaml:9"),
        ("sequences.main.shots.1.prompt", "own.yaml:7"),
        ("sequences.a.b.shots.x.prompt", "base.yaml:8"),
        ("generator.reframe", "gen.yaml:2"),
        ("generators.closeup.plugin", "gen.yaml:1"),
        # what is not set anywhere has the place of what it would stand in
        ("sequences.main.shots.y.image", "own.yaml:8"),
        ("sequences.other.shots", "own.yaml:3"),
        ("nowhere.at.all", ""),
    ],
)
def test_a_key_is_traced_to_the_last_file_that_sets_it(
    layers: tuple[Layer, ...], key: str, place: str
) -> None:
    assert Origins((), layers).of(key) == place


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("shot.seed=9", "shot.seed"),
        ("+shot.seed=9", "shot.seed"),
        ("++shot.seed=9", "shot.seed"),
        ("shot={seed: 9}", "shot.seed"),
        ("+sequences.main.shots.z.prompt=p", "sequences.main.shots.z"),
        ("~sequences.main.shots.y", "sequences.main.shots.y"),
    ],
)
def test_an_override_wins_over_all_files(layers: tuple[Layer, ...], override: str, key: str) -> None:
    assert Origins((override,), layers).of(key) == f"command line: {override}"


def test_the_last_of_two_overrides_is_named(layers: tuple[Layer, ...]) -> None:
    assert Origins(("shot.seed=1", "shot.seed=2"), layers).of("shot.seed") == "command line: shot.seed=2"


def test_an_override_of_a_neighbour_is_not_named(layers: tuple[Layer, ...]) -> None:
    assert Origins(("shot={take: 2}", "shot.seeds=1"), layers).of("shot.seed") == "own.yaml:1"


def test_a_long_override_is_cut(layers: tuple[Layer, ...]) -> None:
    place = Origins((f"shot.model={'x' * 500}",), layers).of("shot.model")

    assert len(place) < 100
    assert place.endswith("...")


def test_the_file_of_a_key_is_known_unless_an_override_set_it(
    layers: tuple[Layer, ...], tmp_path: Path
) -> None:
    assert Origins((), layers).file_of("shot.params") == tmp_path / "base.yaml"
    assert Origins(("shot.params={}",), layers).file_of("shot.params") is None
    assert Origins((), layers).file_of("shot.image") is None


def test_a_file_that_is_gone_or_broken_is_passed_over(layers: tuple[Layer, ...], tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("a: [", encoding="utf-8")
    (tmp_path / "gen.yaml").unlink()

    assert Origins((), layers).of("shot.seed") == "base.yaml:3"


def test_a_group_chosen_on_the_command_line_is_known() -> None:
    assert Origins(("+project=x",)).chosen("project")
    assert not Origins(("project.name=x",)).chosen("project")
