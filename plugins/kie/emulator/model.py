"""A model of the API: its fields, and which of them hold images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator

from .field import STRICT, Field, Kind, named
from .joint import Rule  # noqa: TC001  # pydantic needs it

if TYPE_CHECKING:
    from runner.api import EncodedImage

_RATIO_REQUIRED: Final = "aspect_ratio is required for text-to-video"
"""What some models also say when the image is under a name that they do not know."""
_REFERENCES: Final = "REFERENCE_2_VIDEO"
_NOT_IMAGES: Final = re.compile(r"((video|audio|clip|file)_urls?|reference_video)$")
"""How the names of fields end that hold clips or sounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRules:
    """Which images a model accepts: sizes in MB and pixels, `ratio` is width to height."""

    __pydantic_config__: ClassVar = STRICT
    max_mb: int = 10
    min_px: int = 0
    max_px: int = 0
    formats: tuple[str, ...] = ("jpeg", "png", "webp")
    ratio: tuple[float, float] = (0.0, 0.0)

    def unfit(self, picture: EncodedImage) -> str:
        """Why a model rejects an image. The wording is ours: none was recorded."""
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
    """One model, and the rules between its fields. These name fields, "" for none:

    first, last       the first and the last image; the same field where the second of an array is the last image
    clip, task        a clip to continue, the task of such a clip

    And these are rules:

    any_of            fields of which one must be filled, or `any_missing` is the answer
    needs             fields that a value of another requires: field, value, the field that is required
    not_with_frames   fields that may not be filled together with `first` or `last`
    last_needs_first  no last image without a first one
    joint             further rules between fields
    follows_image     the clip has the ratio of the image, whatever ratio is requested
    ratio_for_text    a request without an image counts as text-to-video, which requires a ratio
    audio_trap        a task fails on an image whose name says another format
    legacy_sora       paused, unless the emulator is started with --legacy-sora
    duration_s        seconds of a clip where no field says so
    makes             "video", a "copy" of the clip or image in the request, or a "character"
    """

    __pydantic_config__: ClassVar = STRICT
    name: str
    fields: Annotated[tuple[Field, ...], BeforeValidator(named)]
    first: str = ""
    last: str = ""
    clip: str = ""
    task: str = ""
    not_with_frames: tuple[str, ...] = ()
    last_needs_first: bool = False
    joint: tuple[Rule, ...] = ()
    needs: tuple[tuple[str, object, str], ...] = ()
    any_of: tuple[str, ...] = ()
    any_missing: str = ""
    follows_image: bool = False
    ratio_for_text: bool = False
    legacy_sora: bool = False
    audio_trap: bool = False
    duration_s: int = 5
    makes: Literal["video", "copy", "character"] = "video"
    pictures: PictureRules = PictureRules()

    def problem(self, given: dict[str, Any]) -> str:
        """The message that refuses this input; "" if it is accepted. Required fields come before values."""
        absent = {one.name for one in self.fields if one.absent(given)}
        known = {one.name for one in self.fields}
        media = [one.name for one in self.fields if one.kind in (Kind.URL, Kind.URLS)]
        for_text = "prompt" not in absent and absent.issuperset(media)
        if self.ratio_for_text and for_text and not (given.get("aspect_ratio") or given.get("ratio")):
            return _RATIO_REQUIRED
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
        """What is wrong between fields that are fine by themselves. The wording is ours: none was recorded."""
        frames = {self.first, self.last} - absent - {""}
        beside = sorted(set(self.not_with_frames) - absent)
        if frames and beside:
            return f"{min(frames)} and {beside[0]} cannot be used together"
        if self.last_needs_first and self.last in frames and self.first not in frames:
            return f"{self.first} is required"
        completed = self.completed(given)
        return next(filter(None, (rule.problem(completed) for rule in self.joint)), "")

    def completed(self, given: dict[str, Any]) -> dict[str, Any]:
        """The input as the API reports it: in its own order, with its own defaults."""
        defaults = {one.name: one.default for one in self.fields if one.default is not None}
        sent = {name: value for name, value in given.items() if value is not None}
        return dict(sorted({**defaults, **sent}.items()))

    def starts_from(self, given: dict[str, Any]) -> str:
        """The address of the first image; "" for none."""
        if not self.first or given.get("generation_type") == _REFERENCES:
            return ""
        return _at(given.get(self.first), 0)

    def ends_on(self, given: dict[str, Any]) -> str:
        """The address of the last image; "" for none."""
        if not self.last or given.get("multi_shots") or given.get("generation_type") == _REFERENCES:
            return ""
        return _at(given.get(self.last), 1 if self.last == self.first else 0)

    def seen(self, given: dict[str, Any]) -> list[str]:
        """The addresses of all images of a request, once each."""
        return self._media(given, pictures=True)

    def played(self, given: dict[str, Any]) -> list[str]:
        """The addresses of all clips and sounds of a request, once each."""
        return self._media(given, pictures=False)

    def _media(self, given: dict[str, Any], *, pictures: bool) -> list[str]:
        addresses: list[str] = []
        for one in self.fields:
            if one.kind in (Kind.URL, Kind.URLS) and bool(_NOT_IMAGES.search(one.name)) is not pictures:
                addresses += _addresses(given.get(one.name))
        return list(dict.fromkeys(addresses))


def _addresses(value: object) -> list[str]:
    return [one for one in _items(value) if isinstance(one, str) and one]


def _at(value: object, place: int) -> str:
    one = next(iter(_items(value)[place:]), None)
    return one if isinstance(one, str) else ""


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
