"""The sections of a configuration, as they may be typed. Field names are the keys; `None` means "not given"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from runner.api import HandOver, ShotRequest
from runner.kinds import Kind

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Whole = Annotated[int, Field(ge=1, strict=True)]
L = TypeVar("L")


def _number_as_text(value: Any) -> Any:
    """A prompt or a name that YAML reads as a number was meant as text."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_number_as_text)]


def _from_sexagesimal(value: Any) -> Any:
    """Undo YAML 1.1, which reads an unquoted 16:9 as the number 16 * 60 + 9.

    A number that would be a shape of no film was typed as a number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        width, height = divmod(value, 60)
        if height and 1 / 4 <= width / height <= 4:
            return f"{width}:{height}"
    return value


def _ratio(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,3}:[1-9]\d{0,3}", value):
        raise ValueError("should be WIDTH:HEIGHT, such as 16:9")
    return value


def _with_its_letter(value: Any) -> Any:
    """A resolution without its letter is no number of anything: say how it is written."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"should have a letter: {value}{'K' if value < 10 else 'p'}")
    return value


def _resolution(value: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,3}", value):
        _with_its_letter(int(value))  # as the command line has it in quotes
    if not re.fullmatch(r"[1-9]\d{1,3}[pPkK]|[1-9][kK]", value):
        raise ValueError("should be the short side, such as 720p (or 2K, 4K where the model has it)")
    return value


def _colour(value: str) -> str:
    from PIL import ImageColor

    try:
        ImageColor.getrgb(value)
    except ValueError:
        raise ValueError("should be a colour, such as white or '#ff8800'") from None
    return value


AspectRatio = Annotated[str, BeforeValidator(_from_sexagesimal), AfterValidator(_ratio)]
Resolution = Annotated[str, BeforeValidator(_with_its_letter), AfterValidator(_resolution)]
Colour = Annotated[str, AfterValidator(_colour)]
Boundary = Literal["chain", "cut", "image"]


SHOT_KEYS: Final = tuple(one for one in fields(ShotRequest) if "shot_key" in one.metadata)
"""The keys of a shot that are declared with the request; see `runner.api.SHOT_KEY`."""

_SHOT_TYPES: Final[dict[str, Any]] = {
    "duration_s": Positive,
    "aspect_ratio": AspectRatio,
    "resolution": Resolution,
    "fps": Annotated[float, Field(gt=0, le=240, strict=True)],
    "seed": Annotated[int, Field(ge=0, strict=True)],
    "take": Whole,
}
_PLAIN_TYPES: Final[dict[str, Any]] = {
    "str": Text,
    "float": Positive,
    "int": Annotated[int, Field(strict=True)],
    "bool": Annotated[bool, Field(strict=True)],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotLevel:
    """What may stand at a shot, in `sequences.NAME.shot:` and in `shot:`, besides `SHOT_KEYS`.

    `background` is the colour that a transparent given image is shown over.
    """

    boundary: Boundary | None = None
    params: dict[str, JsonValue] | None = None
    model: Text | None = None
    generator: Text | None = None
    background: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys(ShotLevel):
    """What may stand at a shot alone."""

    prompt: Text | None = None
    prompt_file: Text | None = None
    image: Text | None = None


def _with_shot_keys(name: str, base: type[L]) -> type[L]:
    """`base` with a field for each key of `SHOT_KEYS`; `None` means "not given"."""
    added = [
        (
            one.name,
            (_SHOT_TYPES.get(one.name) or _PLAIN_TYPES[str(one.type).partition(" |")[0]]) | None,
            field(default=None),
        )
        for one in SHOT_KEYS
    ]
    return make_dataclass(name, added, bases=(base,), frozen=True, kw_only=True)


ShotDefaults: Final = _with_shot_keys("ShotDefaults", ShotLevel)
"""`shot:` and `sequences.NAME.shot:`. Durations are seconds, `resolution` the short side."""

ShotKeys: Final = _with_shot_keys("ShotKeys", OwnKeys)
"""`sequences.NAME.shots.NAME:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceKeys:
    """`sequences.NAME:`. The two mappings are checked one shot at a time."""

    shot: dict[Any, Any] | None = None
    shots: dict[Any, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKeys:
    """`project:`."""

    name: Text | None = None
    description: Text | None = None
    style: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """`continuity:`."""

    fallback: Literal["text_to_video", "none"] = "text_to_video"
    hand_over: HandOver = HandOver.LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """`film:`."""

    join: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`limits:`."""

    in_flight: Whole | None = None
    retries: Annotated[int, Field(ge=0, strict=True)] = 2
    submit_timeout_s: Positive = 120.0
    task_timeout_s: Positive = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetKeys:
    """`budget:`. Money in US dollars; `None` is no limit.

    `partial`: submit as many shots as fit in. Otherwise nothing is started where known prices exceed a limit.
    """

    max_cost: NotNegative | None = None
    max_shots: Annotated[int, Field(ge=0, strict=True)] | None = None
    confirm_above: NotNegative | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepKeys:
    """`sweep:`. How the jobs of a sweep are run."""

    skip_invalid: bool = False
    """Jobs that cannot run are left out, where otherwise nothing is started."""
    max_jobs: Annotated[int, Field(ge=1)] | None = None
    """How many run at one time."""
    fail_fast: bool = False
    """The first job that fails stops the others."""
    grid: dict[str, Any] | None = None
    """With this key and the next three files declare jobs: see `declared_sweep`."""
    jobs: list[Any] | None = None
    exclude: list[Any] | None = None
    from_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """`output:`."""

    root: Annotated[str, Field(min_length=1)] = "outputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustKeys:
    """`trust:`. No file of the working folder sets it.

    `hosts`: where a profile of the working folder may send a key. `variables`: environment variables that such a file
    may take a secret from; `None` is what the bundled config.yaml says.
    """

    hosts: tuple[Text, ...] = ()
    variables: tuple[Text, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginKeys:
    """`plugins:`."""

    dirs: tuple[str, ...] = ("plugins",)
    block: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorKeys:
    """The keys of `generator:` that every generator has. All others are options of the plugin."""

    plugin: str
    model: Text | None = None
    params: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorKeys:
    """The key of `extractor:` that every extractor has."""

    plugin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderKeys:
    """The keys of `uploader:` that every uploader has. `verify`: fetch each image back before it is paid for."""

    plugin: str
    verify: bool = True


PLUGIN_KEYS: Final[dict[Kind, Any]] = {
    Kind.GENERATOR: GeneratorKeys,
    Kind.EXTRACTOR: ExtractorKeys,
    Kind.UPLOADER: UploaderKeys,
}
"""The types of the keys that `runner.kinds` names."""

SECTIONS: Final[tuple[str, ...]] = (
    "project",
    "shot",
    "sequences",
    "generator",
    "generators",
    "extractor",
    "uploader",
    "continuity",
    "film",
    "budget",
    "limits",
    "output",
    "plugins",
    "sweep",
    "trust",
)
