"""The sections of a configuration, as they may be typed. Field names are the keys; `None` means "not given"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, PlainValidator

from runner.api import HandOver, HandOverRule, ShotRequest
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
    """What may stand at a shot alone.

    `graft` is the key of a shot of another run, whose clip takes the place of one that would be generated.
    """

    prompt: Text | None = None
    prompt_file: Text | None = None
    image: Text | None = None
    graft: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


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


_HAND_OVER: Final = (
    "last, offset:N (N frames before the last), before_fade, or sharpest_of_last:N; N is 1 to 96"
)
_MOST_FRAMES: Final = 96


def _hand_over(value: Any) -> HandOver:
    """`offset:3` as it is typed, or `{offset: 3}`."""
    if isinstance(value, HandOver):
        return value
    name, number = value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, number),) = value.items()
    elif isinstance(value, str) and ":" in value:
        name, _, typed = value.partition(":")
        number = int(typed) if re.fullmatch(r"[0-9]{1,9}", typed.strip()) else typed
    rules = {rule.value: rule for rule in HandOverRule}
    rule = rules.get(name.strip()) if isinstance(name, str) else None
    counts = rule in (HandOverRule.OFFSET, HandOverRule.SHARPEST_OF_LAST)
    is_count = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _MOST_FRAMES
    if rule is None or (counts and not is_count) or (not counts and number is not None):
        raise ValueError(f"should be {_HAND_OVER}")
    return HandOver(rule, number if isinstance(number, int) else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """`continuity.correct:`. Which colours are matched to the anchor, and how far, from 0 to 1."""

    target: Literal["none", "hand_over", "film", "both"] = "none"
    strength: Annotated[float, Field(ge=0, le=1, strict=True)] = 1.0

    @property
    def hand_over(self) -> bool:
        """Whether hand-over frames are corrected."""
        return self.target in ("hand_over", "both") and self.strength > 0

    @property
    def film(self) -> bool:
        """Whether clips are corrected in the film."""
        return self.target in ("film", "both") and self.strength > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """`continuity:`."""

    fallback: Literal["text_to_video", "none"] = "text_to_video"
    on_ignored: Literal["stop", "retry", "warn"] = "stop"
    """What is done where a clip does not start from the frame it was given."""
    retries: Annotated[int, Field(ge=0, le=10, strict=True)] = 1
    """How many further takes `retry` pays for."""
    hand_over: Annotated[HandOver, PlainValidator(_hand_over)] = HandOver.LAST
    """Which frame of a clip the next shot starts from."""
    anchor: Text | None = None
    """An image whose look a chain is to keep; `None` is that of its first clip."""
    max_drift: Positive | None = None
    """How far the mean colour of a clip may be from the anchor's, in CIEDE2000, before that is warned of."""
    reanchor_every: Whole | None = None
    """Each so-manieth chained shot starts from the anchor, and not from the shot before it."""
    correct: Correct = Correct()


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
    objective: str | None = None
    """The number of each job that a search makes small or large: see `runner.sweeps.objectives`."""
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
    "metrics",
    "film",
    "budget",
    "limits",
    "output",
    "plugins",
    "sweep",
    "beam",
    "checks",
    "ci",
    "trust",
)

SWITCHES: Final[tuple[str, ...]] = ("report",)
"""Keys beside the sections that are true or false."""
