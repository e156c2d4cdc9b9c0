"""What will be asked for, and under which key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import plugins
from runner.api import (
    ShotRequest,
    hookimpl,
)
from runner.config import film_keys
from runner.config.convert import Reader
from runner.config.origins import Origins
from runner.config.project import (
    Boundary,
    Film,
    UploaderChoice,
)
from runner.config.schema import Continuity, Limits
from runner.errors import PluginError
from runner.planning import capability_checks, plan
from runner.planning.advisories import notes
from tests.planning.projects import (
    CHOICE,
    GENERATOR,
    TODAY,
    UPLOADER,
    Options,
    chain,
    film,
    make,
    picture,
    shot,
    with_capabilities,
)

# --- keys and chains ------------------------------------------------------------------------------------------


def test_a_sequence_is_split_where_a_shot_does_not_start_from_the_one_before() -> None:
    project = film(
        shot("a", Boundary.CUT),
        shot("b"),
        shot("c", Boundary.IMAGE, image=picture()),
        shot("d"),
        shot("e", Boundary.CUT),
    )

    (sequence,) = make(project).sequences

    assert [[one.shot.name for one in chain] for chain in sequence.chains] == [["a", "b"], ["c", "d"], ["e"]]
    assert [one.previous.shot.name if one.previous else None for one in sequence.shots] == [
        None,
        "a",
        None,
        "c",
        None,
    ]
    assert [one.stem for one in sequence.shots] == ["01_a", "02_b", "03_c", "04_d", "05_e"]


@given(st.integers(0, 4), st.sampled_from(["prompt", "seed", "take", "duration_s", "params"]))
def test_a_change_of_a_shot_leaves_those_before_it_and_changes_its_chain(at: int, name: str) -> None:
    values = {"prompt": "another", "seed": 9, "take": 2, "duration_s": 5.0, "params": {"x": 1}}
    shots = chain()
    before = make(film(*shots))
    request = replace(shots[at].request, **{name: values[name]})
    shots[at] = replace(shots[at], request=request)

    after = make(film(*shots))

    same = [one.key == other.key for one, other in zip(before.shots, after.shots, strict=True)]
    assert same == [number < at for number in range(5)]
    assert before.key != after.key


def test_a_change_goes_no_further_than_the_next_cut() -> None:
    shots = [*chain(3), shot("s4", Boundary.CUT), shot("s5")]
    before = make(film(*shots))
    shots[1] = replace(shots[1], request=replace(shots[1].request, prompt="another"))

    after = make(film(*shots))

    same = [one.key == other.key for one, other in zip(before.shots, after.shots, strict=True)]
    assert same == [True, False, False, True, True]


def test_another_name_leaves_a_shot_what_it_is() -> None:
    shots = chain(2)
    renamed = [replace(shots[0], name="other", slug="other", at="sequences.main.shots.other"), shots[1]]

    assert [one.key for one in make(film(*shots)).shots] == [one.key for one in make(film(*renamed)).shots]
    assert make(film(*shots)).key != make(film(*renamed)).key


@pytest.mark.parametrize(
    "keys",
    [
        {"description": "another"},
        {"output_root": Path("elsewhere")},
        {"limits": Limits(in_flight=1)},
        {"uploader": UploaderChoice(spec=UPLOADER, options=Options(public=True))},
    ],
)
def test_how_a_film_is_made_is_no_part_of_its_key(keys: dict[str, Any]) -> None:
    assert make(film(*chain(2), **keys)).key == make(film(*chain(2))).key


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "another"},
        {"film": Film(keys=film_keys.Film(join=False))},
        {"continuity": Continuity(fallback="none")},
    ],
)
def test_what_is_made_is_part_of_a_films_key(keys: dict[str, Any]) -> None:
    assert make(film(*chain(2), **keys)).key != make(film(*chain(2))).key


def test_the_label_names_the_generators_once_each() -> None:
    second = replace(CHOICE, label="b", spec=replace(GENERATOR, name="Zwei/../x"))
    project = film(shot("a", Boundary.CUT), shot("b"), shot("c", generator=second, model=None))

    assert make(project).label == "gen-m-1-zwei-x"


def test_an_uploader_is_needed_only_where_a_picture_is() -> None:
    assert not make(film(shot("a", Boundary.CUT), shot("b", Boundary.CUT))).needs_uploader
    assert make(film(*chain(2))).needs_uploader
    assert make(film(shot("a", Boundary.IMAGE, image=picture()))).needs_uploader


@pytest.fixture
def registry() -> plugins.Registry:
    return plugins.load([])


def test_a_seed_that_is_not_sent_is_no_part_of_the_request() -> None:
    unseeded = with_capabilities(seed=False)
    keys = {
        make(film(shot("a", Boundary.CUT, generator=unseeded, seed=seed))).shots[0].key
        for seed in (None, 1, 2)
    }
    sent = {make(film(shot("a", Boundary.CUT, seed=seed))).shots[0].key for seed in (None, 1, 2)}

    assert (len(keys), len(sent)) == (1, 3)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ((None, None), ()),
        ((7, 7), ("seed 7 is not sent",)),
        ((7, 8), ("each of the seeds 7, 8 is not sent",)),
        ((1, 2, 3, 4), ("each of 4 seeds is not sent",)),
    ],
)
def test_a_seed_that_is_not_sent_is_told_once(seeds: tuple[int | None, ...], said: tuple[str, ...]) -> None:
    unseeded = with_capabilities(seed=False)
    shots = [
        shot(f"s{at}", Boundary.CUT, generator=unseeded, seed=seed, take=2) for at, seed in enumerate(seeds)
    ]

    told = notes(make(film(*shots, shot("other", seed=5))))

    assert len(told) == len(said)
    for line, part in zip(told, said, strict=True):
        assert line.startswith("gen with model m-1 takes no seed: ")
        assert part in line
        assert line.endswith("another take of the shot: take=3")


@pytest.mark.parametrize(
    ("size", "ratio", "told"),
    [
        ((640, 360), "16:9", False),
        ((653, 360), "16:9", False),
        ((720, 1280), "16:9", True),
        ((500, 500), "9:16", True),
    ],
)
def test_a_picture_of_another_shape_than_its_shot_is_told(
    size: tuple[int, int], ratio: str, told: bool
) -> None:
    given = picture(width=size[0], height=size[1])
    film_of = film(shot("a", Boundary.IMAGE, image=given, aspect_ratio=ratio), shot("b", aspect_ratio=ratio))

    said = notes(make(film_of))

    assert len(said) == told
    assert all("main/a" in line and "a.png" in line and f"{size[0]}x{size[1]}" in line for line in said)


# --- transforms -------------------------------------------------------------------------------------------------


class Transform:
    """A plugin that appends to prompts."""

    def __init__(self, text: str) -> None:
        self.text = text

    @hookimpl
    def runner_transform(self, request: ShotRequest) -> ShotRequest | None:
        return replace(request, prompt=request.prompt + self.text) if self.text else None


class Trap:
    """A plugin that fails, or returns what is no request."""

    def __init__(self, returns: object) -> None:
        self.returns = returns

    @hookimpl
    def runner_transform(self, request: ShotRequest) -> object:
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns


def test_transforms_fold_in_order_before_the_identity(registry: plugins.Registry) -> None:
    project = film(shot("a", Boundary.CUT))
    before = plan.make(project, registry).shots[0]
    for text in ("-1", "", "-2"):
        registry.manager.register(Transform(text))

    after = plan.make(project, registry).shots[0]

    assert after.request.prompt == "prompt of a-2-1"
    assert after.key == make(film(shot("a", Boundary.CUT, prompt="prompt of a-2-1"))).shots[0].key
    assert after.key != before.key


def test_a_transformed_request_is_what_is_checked(registry: plugins.Registry) -> None:
    registry.manager.register(Transform("!" * 100))
    reader = Reader(Origins())
    project = film(shot("a", Boundary.CUT, generator=with_capabilities(prompt_max_chars=50)))

    capability_checks.check(plan.make(project, registry), reader, today=TODAY)

    assert [problem.key for problem in reader.problems] == ["sequences.main.shots.a.prompt"]


@pytest.mark.parametrize(
    ("returns", "what"),
    [(ValueError("no luck"), "failed to transform a request"), ("text", "transforms a request into str")],
)
def test_a_transform_that_fails_stops_everything(
    registry: plugins.Registry, returns: object, what: str
) -> None:
    registry.manager.register(Trap(returns), name="trap")

    with pytest.raises(PluginError, match=f"plugin trap {what}"):
        plan.make(film(shot("a", Boundary.CUT)), registry)
