"""Hailuo, MiniMax, Grok, HappyHorse, PixVerse, Veo, Gemini Omni, and a few that only their errors are known of."""

from __future__ import annotations

from typing import Final

from ..field import NAMELESS, Field, Kind
from ..joint import at_most_when, not_both
from ..model import REFERENCES, Model, PictureRules
from .parts import (
    S5,
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


def _hailuo_2_3(name: str) -> Model:
    return Model(
        name=name,
        fields=(
            prompt(5000),
            url("image_url", required=True),
            choice("duration", "6", "10", default="6"),
            choice("resolution", "768P", "1080P", default="768P"),
        ),
        first="image_url",
        never=(("duration", "10", "resolution", "1080P"),),
        duration_s=6,
    )


def _hailuo_02(name: str, *more: Field) -> Model:
    return Model(
        name=name,
        fields=(
            prompt(1500),
            url("image_url", required=True),
            url("end_image_url"),
            flag("prompt_optimizer"),
            *more,
        ),
        first="image_url",
        last="end_image_url",
        duration_s=6,
    )


_HAILUO_02: Final = _hailuo_02(
    "hailuo/02-image-to-video-standard",
    choice("duration", "6", "10", default="6"),
    choice("resolution", "512P", "768P", default="768P"),
)
_HAILUO_02_PRO: Final = _hailuo_02("hailuo/02-image-to-video-pro")
_MINIMAX: Final = Model(
    name="minimax-h3/image-to-video",
    fields=(
        prompt(7000, missing=NAMELESS),
        url("first_frame_url"),
        url("last_frame_url"),
        seconds(4, 15, required=True, missing=NAMELESS),
        choice("resolution", "768P", "2K", default="768P"),
    ),
    first="first_frame_url",
    last="last_frame_url",
    any_of=("first_frame_url", "last_frame_url"),
    any_missing=NAMELESS,
)
_GROK: Final = Model(
    name="grok-imagine/image-to-video",
    fields=(
        prompt(5000, required=False),
        urls("image_urls", 7),
        Field(name="task_id", kind=Kind.TEXT),
        Field(name="index", kind=Kind.INTEGER, low=0, high=5),
        seconds_text(6, 30, default=6),
        choice("resolution", "480p", "720p", "1080p", default="480p"),
        choice("mode", "fun", "normal", "spicy"),
        ratio(*S5, "2:3", "3:2", "auto"),
    ),
    first="image_urls",
    task="task_id",
    joint=(not_both("image_urls", "task_id"),),
    duration_s=6,
)
_GROK_EXTEND: Final = Model(
    name="grok-imagine/extend",
    fields=(
        Field(name="task_id", kind=Kind.TEXT, required=True),
        prompt(5000),
        Field(name="extend_at", kind=Kind.NUMBER, required=True, low=0),
        # A whole number by its schema, a text in the calls that were recorded.
        Field(name="extend_times", kind=Kind.EITHER, required=True, choices=(6, 10, "6", "10")),
    ),
    task="task_id",
    duration_s=6,
)
_GROK_1_5: Final = Model(
    name="grok-imagine-video-1-5-preview",
    fields=(
        prompt(4096),
        urls("image_urls", 7),
        seconds(1, 15, default=6),
        choice("resolution", "480p", "720p", "1080p", default="480p"),
        ratio(*S5, "2:3", "3:2", "auto", default="auto"),
    ),
    first="image_urls",
    duration_s=6,
    pictures=PictureRules(max_mb=20),
)


def _happyhorse(name: str) -> Model:
    return Model(
        name=name,
        fields=(
            prompt(5000),
            urls("image_urls", 1, low=1, required=True),
            seconds(3, 15, default=5),
            choice("resolution", "720p", "1080p", default="720p"),
        ),
        first="image_urls",
        pictures=PictureRules(min_px=300),
    )


_HORSE: Final = _happyhorse("happyhorse/image-to-video")
_HORSE_1_1: Final = _happyhorse("happyhorse-1-1/image-to-video")
_QUALITY: Final = choice("quality", "360p", "540p", "720p", "1080p", required=True)
_PIXVERSE: Final = Model(
    name="pixverse-v6/image-to-video",
    fields=(
        prompt(5000, low=3),
        urls("image_urls", 2, required=True),
        seconds(1, 15, required=True),
        _QUALITY,
    ),
    first="image_urls",
    last="image_urls",
    pictures=PictureRules(max_mb=20),
)
_PIXVERSE_BETWEEN: Final = Model(
    name="pixverse-v6/transition",
    fields=(
        prompt(5000, low=3),
        url("first_frame_image_url", required=True),
        url("last_frame_image_url", required=True),
        seconds(1, 15, default=5),
        _QUALITY,
    ),
    first="first_frame_image_url",
    last="last_frame_image_url",
    pictures=PictureRules(max_mb=20),
)
_PIXVERSE_ON: Final = Model(
    name="pixverse-v6/extend",
    fields=(
        prompt(5000, low=3),
        url("video_url"),
        Field(name="taskId", kind=Kind.TEXT),
        seconds(1, 15, required=True),
        _QUALITY,
    ),
    clip="video_url",
    task="taskId",
    any_of=("video_url", "taskId"),
    any_missing="video_url is required",
    joint=(not_both("video_url", "taskId"),),
)
_FRAMES: Final = "FIRST_AND_LAST_FRAMES_2_VIDEO"
_VEO: Final = Model(
    name="veo-3-1",
    fields=(
        prompt(None),
        choice("model", "veo3", "veo3_fast", "veo3_lite", default="veo3_fast"),
        urls("image_urls", 3),
        choice("generation_type", "TEXT_2_VIDEO", _FRAMES, REFERENCES),
        choice("duration", 4, 6, 8, default=8),
        choice("resolution", "720p", "1080p", "4k", default="720p"),
        ratio("16:9", "9:16", "Auto", default="16:9"),
    ),
    first="image_urls",
    last="image_urls",
    needs=(("generation_type", _FRAMES, "image_urls"), ("generation_type", REFERENCES, "image_urls")),
    never=(("generation_type", REFERENCES, "model", "veo3"),),
    joint=(at_most_when(2, "image_urls", "generation_type", _FRAMES),),
    duration_s=8,
    audio_trap=True,
)
_GEMINI: Final = Model(
    name="gemini-omni-video",
    fields=(
        prompt(20_000),
        urls("image_urls", 9),
        choice("duration", "4", "6", "8", "10", default="8"),
        choice("resolution", "720p", "1080p", "4k", default="720p"),
        ratio("16:9", "9:16", default="16:9"),
    ),
    first="image_urls",
    duration_s=8,
)


def _needs(name: str, *fields: str, makes: str = "video") -> Model:
    """A model of which only its first complaint was recorded."""
    return Model(
        name=name, fields=tuple(url(field, required=True) for field in fields), first="image_url", makes=makes
    )


MODELS: Final = (
    _hailuo_2_3("hailuo/2-3-image-to-video-standard"),
    _hailuo_2_3("hailuo/2-3-image-to-video-pro"),
    _HAILUO_02,
    twin(_HAILUO_02, "hailuo/02-text-to-video-standard"),
    _HAILUO_02_PRO,
    twin(_HAILUO_02_PRO, "hailuo/02-text-to-video-pro"),
    _MINIMAX,
    twin(_MINIMAX, "minimax-h3/text-to-video", ratio(*S5, "21:9")),
    _GROK,
    twin(_GROK, "grok-imagine/text-to-video", prompt(5000), without=("prompt", "task_id", "index")),
    _GROK_EXTEND,
    _GROK_1_5,
    _HORSE,
    twin(_HORSE, "happyhorse/text-to-video", ratio(*S5)),
    _HORSE_1_1,
    twin(_HORSE_1_1, "happyhorse-1-1/text-to-video", ratio(*S5, "4:5", "5:4", "9:21", "21:9")),
    _PIXVERSE,
    twin(_PIXVERSE, "pixverse-v6/text-to-video", ratio(*S5, "2:3", "3:2", "21:9")),
    _PIXVERSE_BETWEEN,
    _PIXVERSE_ON,
    _VEO,
    _GEMINI,
    twin(_GEMINI, "google/gemini-omni-flash-1-1", urls("image_urls", 9)),
    _needs("infinitalk/from-audio", "image_url", "audio_url"),
    _needs("veed/fabric-1", "image_url", "audio_url"),
    _needs("omnihuman-1-5", "image_url", "audio_url"),
    _needs("topaz/image-upscale", "image_url", makes="copy"),
    _needs("topaz/video-upscale", "video_url", makes="copy"),
)
