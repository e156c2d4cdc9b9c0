"""Wan: from 2.7 on with frame URLs and numbers, before with one picture and strings."""

from __future__ import annotations

from typing import Final

from ..field import NAMELESS, Field, Kind
from ..joint import at_most_together
from ..model import Model, PictureRules
from .parts import S3, S5, choice, flag, prompt, seconds, twin, url, urls

_SEED: Final = Field(name="seed", kind=Kind.INTEGER)
_NEGATIVE: Final = Field(name="negative_prompt", kind=Kind.TEXT, high=500)

_V27: Final = Model(
    name="wan/2-7-image-to-video",
    fields=(
        prompt(5000, missing=NAMELESS),
        url("first_frame_url"),
        url("last_frame_url"),
        url("first_clip_url"),
        url("driving_audio_url"),
        seconds(2, 15, default=5),
        choice("resolution", "720p", "1080p", default="1080p"),
        _NEGATIVE,
        _SEED,
        flag("prompt_extend"),
        flag("watermark"),
    ),
    first="first_frame_url",
    last="last_frame_url",
    clip="first_clip_url",
    text_trap=True,
)
_R2V: Final = Model(
    name="wan/2-7-r2v",
    fields=(
        prompt(5000, missing=NAMELESS),
        url("first_frame"),
        urls("reference_image", 5),
        urls("reference_video", 5),
        seconds(2, 10, default=5),
        choice("resolution", "720p", "1080p", default="1080p"),
        choice("aspect_ratio", *S5),
        _NEGATIVE,
        _SEED,
    ),
    first="first_frame",
    joint=(at_most_together(5, "reference_image", "reference_video"),),
)


def _v26(name: str, most: int, *more: Field) -> Model:
    return Model(
        name=name,
        fields=(
            prompt(most, low=2, missing=NAMELESS),
            urls("image_urls", 1, required=True, missing=NAMELESS),
            choice("duration", "5", "10", "15", default="5"),
            choice("resolution", "720p", "1080p", default="1080p"),
            *more,
        ),
        first="image_urls",
        pictures=PictureRules(min_px=256),
    )


_V26: Final = _v26("wan/2-6-image-to-video", 5000)
_V25: Final = Model(
    name="wan/2-5-image-to-video",
    fields=(
        prompt(800),
        url("image_url", required=True),
        choice("duration", "5", "10", required=True),
        choice("resolution", "720p", "1080p", default="720p"),
        _NEGATIVE,
        _SEED,
    ),
    first="image_url",
)
_V22: Final = Model(
    name="wan/2-2-a14b-image-to-video-turbo",
    fields=(
        prompt(5000),
        url("image_url", required=True),
        choice("resolution", "480p", "720p", default="720p"),
        _SEED,
    ),
    first="image_url",
)


def _v3(name: str) -> Model:
    """Known to exist; only its answer to an empty input was recorded, so it takes what comes."""
    return Model(
        name=name,
        fields=(
            prompt(None, required=False),
            url("first_frame_url"),
            url("last_frame_url"),
            urls("image_urls", 9),
        ),
        first="first_frame_url",
        last="last_frame_url",
        any_of=("prompt", "first_frame_url", "last_frame_url", "image_urls"),
        any_missing="prompt or media is required",
    )


MODELS: Final = (
    _V27,
    twin(_V27, "wan/2-7-text-to-video", choice("ratio", *S5)),
    _R2V,
    _V26,
    twin(_V26, "wan/2-6-text-to-video"),
    _v26("wan/2-6-flash-image-to-video", 1500, flag("audio", required=True, missing=NAMELESS)),
    _V25,
    twin(_V25, "wan/2-5-text-to-video", choice("aspect_ratio", *S3)),
    _V22,
    twin(_V22, "wan/2-2-a14b-text-to-video-turbo"),
    _v3("wan/3-0-video"),
    _v3("wan/3-0-video-prime"),
)
