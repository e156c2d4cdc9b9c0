"""What will be asked for, under which key, and what the chosen generators cannot do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import feasibility, plan, plugins
from runner.api import (
    ExtractorSpec,
    GeneratorCapabilities,
    GeneratorSpec,
    How,
    Objection,
    Reach,
    ShotRequest,
    Span,
    UploaderCapabilities,
    UploaderSpec,
    hookimpl,
)
from runner.config.convert import Reader
from runner.config.origins import Origins
from runner.config.project import (
    Boundary,
    ExtractorChoice,
    GeneratorChoice,
    GivenImage,
    Project,
    Sequence,
    Shot,
    UploaderChoice,
)
from runner.config.schema import BudgetKeys, Continuity, Film, Limits
from runner.errors import PluginError, Problem

TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Options:
    """Of the generator and the uploader of these tests."""

    able: bool = True
    public: bool = False


def build(options: object, context: object) -> Any:
    raise AssertionError("planning builds nothing")


def able(options: Any, model: str | None, how: How) -> GeneratorCapabilities:
    if model == "broken":
        raise ValueError("no card for this model")
    if model == "odd":
        return 3  # type: ignore[return-value]
    if model == "old":
        return GeneratorCapabilities(image=True, retired=TODAY, image_reach=Reach.LOOPBACK)
    return GeneratorCapabilities(image=options.able, image_reach=Reach.LOOPBACK)


def hosts(options: Any) -> UploaderCapabilities:
    return UploaderCapabilities(reach=Reach.PUBLIC if options.public else Reach.LOOPBACK)


GENERATOR = GeneratorSpec(name="gen", factory=build, options=Options, capabilities=able)
EXTRACTOR = ExtractorSpec(name="ext", factory=build)
UPLOADER = UploaderSpec(name="host", factory=build, options=Options, capabilities=hosts)
CHOICE = GeneratorChoice(label="", spec=GENERATOR, options=Options(), model="m-1", params={})


def shot(name: str, boundary: Boundary = Boundary.CHAIN, **keys: Any) -> Shot:
    given: dict[str, Any] = {
        "prompt": f"prompt of {name}",
        "generator": CHOICE,
        "model": "m-1",
        "duration_s": 4.0,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "fps": 24.0,
        "seed": None,
        "take": 1,
        "params": {},
        "image": None,
    } | keys
    at = f"sequences.main.shots.{name}"
    return Shot(name=name, slug=name, at=at, boundary=boundary, **given)


def film(*shots: Shot, **keys: Any) -> Project:
    sequence = Sequence(name="main", slug="main", shots=shots)
    return Project(
        **{
            "name": "film",
            "slug": "film",
            "description": "",
            "sequences": (sequence,),
            "extractor": ExtractorChoice(spec=EXTRACTOR, options=None),
            "uploader": UploaderChoice(spec=UPLOADER, options=Options()),
            "continuity": Continuity(),
            "film": Film(),
            "budget": BudgetKeys(),
            "limits": Limits(),
            "output_root": Path("outputs"),
            **keys,
        }
    )


@pytest.fixture
def registry() -> plugins.Registry:
    return plugins.load([])


@cache
def untouched() -> plugins.Registry:
    """Plugins that no test adds a transform to."""
    return plugins.load([])


def make(project: Project) -> plan.Plan:
    return plan.make(project, untouched())


def found(project: Project) -> list[Problem]:
    """What a check of the plan notes."""
    reader = Reader(Origins())
    feasibility.check(make(project), reader, today=TODAY)
    return reader.problems


def chain(count: int = 5) -> list[Shot]:
    return [shot("s1", Boundary.CUT), *(shot(f"s{number}") for number in range(2, count + 1))]


# --- keys and chains ------------------------------------------------------------------------------------------


def test_a_sequence_is_split_where_a_shot_does_not_start_from_the_one_before() -> None:
    picture = GivenImage(path=Path("a.png"), sha256="aa")
    project = film(
        shot("a", Boundary.CUT),
        shot("b"),
        shot("c", Boundary.IMAGE, image=picture),
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
    shots[at] = replace(shots[at], **{name: values[name]})

    after = make(film(*shots))

    same = [one.key == other.key for one, other in zip(before.shots, after.shots, strict=True)]
    assert same == [number < at for number in range(5)]
    assert before.key != after.key


def test_a_change_goes_no_further_than_the_next_cut() -> None:
    shots = [*chain(3), shot("s4", Boundary.CUT), shot("s5")]
    before = make(film(*shots))
    shots[1] = replace(shots[1], prompt="another")

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
    [{"name": "another"}, {"film": Film(join=False)}, {"continuity": Continuity(fallback="none")}],
)
def test_what_is_made_is_part_of_a_films_key(keys: dict[str, Any]) -> None:
    assert make(film(*chain(2), **keys)).key != make(film(*chain(2))).key


def test_the_label_names_the_generators_once_each() -> None:
    second = replace(CHOICE, label="b", spec=replace(GENERATOR, name="Zwei/../x"))
    project = film(shot("a", Boundary.CUT), shot("b"), shot("c", generator=second, model=None))

    assert make(project).label == "gen-m-1-zwei-x"


def test_an_uploader_is_needed_only_where_a_picture_is() -> None:
    picture = GivenImage(path=Path("a.png"), sha256="aa")

    assert not make(film(shot("a", Boundary.CUT), shot("b", Boundary.CUT))).needs_uploader
    assert make(film(*chain(2))).needs_uploader
    assert make(film(shot("a", Boundary.IMAGE, image=picture))).needs_uploader


# --- what a generator cannot do -------------------------------------------------------------------------------


def with_capabilities(**keys: Any) -> GeneratorChoice:
    stated = GeneratorCapabilities(**{"image": True, "image_reach": Reach.LOOPBACK, **keys})
    return replace(CHOICE, spec=replace(GENERATOR, capabilities=stated))


@pytest.mark.parametrize(
    ("capabilities", "keys", "key", "allowed"),
    [
        ({"durations_s": Span(2, 3.5)}, {}, "duration_s", "2 to 3.5 s"),
        ({"durations_s": (5.0, 10.0)}, {}, "duration_s", "5, 10 s"),
        ({"aspect_ratios": ("9:16", "1:1")}, {}, "aspect_ratio", "9:16, 1:1"),
        ({"resolutions": ("480p",)}, {}, "resolution", "480p"),
        ({"prompt_max_chars": 5}, {}, "prompt", "5 characters for gen with model m-1"),
        ({"text": False}, {}, "boundary", "image, chain"),
        ({"retired": TODAY}, {}, "model", ""),
    ],
)
def test_what_a_generator_cannot_do_is_noted_with_what_it_can(
    capabilities: dict[str, Any], keys: dict[str, Any], key: str, allowed: str
) -> None:
    problems = found(film(shot("a", Boundary.CUT, generator=with_capabilities(**capabilities), **keys)))

    assert [(problem.key, problem.allowed) for problem in problems] == [
        (f"sequences.main.shots.a.{key}", allowed)
    ]
    assert "gen" in f"{problems[0].message} {problems[0].allowed}"


@pytest.mark.parametrize(
    "capabilities",
    [
        {},
        {
            "durations_s": Span(4, 4),
            "aspect_ratios": ("16:9",),
            "resolutions": ("720p",),
            "prompt_max_chars": 11,
        },
        {"durations_s": (4,), "retired": date(2026, 11, 23)},
    ],
)
def test_what_a_generator_can_just_do_is_fine(capabilities: dict[str, Any]) -> None:
    assert not found(film(shot("a", Boundary.CUT, generator=with_capabilities(**capabilities))))


def test_a_resolution_is_the_same_in_capitals() -> None:
    one = shot("a", Boundary.CUT, generator=with_capabilities(resolutions=("768P",)), resolution="768p")

    assert not found(film(one))


def test_a_generator_objects_to_what_sets_cannot_say() -> None:
    def objections(request: ShotRequest) -> list[Objection]:
        return [Objection("params.mode", "goes with 720p only", request.params["mode"], "std")]

    generator = with_capabilities(objections=objections)
    (problem,) = found(film(shot("a", Boundary.CUT, generator=generator, params={"mode": "pro"})))

    assert problem.key == "sequences.main.shots.a.params.mode"
    assert (problem.value, problem.allowed) == ("'pro'", "std")


def test_of_a_model_that_is_gone_only_that_is_said() -> None:
    gone = with_capabilities(retired=TODAY, successors=("m-2", "m-3"), durations_s=(99,))

    (problem,) = found(film(shot("a", Boundary.CUT, generator=gone)))

    assert problem.key == "sequences.main.shots.a.model"
    assert str(TODAY) in problem.message
    assert "m-2, m-3" in problem.allowed


def by_start(options: Any, model: str | None, how: How) -> GeneratorCapabilities:
    """A model with a twin for each start: 5 s from text, 10 s from a picture, under one name."""
    lasting = (5.0,) if how is How.TEXT else (10.0,)
    return GeneratorCapabilities(
        model="m", image=True, durations_s=lasting, image_reach=Reach.LOOPBACK, image_max_bytes=7
    )


TWINS = replace(CHOICE, spec=replace(GENERATOR, capabilities=by_start))


def test_the_boundary_decides_which_twin_has_to_agree() -> None:
    film_of = film(
        shot("a", Boundary.CUT, generator=TWINS, duration_s=5.0),
        shot("b", generator=TWINS, duration_s=10.0),
        shot("c", generator=TWINS, duration_s=5.0),
    )

    assert [problem.key for problem in found(film_of)] == ["sequences.main.shots.c.duration_s"]


def test_a_model_has_one_name_in_the_key_whatever_it_was_called_by() -> None:
    one, other = (
        make(film(shot("a", Boundary.CUT, generator=TWINS, duration_s=5.0, model=name)))
        for name in ("m-text", "m")
    )

    assert one.shots[0].request.model == "m"
    assert one.shots[0].key == other.shots[0].key


@pytest.mark.parametrize(("duration_s", "possible"), [(10.0, False), (5.0, True)])
def test_a_chained_shot_goes_on_without_its_picture_only_where_the_other_twin_can_make_it(
    duration_s: float, possible: bool
) -> None:
    planned = make(
        film(
            shot("a", Boundary.CUT, generator=TWINS, duration_s=5.0),
            shot("b", generator=TWINS, duration_s=duration_s),
        )
    )

    assert feasibility.without_image(planned.shots[1]) is possible


def test_a_generator_without_first_frames_cannot_chain() -> None:
    problems = found(film(shot("a", Boundary.CUT), shot("b", generator=with_capabilities(image=False))))

    assert [(problem.key, problem.value, problem.allowed) for problem in problems] == [
        ("sequences.main.shots.b.boundary", "'chain'", "cut")
    ]


def test_a_default_is_blamed_where_it_was_set() -> None:
    one = shot(
        "a",
        Boundary.CUT,
        generator=with_capabilities(durations_s=(5,)),
        origin={"duration_s": "shot.duration_s"},
    )

    assert [problem.key for problem in found(film(one))] == ["shot.duration_s"]


def test_capabilities_may_depend_on_options_and_model() -> None:
    unable = replace(CHOICE, options=Options(able=False))
    project = film(
        shot("a", Boundary.CUT, model="old"),
        shot("b", generator=unable),
        shot("c", model="old", generator=unable),
    )

    assert [problem.key for problem in found(project)] == [
        "sequences.main.shots.a.model",
        "sequences.main.shots.b.boundary",
        "sequences.main.shots.c.model",
    ]


def test_capabilities_that_fail_are_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="generator gen fails to say what it can do") as caught:
        make(film(shot("a", Boundary.CUT, model="broken")))

    assert "no card for this model" in caught.value.why


def test_capabilities_of_another_kind_are_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="generator gen fails to say what it can do") as caught:
        make(film(shot("a", Boundary.CUT, model="odd")))

    assert "returns int" in caught.value.why


# --- reach ------------------------------------------------------------------------------------------------------


def test_a_hosted_generator_cannot_fetch_from_this_machine_and_is_told_before_anything_is_spent() -> None:
    hosted = with_capabilities(image_reach=Reach.PUBLIC)

    (problem,) = found(
        film(shot("a", Boundary.CUT), shot("b", generator=hosted), shot("c", generator=hosted))
    )

    assert problem.key == "uploader.plugin"
    assert "gen cannot fetch pictures from host" in problem.message
    assert "on this machine only" in problem.message
    assert "uploader.public_base_url=https://" in problem.allowed


def test_public_addresses_are_far_enough_for_anyone() -> None:
    hosted = with_capabilities(image_reach=Reach.PUBLIC)
    public = UploaderChoice(spec=UPLOADER, options=Options(public=True))

    assert not found(film(shot("a", Boundary.CUT), shot("b", generator=hosted), uploader=public))


def test_where_no_picture_is_fetched_the_uploader_does_not_matter() -> None:
    hosted = with_capabilities(image_reach=Reach.PUBLIC)

    assert not found(
        film(shot("a", Boundary.CUT, generator=hosted), shot("b", Boundary.CUT, generator=hosted))
    )


def test_a_given_picture_has_to_be_fetched_too() -> None:
    hosted = with_capabilities(image_reach=Reach.NETWORK)
    picture = GivenImage(path=Path("a.png"), sha256="aa")

    (problem,) = found(film(shot("a", Boundary.IMAGE, image=picture, generator=hosted)))

    assert problem.key == "uploader.plugin"


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

    assert after.request.prompt == "prompt of a-1-2"
    assert after.key == make(film(shot("a", Boundary.CUT, prompt="prompt of a-1-2"))).shots[0].key
    assert after.key != before.key


def test_a_transformed_request_is_what_is_checked(registry: plugins.Registry) -> None:
    registry.manager.register(Transform("!" * 100))
    reader = Reader(Origins())
    project = film(shot("a", Boundary.CUT, generator=with_capabilities(prompt_max_chars=50)))

    feasibility.check(plan.make(project, registry), reader, today=TODAY)

    assert [problem.key for problem in reader.problems] == ["sequences.main.shots.a.prompt"]


@pytest.mark.parametrize(
    ("returns", "what"),
    [(ValueError("no luck"), "fails to transform a request"), ("text", "transforms a request into str")],
)
def test_a_transform_that_fails_stops_everything(
    registry: plugins.Registry, returns: object, what: str
) -> None:
    registry.manager.register(Trap(returns), name="trap")

    with pytest.raises(PluginError, match=f"plugin trap {what}"):
        plan.make(film(shot("a", Boundary.CUT)), registry)
