"""Kling: durations are strings, but for the omni models."""

from __future__ import annotations

from typing import Final

from ..field import NAMELESS, Field, Kind
from ..model import Model, PictureRules
from .parts import (
    S3,
    choice,
    flag,
    prompt,
    ratio,
    seconds,
    seconds_text,
    twin,
    url,
    urls,
)

_JPEG_PNG: Final = PictureRules(formats=("jpeg", "png"))
_NEGATIVE: Final = Field(name="negative_prompt", kind=Kind.TEXT, high=2500)
_SCALE: Final = Field(name="cfg_scale", kind=Kind.NUMBER, low=0, high=1)
_ELEMENTS: Final = Field(
    name="kling_elements",
    kind=Kind.LIST,
    high=3,
    parts=(
        Field(name="name", kind=Kind.TEXT),
        Field(name="description", kind=Kind.TEXT),
        urls("element_input_urls", 4, low=2),
    ),
)
_FIVE_OR_TEN: Final = choice("duration", "5", "10", required=True, missing=NAMELESS)


def _shots(most: int) -> Field:
    """What is told in each of several shots: a prompt and 1 to 12 seconds."""
    return Field(name="multi_prompt", kind=Kind.LIST, high=most, parts=(prompt(500), seconds(1, 12)))


def _second(name: str, most: int, *more: Field, tail: bool = False) -> Model:
    """The 2.x models that take one picture as a string."""
    tails = (url("tail_image_url"),) if tail else ()
    return Model(
        name=name,
        fields=(prompt(most, missing=NAMELESS), url("image_url", required=True), *tails, _FIVE_OR_TEN, *more),
        first="image_url",
        last="tail_image_url" if tail else "",
    )


_V3: Final = Model(
    name="kling-3.0/video",
    fields=(
        prompt(None, required=False),
        urls("image_urls", 2),
        seconds_text(3, 15, default=5, required=True, missing=NAMELESS),
        choice("mode", "std", "pro", "4K", required=True, missing=NAMELESS),
        flag("sound", required=True, missing=NAMELESS),
        flag("multi_shots", required=True, missing=NAMELESS),
        ratio(*S3, required=True, missing=NAMELESS),
        _shots(5),
        _ELEMENTS,
    ),
    first="image_urls",
    last="image_urls",
    needs=(("multi_shots", True, "multi_prompt"),),
    follows=True,
    text_trap=True,
)
_OMNI: Final = Model(
    name="kling-3.0-omni/image-to-video",
    fields=(
        prompt(3072, missing=NAMELESS),
        urls("image_urls", 2, required=True, missing=NAMELESS),
        seconds(3, 15, default=5),
        choice("resolution", "720p", "1080p", "4k", default="720p"),
        ratio("auto", *S3, default="auto"),
        flag("audio"),
        flag("customize_multi_shots"),
        _shots(6),
    ),
    first="image_urls",
    last="image_urls",
    pictures=PictureRules(max_mb=50, min_px=300, formats=("jpeg", "png"), ratio=(0.4, 2.5)),
)
_TURBO: Final = Model(
    name="kling/v3-turbo-image-to-video",
    fields=(
        prompt(2500, missing=NAMELESS),
        urls("image_urls", 1, required=True, missing=NAMELESS),
        seconds_text(3, 15, required=True, missing=NAMELESS),
        choice("resolution", "720p", "1080p", required=True, missing=NAMELESS),
    ),
    first="image_urls",
    pictures=_JPEG_PNG,
)
_V26: Final = Model(
    name="kling-2.6/image-to-video",
    fields=(
        prompt(1000, missing=NAMELESS),
        urls("image_urls", 1, required=True, missing=NAMELESS),
        _FIVE_OR_TEN,
        flag("sound", required=True, missing=NAMELESS),
    ),
    first="image_urls",
    pictures=_JPEG_PNG,
)
_V25: Final = _second("kling/v2-5-turbo-image-to-video-pro", 2500, _NEGATIVE, _SCALE, tail=True)
_V21_MASTER: Final = _second("kling/v2-1-master-image-to-video", 5000, _NEGATIVE, _SCALE)


def _avatar(name: str) -> Model:
    """Talking heads; what else they take is not in the sources."""
    return Model(
        name=name,
        fields=(
            url("image_url", required=True),
            url("audio_url", required=True),
            prompt(5000, required=False),
        ),
        first="image_url",
    )


MODELS: Final = (
    _V3,
    _OMNI,
    twin(_OMNI, "kling-3.0-omni/text-to-video"),
    _TURBO,
    twin(_TURBO, "kling/v3-turbo-text-to-video"),
    _V26,
    twin(_V26, "kling-2.6/text-to-video"),
    _V25,
    twin(_V25, "kling/v2-5-turbo-text-to-video-pro"),
    _second("kling/v2-1-pro", 5000, _NEGATIVE, _SCALE, tail=True),
    _second("kling/v2-1-standard", 5000, _NEGATIVE, _SCALE),
    _V21_MASTER,
    twin(_V21_MASTER, "kling/v2-1-master-text-to-video"),
    _avatar("kling/ai-avatar-standard"),
    _avatar("kling/ai-avatar-pro"),
)
