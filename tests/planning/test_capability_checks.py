"""What the chosen generators cannot do is noted before anything is spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from runner.api import (
    GeneratorCapabilities,
    ImageInput,
    InputMode,
    Objection,
    Range,
    Reach,
    RequestLimits,
    ShotRequest,
    UploaderCapabilities,
)
from runner.config.convert import Reader
from runner.config.origins import Origins
from runner.config.project import (
    Boundary,
    GivenImage,
    UploaderChoice,
)
from runner.errors import PluginError
from runner.media.picture import encode
from runner.planning import capability_checks
from tests.planning.projects import (
    CHOICE,
    GENERATOR,
    TODAY,
    UPLOADER,
    Options,
    film,
    found,
    make,
    picture,
    shot,
    with_capabilities,
)

if TYPE_CHECKING:
    from pathlib import Path

# --- what a generator cannot do -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capabilities", "keys", "key", "allowed"),
    [
        ({"durations_s": Range(2, 3.5)}, {}, "duration_s", "2 to 3.5 s"),
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
            "durations_s": Range(4, 4),
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


def by_start(options: Any, model: str | None, how: InputMode) -> GeneratorCapabilities:
    """A model with a twin for each start: 5 s from text, 10 s from an image, under one name."""
    lasting = (5.0,) if how is InputMode.TEXT else (10.0,)
    return GeneratorCapabilities(
        model="m",
        request=RequestLimits(durations_s=lasting),
        image=ImageInput(reach=Reach.LOOPBACK, max_bytes=7),
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

    assert capability_checks.can_fall_back(planned.shots[1]) is possible


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
    unable = replace(CHOICE, options=Options(image=False))
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
    with pytest.raises(PluginError, match="generator gen failed to state its capabilities") as caught:
        make(film(shot("a", Boundary.CUT, model="broken")))

    assert "no card for this model" in caught.value.why


def test_capabilities_of_another_kind_are_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="generator gen states an int as its capabilities") as caught:
        make(film(shot("a", Boundary.CUT, model="odd")))

    assert "it should be a GeneratorCapabilities" in caught.value.why
    assert "projects.py:" in caught.value.where


# --- reach ------------------------------------------------------------------------------------------------------


def on(**keys: Any) -> UploaderChoice:
    """An image host whose addresses are as stated."""
    caps = UploaderCapabilities(**{"reach": Reach.PUBLIC, **keys})
    return UploaderChoice(spec=replace(UPLOADER, capabilities=caps), options=Options())


@pytest.mark.parametrize(
    ("host", "trouble", "allowed"),
    [
        (on(reach=Reach.LOOPBACK), "on this machine only", "uploader=far"),
        (
            on(reach=Reach.NETWORK, reach_hint="dig a tunnel"),
            "in this network only",
            "uploader=far; or dig a tunnel",
        ),
        (on(https=False, reach_hint="take https"), "not HTTPS", "uploader=far; or take https"),
        (
            on(lifetime_s=600, lifetime_hint="set life=9"),
            "served for 600 s, and a task may wait 1800 s",
            "set life=9; or a lower",
        ),
    ],
)
def test_a_host_that_cannot_serve_a_hosted_generator_is_told_before_anything_is_spent(
    host: UploaderChoice, trouble: str, allowed: str
) -> None:
    hosted = with_capabilities(image_reach=Reach.PUBLIC)
    reader = Reader(Origins())

    project = film(
        shot("a", Boundary.CUT), shot("b", generator=hosted), shot("c", generator=hosted), uploader=host
    )
    capability_checks.check(make(project), reader, today=TODAY, hosts=["host", "far"])

    (problem,) = reader.problems
    assert problem.key == "uploader.plugin"
    assert trouble in problem.message
    assert problem.allowed.startswith(allowed)


@pytest.mark.parametrize("host", [on(lifetime_s=1800), on(lifetime_s=1741), on(lifetime_s=None)])
def test_an_address_that_lives_as_long_as_a_task_may_wait_is_fine(host: UploaderChoice) -> None:
    hosted = with_capabilities(image_reach=Reach.PUBLIC)

    assert not found(film(shot("a", Boundary.CUT), shot("b", generator=hosted), uploader=host))


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

    (problem,) = found(film(shot("a", Boundary.IMAGE, image=picture(), generator=hosted)))

    assert problem.key == "uploader.plugin"


# --- given images ---------------------------------------------------------------------------------------------


LIMITS = {"image_min_px": 300, "image_max_px": 6000, "image_ratio": Range(0.4, 2.5)}


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((299, 400), "299x400 is too small: 300 is the least width and height"),
        ((400, 299), "400x299 is too small"),
        ((6001, 4000), "6001x4000 is too large: 6000 is the greatest"),
        ((1001, 400), "1001x400 is too wide: its width should be 0.4 to 2.5 times its height"),
        ((399, 1000), "399x1000 is too high"),
    ],
)
def test_a_given_picture_that_the_model_takes_in_no_size_is_told_in_the_plan(
    size: tuple[int, int], why: str
) -> None:
    given = picture(width=size[0], height=size[1])

    (problem,) = found(film(shot("a", Boundary.IMAGE, image=given, generator=with_capabilities(**LIMITS))))

    assert problem.key == "sequences.main.shots.a.image"
    assert problem.value == "'a.png'"
    assert why in problem.allowed


@pytest.mark.parametrize("size", [(300, 300), (6000, 2400), (1000, 400), (400, 1000)])
def test_a_given_picture_that_just_fits_is_fine(size: tuple[int, int]) -> None:
    given = picture(width=size[0], height=size[1])

    assert not found(film(shot("a", Boundary.IMAGE, image=given, generator=with_capabilities(**LIMITS))))


def noise(path: Path, format: str) -> GivenImage:
    """An image that no format makes much smaller."""
    pixels = np.random.default_rng(3).integers(100, 140, (300, 400, 3), np.uint8)
    made = encode(pixels, format)
    path.write_bytes(made.data)
    return picture(path=path, sha256=made.sha256, format=format, size=len(made.data), width=400, height=300)


@pytest.mark.parametrize(
    ("caps", "fits"),
    [
        ({"image_max_bytes": 400_000}, True),  # as it is
        ({"image_max_bytes": 200_000}, True),  # as JPEG
        ({"image_max_bytes": 20_000}, False),
        ({"image_max_bytes": 200_000, "image_formats": ("png",)}, False),
        ({"image_formats": ("webp",)}, True),
    ],
)
def test_a_given_picture_has_to_fit_in_some_format_that_the_model_takes(
    tmp_path: Path, caps: dict[str, Any], fits: bool
) -> None:
    given = noise(tmp_path / "noise.png", "png")

    problems = found(film(shot("a", Boundary.IMAGE, image=given, generator=with_capabilities(**caps))))

    assert [problem.key for problem in problems] == ([] if fits else ["sequences.main.shots.a.image"])
    if not fits:
        assert f"takes more than {caps['image_max_bytes']:,} bytes" in problems[0].allowed


def test_a_given_picture_that_is_gone_when_it_is_looked_at_is_told(tmp_path: Path) -> None:
    given = picture(path=tmp_path / "gone.png", format="webp")

    (problem,) = found(
        film(shot("a", Boundary.IMAGE, image=given, generator=with_capabilities(image_formats=("png",))))
    )

    assert "No such file" in problem.allowed
