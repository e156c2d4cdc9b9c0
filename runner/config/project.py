"""The validated description of a film: frozen, typed, and free of Hydra."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from runner.config.ci_keys import Ci
from runner.store.clip_scores import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.api import (
        JSON,
        EncodedImage,
        ExtractorSpec,
        GeneratorSpec,
        MetricSpec,
        ShotRequest,
        UploaderSpec,
    )
    from runner.config import film_keys
    from runner.config.beam_keys import Beam
    from runner.config.check_keys import Checks
    from runner.config.schema import BudgetKeys, Continuity, Limits

K = TypeVar("K", bound="film_keys.SoundKeys")


class Boundary(enum.StrEnum):
    """How a shot begins."""

    CHAIN = "chain"
    CUT = "cut"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenImage:
    """An image that a shot starts from, checked to be one, as it is handed on. Sides in pixels, `size` in bytes.

    `path` is its file, or the name of an image from a URL, whose bytes are `fetched`. `notes` say what was changed.
    """

    path: Path
    sha256: str
    format: str
    size: int
    width: int
    height: int
    background: str = "white"
    notes: tuple[str, ...] = ()
    fetched: bytes | None = field(default=None, repr=False, compare=False)

    def adopt(self) -> EncodedImage:
        """The image itself. Raises `MediaError`, or `OSError` where its file cannot be read."""
        from runner.media import picture

        data = self.path.read_bytes() if self.fetched is None else self.fetched
        return picture.adopt(data, name=self.path.name, background=rgb_of(self.background)).image


def rgb_of(colour: str) -> tuple[int, int, int]:
    """The red, green and blue, 0 to 255, of a colour that the schema allows."""
    from PIL import ImageColor

    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorChoice:
    """A generator plugin with its options. `label` is its key under `generators:`, empty for the default one."""

    label: str
    spec: GeneratorSpec
    options: Any
    model: str | None
    params: Mapping[str, JSON]

    @property
    def at(self) -> str:
        """Its dotted key."""
        return f"generators.{self.label}" if self.label else "generator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorChoice:
    spec: ExtractorSpec
    options: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class UploaderChoice:
    """`verify` says that every image is fetched back before it is paid for."""

    spec: UploaderSpec
    options: Any
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChoice:
    """A metric that is measured, and what its number should be; `None` is no limit."""

    spec: MetricSpec
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request for one clip. `at` is its dotted key, `origin` says for some keys which one set them.

    `request` is as the project describes it: no plugin has transformed it.
    """

    name: str
    slug: str
    at: str
    boundary: Boundary
    image: GivenImage | None
    generator: GeneratorChoice
    request: ShotRequest
    text: str = ""
    """Its prompt as the project, or a prompt file, has it: without the style."""
    origin: Mapping[str, str] = field(default_factory=dict)
    stopped_before: str = ""
    """The project's style, where a full stop was put between the prompt and it; see `runner.config.prompts`."""
    graft: str = ""
    """The key of the shot of another run whose clip this one has; nothing is generated for it then."""

    def set_by(self, key: str) -> str:
        """The dotted key that gave this shot its `key`: its own, its sequence's or the project's."""
        return self.origin.get(key, f"{self.at}.{key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Shots that play one after the other."""

    name: str
    slug: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSound(Generic[K]):
    """A sound file that is laid under a film, checked to be one. `duration_s` is `None` where its header has none."""

    path: Path
    sha256: str
    duration_s: float | None
    keys: K


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCard:
    """The still that a film ends with."""

    image: GivenImage
    keys: film_keys.EndCardKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """How films are made of clips. Music, narration and the card belong to the film of the run where `keys.order` asks
    for one, else to the film of each sequence."""

    keys: film_keys.Film
    music: GivenSound[film_keys.MusicKeys] | None = None
    narration: GivenSound[film_keys.NarrationKeys] | None = None
    end_card: EndCard | None = None

    @property
    def audio(self) -> str:
        """`clips`, `music`, `mix` or `none`."""
        return self.keys.audio or ("mix" if self.music or self.narration else "clips")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One film's description with every choice made."""

    name: str
    slug: str
    description: str
    sequences: tuple[Sequence, ...]
    extractor: ExtractorChoice
    uploader: UploaderChoice
    continuity: Continuity
    anchor: GivenImage | None = None
    """The image that `continuity.anchor` names."""
    metrics: tuple[MetricChoice, ...] = ()
    film: Film
    budget: BudgetKeys
    limits: Limits
    beam: Beam
    checks: Checks
    ci: Ci = field(default_factory=Ci)
    """Whether what providers answer is recorded, or replayed."""
    report: bool = True
    """A page is written into the run folder at the end of the run."""
    output_root: Path
    """Of a replay, a folder below the root that is configured."""

    @property
    def score(self) -> MetricChoice | None:
        """The metric by which a beam chooses; `None` where its score is in the record of a clip."""
        if not self.beam.is_on or self.beam.score in SCORES:
            return None
        return next(one for one in self.metrics if one.spec.name == self.beam.score)
