"""Model cards: what each video model of KIE takes, under which field names, at what price. Data in `cards/*.yaml`.

A card is one model as a person sees it. Its twins are the ids that KIE has for it: one that makes clips from a prompt
alone, one that starts from a picture; the shot's boundary picks the twin, and both may be the same id.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from runner.api import InputMode
from runner.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).with_name("cards")
PUT_TOGETHER: Final = date(2026, 11, 22)
_STRICT: Final = {"extra": "forbid"}  # a misspelt key in a card is an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """The field for the length of a clip, in whole seconds: some models take a number, some a text of digits.

    `values` are all that it takes, or `low` to `high`. No field means that the length is fixed, and not sent.
    """

    __pydantic_config__: ClassVar = _STRICT
    field: str = "duration"
    type: Literal["text", "number"] = "number"
    values: tuple[int, ...] = ()
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A field with a fixed set of values. `values` maps our spelling onto KIE's."""

    __pydantic_config__: ClassVar = _STRICT
    field: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageField:
    """The field for a picture's address. Lists may be shared by the first and the last frame, in this order."""

    __pydantic_config__: ClassVar = _STRICT
    field: str
    type: Literal["text", "list"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """What a picture must be like: formats in order of preference, the least and greatest width and height in pixels.

    `ratio` bounds the width over the height.
    """

    __pydantic_config__: ClassVar = _STRICT
    formats: tuple[Literal["png", "jpeg", "webp"], ...] = ("png", "jpeg", "webp")
    max_mb: float = 10.0
    min_px: int | None = None
    max_px: int | None = None
    ratio: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an extra parameter may be; parameters without a rule are passed on as they are.

    `low` and `high` bound a number, or how many items a list has.
    """

    __pydantic_config__: ClassVar = _STRICT
    type: Literal["text", "number", "whole", "flag", "list"] | None = None
    values: tuple[str | float | bool, ...] = ()
    low: float | None = None
    high: float | None = None
    max_chars: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """What does not go together: values as sent (`when`), fields that are filled (`together`) or are not (`missing`).

    Among the filled ones, `image` and `last_image` are the shot's pictures. `key` is the shot's key to blame.
    """

    __pydantic_config__: ClassVar = _STRICT
    when: dict[str, Any] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    key: str
    because: str
    allowed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many `items` the lists `of` these parameters may have together."""

    __pydantic_config__: ClassVar = _STRICT
    of: tuple[str, ...]
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A price in credits, for a clip or a second of it, of requests whose fields are as in `when`.

    It does not hold where a field of `without` is filled. `as_of` is the date of the source, or for one without a date
    the day on which the cards were put together.
    """

    __pydantic_config__: ClassVar = _STRICT
    when: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    credits: Decimal = Decimal(0)
    credits_per_s: Decimal = Decimal(0)
    as_of: date = PUT_TOGETHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a model says of a task that failed: a part of its message, in any letter case, and what helps.

    `transient` is a failure that may not happen again, `max_retries` how often that is worth a try. The others are for
    good, mostly a matter of moderation.
    """

    __pydantic_config__: ClassVar = _STRICT
    text: str
    advice: str
    transient: bool = False
    max_retries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One id at KIE and the fields of its `input`. `always` is sent unless `params` says otherwise.

    A missing field is not sent: the model has none, as with the aspect ratio where it follows the picture. `scenes`
    is the field of a model that takes a list of scenes instead of a prompt. `needs` are parameters of which one
    must be given.
    """

    __pydantic_config__: ClassVar = _STRICT
    id: str
    prompt_max: int | None = None
    prompt_min: int = 1
    scenes: str = ""
    duration: Duration | None = None
    resolution: Choice | None = None
    aspect_ratio: Choice | None = None
    seed: str = ""
    first: ImageField | None = None
    last: ImageField | None = None
    picture: ImageRules = field(default_factory=ImageRules)
    always: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Rule] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    at_most: tuple[Total, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    prices: tuple[Tariff, ...] = ()

    @property
    def own_fields(self) -> frozenset[str]:
        """The fields that are filled from the shot, and are no business of `params`.

        A shot has no key for its last frame: where that has a field of its own, `params` may hold its address.
        """
        found = {"prompt", self.seed, self.scenes}
        for one in (self.duration, self.resolution, self.aspect_ratio, self.first):
            if one is not None:
                found.add(one.field)
        return frozenset(found - {""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One model. `about` says what it is good for, `as_of` and `source` where the facts are from.

    `aliases` are other names that people know it by. `retired` is the day from which it is gone. `between` is a twin
    of its own for clips that start and end on a given picture, where the one in `image` does not make them.
    `failures` are known besides those that all models share.
    """

    __pydantic_config__: ClassVar = _STRICT
    about: str
    as_of: date
    source: str
    aliases: tuple[str, ...] = ()
    retired: date | None = None
    successors: tuple[str, ...] = ()
    text: Twin | None = None
    image: Twin | None = None
    between: Twin | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def twins(self) -> tuple[Twin, ...]:
        return tuple(twin for twin in (self.text, self.image, self.between) if twin is not None)

    def twin(self, how: InputMode, *, last: bool = False) -> Twin | None:
        """The twin that makes a clip from what there is; `last` says that it ends on a given picture."""
        if how is InputMode.TEXT:
            return self.text
        return self.between if last and self.between is not None else self.image

    def failure(self, message: str) -> Failure | None:
        """What is known about a task that failed with this message."""
        said = message.lower()
        return next((failure for failure in self.failures if failure.text.lower() in said), None)


@dataclass(frozen=True, slots=True)
class Deck:
    """All cards, by the name of the model."""

    cards: Mapping[str, Card]

    def named(self, name: str) -> tuple[str, Card] | None:
        """The card of a model, by its name, an alias, or the id of a twin."""
        card = self.cards.get(name)
        if card is not None:
            return name, card
        for known, card in self.cards.items():
            if name in card.aliases or any(name == twin.id for twin in card.twins):
                return known, card
        return None


@functools.cache
def deck(more: str = "") -> Deck:
    """The shipped cards, and those in the file `more`, which take precedence. Raises `PluginError`."""
    files = sorted(FOLDER.glob("*.yaml"))
    if more:
        files.append(Path(more).expanduser())
    cards: dict[str, Card] = {}
    for file in files:
        cards.update(_read(file))
    return Deck(cards)


def _read(file: Path) -> dict[str, Card]:
    import yaml
    from pydantic import TypeAdapter, ValidationError

    try:
        raw = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return TypeAdapter(dict[str, Card]).validate_python(raw)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise PluginError(
            "a file of model cards cannot be used",
            where=str(file),
            why=str(error),
            hint=f"the shipped ones show how they are written: {FOLDER}",
        ) from error
