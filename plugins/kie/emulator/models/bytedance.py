"""Seedance: 2.x with numbers and frame URLs, 1.x with strings and one picture."""

from __future__ import annotations

from typing import Final

from ..field import NAMELESS, SERVER_EXCEPTION, Field, Kind
from ..model import Model, PictureRules
from .parts import (
    S5,
    choice,
    flag,
    prompt,
    ratio,
    seconds,
    twin,
    url,
    urls,
)

_SEEN: Final = ("reference_image_urls", "reference_video_urls")
_REFERENCES: Final = (*_SEEN, "reference_audio_urls")
_MEDIA: Final = ("prompt", "first_frame_url", "last_frame_url", *_REFERENCES)
_NOTHING: Final = "Please fill in the text prompt or image, video, or audio"
_RATIOS: Final = ("1:1", "4:3", "3:4", "16:9", "9:16", "21:9", "adaptive")
_PICTURES: Final = PictureRules(max_mb=30, min_px=300, max_px=6000, ratio=(0.4, 2.5))


def _second(name: str, *resolutions: str, last_frame: bool = True) -> Model:
    asked = (flag("return_last_frame"),) if last_frame else ()
    return Model(
        name=name,
        fields=(
            prompt(20_000, low=3, required=False),
            url("first_frame_url"),
            url("last_frame_url"),
            urls("reference_image_urls", 9),
            urls("reference_video_urls", 3),
            urls("reference_audio_urls", 3),
            seconds(4, 15, default=5),
            choice("resolution", *resolutions, default="720p"),
            ratio(*_RATIOS, default="16:9"),
            flag("generate_audio", default=True),
            flag("web_search"),
            flag("nsfw_checker"),
            *asked,
        ),
        first="first_frame_url",
        last="last_frame_url",
        any_of=_MEDIA,
        any_missing=_NOTHING,
        apart=_SEEN,
        pictures=_PICTURES,
    )


_V25: Final = Model(
    name="bytedance/seedance-2-5",
    fields=(
        prompt(30_000, required=False),
        url("first_frame_url"),
        url("last_frame_url"),
        urls("reference_image_urls", 30),
        urls("reference_video_urls", 10),
        urls("reference_audio_urls", 10),
        choice("duration", *range(4, 31), -1, default=5),
        choice("resolution", "480p", "720p", "1080p", default="720p"),
        ratio(*_RATIOS, default="adaptive"),
        choice("output_format", "mp4", "mov"),
        flag("generate_audio", default=True),
        flag("return_last_frame"),
    ),
    first="first_frame_url",
    last="last_frame_url",
    any_of=_MEDIA,
    any_missing=_NOTHING,
    apart=_REFERENCES,
    last_needs_first=True,
    pictures=_PICTURES,
)
_V15: Final = Model(
    name="bytedance/seedance-1.5-pro",
    fields=(
        prompt(20_000, low=3),
        urls("input_urls", 2),
        Field(name="duration", kind=Kind.NUMBER, required=True, missing=NAMELESS, low=4, high=12),
        choice("resolution", "480p", "720p", "1080p", default="720p"),
        ratio(*_RATIOS[:-1], required=True, missing=NAMELESS),
        flag("fixed_lens"),
        flag("generate_audio"),
    ),
    first="input_urls",
    last="input_urls",
    text_trap=True,
)


def _first(name: str, *resolutions: str, end: bool = False) -> Model:
    ends = (url("end_image_url"),) if end else ()
    return Model(
        name=name,
        fields=(
            prompt(10_000),
            url("image_url", required=True),
            *ends,
            choice("duration", "5", "10", default="5"),
            choice("resolution", *resolutions, default="720p"),
            flag("camera_fixed"),
            Field(name="seed", kind=Kind.INTEGER, low=-1),
            flag("enable_safety_checker"),
        ),
        first="image_url",
        last="end_image_url" if end else "",
    )


_PRO: Final = _first("bytedance/v1-pro-image-to-video", "480p", "720p", "1080p")
_LITE: Final = _first("bytedance/v1-lite-image-to-video", "480p", "720p", "1080p", end=True)

MODELS: Final = (
    _second("bytedance/seedance-2", "480p", "720p", "1080p", "4k"),
    _second("bytedance/seedance-2-fast", "480p", "720p"),
    _second("bytedance/seedance-2-mini", "480p", "720p", last_frame=False),
    _V25,
    _V15,
    _PRO,
    _first("bytedance/v1-pro-fast-image-to-video", "720p", "1080p"),
    _LITE,
    twin(_LITE, "bytedance/v1-lite-text-to-video", ratio(*S5, "9:21")),
    twin(
        _PRO,
        "bytedance/v1-pro-text-to-video",
        prompt(10_000, missing=SERVER_EXCEPTION),
        ratio(*S5, "21:9"),
        without=("prompt",),
    ),
)
