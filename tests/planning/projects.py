"""Films as they are before anything is generated, with plugins that can be told what they can do."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import plugins
from runner.api import (
    Billing,
    ExtractorSpec,
    GeneratorCapabilities,
    GeneratorSpec,
    ImageInput,
    InputMode,
    Lifecycle,
    Reach,
    RequestLimits,
    ShotRequest,
    UploaderCapabilities,
    UploaderSpec,
)
from runner.config import film_keys
from runner.config.beam_keys import Beam
from runner.config.check_keys import Checks
from runner.config.convert import Reader
from runner.config.origins import Origins
from runner.config.project import (
    Boundary,
    ExtractorChoice,
    Film,
    GeneratorChoice,
    GivenImage,
    Project,
    Sequence,
    Shot,
    UploaderChoice,
)
from runner.config.schema import BudgetKeys, Continuity, Limits
from runner.planning import capability_checks, plan

if TYPE_CHECKING:
    from runner.errors import Problem

TODAY = date(2026, 11, 22)
LOCAL = ImageInput(reach=Reach.LOOPBACK)


@dataclass(frozen=True)
class Options:
    """Of the generator and the uploader of these tests."""

    image: bool = True
    public: bool = False


def build(options: object, context: object) -> Any:
    raise AssertionError("planning builds nothing")


def caps(options: Any, model: str | None, how: InputMode) -> GeneratorCapabilities:
    if model == "broken":
        raise ValueError("no card for this model")
    if model == "odd":
        return 3  # type: ignore[return-value]
    if model == "old":
        return GeneratorCapabilities(image=LOCAL, lifecycle=Lifecycle(retired=TODAY))
    return GeneratorCapabilities(image=LOCAL if options.image else None)


def hosts(options: Any) -> UploaderCapabilities:
    return UploaderCapabilities(reach=Reach.PUBLIC if options.public else Reach.LOOPBACK)


GENERATOR = GeneratorSpec(name="gen", factory=build, options=Options, capabilities=caps)
EXTRACTOR = ExtractorSpec(name="ext", factory=build)
UPLOADER = UploaderSpec(name="host", factory=build, options=Options, capabilities=hosts)
CHOICE = GeneratorChoice(label="", spec=GENERATOR, options=Options(), model="m-1", params={})


def shot(name: str, boundary: Boundary = Boundary.CHAIN, **keys: Any) -> Shot:
    own = {key: keys.pop(key) for key in ("image", "generator", "origin") if key in keys}
    request = {"prompt": f"prompt of {name}", "model": "m-1", "params": {}, **keys}
    return Shot(
        name=name,
        slug=name,
        at=f"sequences.main.shots.{name}",
        boundary=boundary,
        request=ShotRequest(project="film", sequence="main", shot=name, **request),
        **{"image": None, "generator": CHOICE, **own},
    )


def film(*shots: Shot, **keys: Any) -> Project:
    sequence = Sequence(name="main", slug="main", shots=shots)
    return Project(
        beam=Beam(),
        checks=Checks(),
        **{
            "name": "film",
            "slug": "film",
            "description": "",
            "sequences": (sequence,),
            "extractor": ExtractorChoice(spec=EXTRACTOR, options=None),
            "uploader": UploaderChoice(spec=UPLOADER, options=Options()),
            "continuity": Continuity(),
            "film": Film(keys=film_keys.Film()),
            "budget": BudgetKeys(),
            "limits": Limits(),
            "output_root": Path("outputs"),
            **keys,
        },
    )


def picture(**keys: Any) -> GivenImage:
    stated = {
        "path": Path("a.png"),
        "sha256": "aa",
        "format": "png",
        "size": 1000,
        "width": 640,
        "height": 360,
    }
    return GivenImage(**{**stated, **keys})


@cache
def untouched() -> plugins.Registry:
    """Plugins that no test adds a transform to."""
    return plugins.load([])


def make(project: Project) -> plan.Plan:
    return plan.make(project, untouched())


def found(project: Project) -> list[Problem]:
    """What a check of the plan notes."""
    reader = Reader(Origins())
    capability_checks.check(make(project), reader, today=TODAY)
    return reader.problems


def chain(count: int = 5) -> list[Shot]:
    return [shot("s1", Boundary.CUT), *(shot(f"s{number}") for number in range(2, count + 1))]


def with_capabilities(*, image: bool = True, **keys: Any) -> GeneratorChoice:
    """A generator with these capabilities, each named as in its group; those of `ImageInput` begin with `image_`."""
    of_image = {key.removeprefix("image_"): keys.pop(key) for key in list(keys) if key.startswith("image_")}
    groups: dict[str, Any] = {"image": replace(LOCAL, **of_image) if image else None}
    for group, cls in (("request", RequestLimits), ("billing", Billing), ("lifecycle", Lifecycle)):
        names = [one.name for one in fields(cls) if one.name in keys]
        groups[group] = cls(**{name: keys.pop(name) for name in names})
    capabilities = GeneratorCapabilities(**groups, **keys)
    return replace(CHOICE, spec=replace(GENERATOR, capabilities=capabilities))
