"""Model cards: what a hosted model takes, under which field names, at what price. The values that YAML files hold.

A card describes one model as a user sees it. Its variants are the ids that the provider has for it: one that makes
clips from a prompt alone, one that starts from an image; the shot's boundary chooses, and both may have the same id.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import date  # noqa: TC003  # pydantic needs it
from decimal import Decimal
from typing import Any, Literal

from runner.api import InputMode, ShotRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationField:
    """The field for the length of a clip, in whole seconds. Give either `values`, or `low` and `high`."""

    field: str = "duration"
    """Empty: the length is fixed, and not sent."""
    type: Literal["text", "number"] = "number"
    """A number, or a text of digits."""
    values: tuple[int, ...] = ()
    """The only lengths there are, in seconds."""
    low: int = 0
    """The shortest clip, in seconds."""
    high: int = 0
    """The longest clip, in seconds."""

    def __post_init__(self) -> None:
        if not self.values and not 0 < self.low <= self.high:
            raise ValueError("expected `values`, or `low` and `high`, in seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceField:
    """A field with a fixed set of values."""

    field: str
    values: dict[str, str]
    """From the value in a shot to the value that is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageField:
    """The field for an image. A list may be shared by the first and the last frame, in this order."""

    field: str
    type: Literal["text", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneField:
    """The field of a model that takes a list of scenes instead of a prompt: it gets one scene as long as the clip."""

    field: str
    prompt: str
    """The scene's key for the prompt."""
    duration: str
    """The scene's key for its length in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRules:
    """What a first frame must be like."""

    formats: tuple[Literal["png", "jpeg", "webp"], ...] = ("png", "jpeg", "webp")
    """In order of preference."""
    max_mb: float = 10.0
    min_px: int | None = None
    """The least width and height."""
    max_px: int | None = None
    """The greatest width and height."""
    ratio: tuple[float, float] | None = None
    """The range of width over height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamRule:
    """What a parameter in `params` may be; a parameter without a rule is sent as it is."""

    type: Literal["text", "number", "whole", "flag", "list"] | None = None
    values: tuple[str | float | bool, ...] = ()
    """The only values there are."""
    low: float | None = None
    """The least value of a number, or number of items in a list."""
    high: float | None = None
    """The greatest value of a number, or number of items in a list."""
    max_chars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A combination that the model rejects."""

    when: dict[str, Any] = field(default_factory=dict)
    """Fields of the variant, or parameters that have a rule, with the values that are sent."""
    together: tuple[str, ...] = ()
    """Fields that are all filled; `image` and `last_image` stand for the shot's frames."""
    missing: tuple[str, ...] = ()
    """Fields that are not filled."""
    key: str
    """The shot's key to report."""
    because: str
    allowed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLimit:
    """How many items several lists may have together."""

    of: tuple[str, ...]
    """Parameters."""
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule:
    """The price of requests with certain field values: a sum per clip, plus a sum per second of it."""

    when: dict[str, Any] = field(default_factory=dict)
    """Fields of the variant, or parameters that have a rule, with the values that are sent."""
    without: tuple[str, ...] = ()
    """Fields that are not filled."""
    credits: Decimal = Decimal(0)
    """The provider's credits, per clip."""
    credits_per_s: Decimal = Decimal(0)
    usd: Decimal = Decimal(0)
    """US dollars, per clip."""
    usd_per_s: Decimal = Decimal(0)
    as_of: date | None = None
    """The day of the price list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailure:
    """What a model says about a task that failed, and what helps."""

    text: str
    """A part of the provider's message, in any letter case."""
    advice: str
    transient: bool = False
    """The same request may well succeed next time."""
    max_retries: int | None = None
    """How often that is worth a new submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotKeyField:
    """The field for a further key of a shot, such as `negative_prompt`."""

    field: str
    max_chars: int | None = None
    """Of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One id at the provider, and the fields that it takes. A field that is not named is not sent."""

    id: str
    prompt: str = "prompt"
    """The field for the prompt."""
    prompt_max: int | None = None
    """Characters."""
    prompt_min: int = 1
    """Characters."""
    scenes: SceneField | None = None
    duration: DurationField | None = None
    resolution: ChoiceField | None = None
    aspect_ratio: ChoiceField | None = None
    """None where the clip has the ratio of its first frame."""
    seed: str = ""
    """The field for the seed; empty: the model takes none."""
    shot_keys: dict[str, ShotKeyField] = field(default_factory=dict)
    """Further keys of a shot that the model takes; a key that is not here is refused."""
    first_frame: ImageField | None = None
    last_frame: ImageField | None = None
    frame_rules: FrameRules = field(default_factory=FrameRules)
    always: dict[str, Any] = field(default_factory=dict)
    """Fields that are sent unless `params` says otherwise."""
    params: dict[str, ParamRule] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Parameters of which one must be given."""
    at_most: tuple[ListLimit, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    prices: tuple[PriceRule, ...] = ()
    """The first rule that fits is the price; where none does, it is unknown."""

    def __post_init__(self) -> None:
        known = [one.name for one in dataclasses.fields(ShotRequest) if "shot_key" in one.metadata]
        for name in self.shot_keys:
            if name not in known:
                raise ValueError(f"expected keys of a shot in `shot_keys` ({', '.join(known)}), got {name}")

    @property
    def own_fields(self) -> frozenset[str]:
        """The fields that are filled from the shot: `params` may not set them.

        A shot has no key for its last frame: where that has a field of its own, `params` may hold its URL.
        """
        fields = (self.duration, self.resolution, self.aspect_ratio, self.first_frame, self.scenes)
        found = {self.prompt, self.seed, *(one.field for one in fields if one is not None)}
        found |= {one.field for one in self.shot_keys.values()}
        return frozenset(found - {""})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model."""

    about: str
    """One line for `runner plugins NAME`."""
    as_of: date | None = None
    """The day of the facts."""
    source: str = ""
    """Where the facts are from."""
    aliases: tuple[str, ...] = ()
    """Other names that select it."""
    retired: date | None = None
    """The day from which the model is gone."""
    successors: tuple[str, ...] = ()
    """Models to use instead."""
    text: Variant | None = None
    """Makes clips from a prompt alone."""
    image: Variant | None = None
    """Makes clips that start from a first frame."""
    between: Variant | None = None
    """Makes clips between a first and a last frame, where the variant in `image` does not."""
    failures: tuple[KnownFailure, ...] = ()

    def __post_init__(self) -> None:
        if self.text is None and self.image is None:
            raise ValueError("expected a variant: `text`, `image`, or both")

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All that there are."""
        return tuple(one for one in (self.text, self.image, self.between) if one is not None)

    def variant(self, mode: InputMode, *, last: bool = False) -> Variant | None:
        """The variant for an input mode; `last` says that the clip ends on a given frame."""
        if mode is InputMode.TEXT:
            return self.text
        return self.between if last and self.between is not None else self.image

    def failure(self, message: str) -> KnownFailure | None:
        """What is known about a task that failed with this message."""
        said = message.lower()
        return next((failure for failure in self.failures if failure.text.lower() in said), None)
