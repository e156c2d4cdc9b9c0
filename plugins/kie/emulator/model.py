"""A model of the API: its fields, and which of them hold pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator

from .field import STRICT, Field, Kind, named
from .joint import Rule  # noqa: TC001  # pydantic needs it

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.api import EncodedImage

TRAP: Final = "aspect_ratio is required for text-to-video"
"""What some models say when the picture came under a name that they do not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRules:
    """Which input pictures a model takes: sizes in MB and pixels, `ratio` is width to height."""

    __pydantic_config__: ClassVar = STRICT
    max_mb: int = 10
    min_px: int = 0
    max_px: int = 0
    formats: tuple[str, ...] = ("jpeg", "png", "webp")
    ratio: tuple[float, float] = (0.0, 0.0)

    def unfit(self, picture: EncodedImage) -> str:
        """Why a model does not take a picture. The wording is ours: none was recorded."""
        short, long = sorted((picture.width, picture.height))
        if picture.format not in self.formats:
            return f"Image format {picture.format} is not supported"
        if short < self.min_px:
            return f"Image size is too small: at least {self.min_px}px"
        if self.max_px and long > self.max_px:
            return f"Image size is too large: at most {self.max_px}px"
        low, high = self.ratio
        if high and not low <= picture.width / picture.height <= high:
            return f"Image aspect ratio is out of range: {low:g} to {high:g}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """`first` and `last` name the fields of the first and the last picture; they are the same where the second of an
    array is the last picture. `clip` is the field of a clip to go on from, `task` that of a task.

    any_of      fields of which one must be there, or `any_missing` is answered
    needs       fields that must be there for a value of another: field, value, the field that it needs
    apart       fields that may not stand beside `first` or `last`
    joint       what must hold between several fields
    follows     a given picture sets the clip's shape, whatever ratio is asked for
    text_trap   without a picture it takes the job for text-to-video
    audio_trap  it fails on a picture whose name says another format
    makes       "video", a "copy" of what came in, or a "character"
    """

    __pydantic_config__: ClassVar = STRICT
    name: str
    fields: Annotated[tuple[Field, ...], BeforeValidator(named)]
    first: str = ""
    last: str = ""
    clip: str = ""
    task: str = ""
    apart: tuple[str, ...] = ()
    last_needs_first: bool = False
    joint: tuple[Rule, ...] = ()
    needs: tuple[tuple[str, object, str], ...] = ()
    any_of: tuple[str, ...] = ()
    any_missing: str = ""
    follows: bool = False
    text_trap: bool = False
    legacy_sora: bool = False
    audio_trap: bool = False
    duration_s: int = 5
    makes: Literal["video", "copy", "character"] = "video"
    pictures: PictureRules = PictureRules()

    def problem(self, given: dict[str, Any]) -> str:
        """The message that refuses this input; "" if it is taken. Required fields come before values."""
        absent = {one.name for one in self.fields if one.absent(given)}
        known = {one.name for one in self.fields}
        media = [one.name for one in self.fields if one.kind in (Kind.URL, Kind.URLS)]
        if self.text_trap and "prompt" not in absent and absent.issuperset(media):
            ratios = {"aspect_ratio", "ratio"}
            if not any(given.get(name) for name in ratios):
                return TRAP
        for one in self.fields:
            if one.required and one.name in absent:
                return one.need()
        if self.any_of and absent.issuperset(known.intersection(self.any_of)):
            return self.any_missing
        for name, value, needed in self.needs:
            if given.get(name) == value and needed in absent:
                return f"{needed} is required"
        problems = (one.problem(given[one.name]) for one in self.fields if given.get(one.name) is not None)
        return next(filter(None, problems), "") or self._clash(given, absent)

    def _clash(self, given: dict[str, Any], absent: set[str]) -> str:
        """Fields that are fine by themselves and not together. The wording is ours: none was recorded."""
        frames = {self.first, self.last} - absent - {""}
        beside = sorted(set(self.apart) - absent)
        if frames and beside:
            return f"{min(frames)} and {beside[0]} cannot be used together"
        if self.last_needs_first and self.last in frames and self.first not in frames:
            return f"{self.first} is required"
        completed = self.completed(given)
        return next(filter(None, (rule.problem(completed) for rule in self.joint)), "")

    def completed(self, given: dict[str, Any]) -> dict[str, Any]:
        """The input as the API tells it back: in its own order, with its own defaults."""
        defaults = {one.name: one.default for one in self.fields if one.default is not None}
        sent = {name: value for name, value in given.items() if value is not None}
        return dict(sorted({**defaults, **sent}.items()))

    def starts_from(self, given: dict[str, Any]) -> str:
        """The address of the first picture; "" for none."""
        if not self.first or given.get("generation_type") == REFERENCES:
            return ""
        return _at(given.get(self.first), 0)

    def ends_on(self, given: dict[str, Any]) -> str:
        """The address of the last picture; "" for none."""
        if not self.last or given.get("multi_shots") or given.get("generation_type") == REFERENCES:
            return ""
        return _at(given.get(self.last), 1 if self.last == self.first else 0)

    def seen(self, given: dict[str, Any]) -> list[str]:
        """The addresses of all pictures of a request, once each."""
        return self._media(given, pictures=True)

    def played(self, given: dict[str, Any]) -> list[str]:
        """The addresses of all clips and sounds of a request, once each."""
        return self._media(given, pictures=False)

    def _media(self, given: dict[str, Any], *, pictures: bool) -> list[str]:
        addresses: list[str] = []
        for one in self.fields:
            if one.kind in (Kind.URL, Kind.URLS) and one.name.endswith(_NOT_PICTURES) is not pictures:
                addresses += _addresses(given.get(one.name))
        return list(dict.fromkeys(addresses))


REFERENCES: Final = "REFERENCE_2_VIDEO"
_NOT_PICTURES: Final = (
    "video_url",
    "video_urls",
    "audio_url",
    "audio_urls",
    "clip_url",
    "reference_video",
    "character_file_url",
)


def _addresses(value: object) -> Iterable[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one]


def _at(value: object, place: int) -> str:
    values = value if isinstance(value, list) else [value]
    one = values[place] if place < len(values) else None
    return one if isinstance(one, str) else ""
