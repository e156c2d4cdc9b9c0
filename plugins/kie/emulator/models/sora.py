"""Sora 2: switched off since 2026-06, and here only for who asks for it."""

from __future__ import annotations

from typing import Final

from ..field import Field, Kind
from ..joint import durations_within
from ..model import Model
from .parts import choice, flag, prompt, ratio, url, urls

_RATIO: Final = ratio("landscape", "portrait", default="landscape")
_COMMON: Final = (
    _RATIO,
    choice("n_frames", "10", "15", default="10"),
    flag("remove_watermark"),
    choice("upload_method", "s3", "oss", default="s3"),
    Field(name="character_id_list", kind=Kind.LIST, high=5),
)
_SCENE: Final = (
    Field(name="Scene", kind=Kind.TEXT),
    Field(name="duration", kind=Kind.NUMBER, low=0.1, high=15),
)


def _text(name: str, *more: Field) -> Model:
    return Model(name=name, fields=(prompt(10_000), *_COMMON, *more), legacy_sora=True, duration_s=10)


def _image(name: str, *more: Field) -> Model:
    return Model(
        name=name,
        fields=(prompt(10_000), urls("image_urls", 1, required=True), *_COMMON, *more),
        first="image_urls",
        legacy_sora=True,
        duration_s=10,
    )


def _size(default: str) -> Field:
    return choice("size", "standard", "high", default=default)


MODELS: Final = (
    _text("sora-2-text-to-video"),
    _image("sora-2-image-to-video"),
    _text("sora-2-text-to-video-stable"),
    _image("sora-2-image-to-video-stable"),
    _text("sora-2-pro-text-to-video", _size("high")),
    _image("sora-2-pro-image-to-video", _size("standard")),
    Model(
        name="sora-2-pro-storyboard",
        fields=(
            Field(name="shots", kind=Kind.LIST, required=True, low=1, high=10, parts=_SCENE),
            choice("n_frames", "10", "15", "25", default="15"),
            urls("image_urls", 1),
            _RATIO,
            choice("upload_method", "s3", "oss"),
        ),
        first="image_urls",
        joint=(durations_within("shots", "n_frames"),),
        legacy_sora=True,
        duration_s=15,
    ),
    Model(
        name="sora-2-characters",
        fields=(
            urls("character_file_url", 1, required=True),
            Field(name="character_prompt", kind=Kind.TEXT),
            Field(name="safety_instruction", kind=Kind.TEXT, high=5000),
        ),
        legacy_sora=True,
        makes="character",
    ),
    Model(
        name="sora-2-characters-pro",
        fields=(
            Field(name="origin_task_id", kind=Kind.TEXT, required=True),
            Field(name="timestamps", kind=Kind.TEXT, required=True),
            Field(name="character_user_name", kind=Kind.TEXT, high=40),
            Field(name="character_prompt", kind=Kind.TEXT),
            Field(name="safety_instruction", kind=Kind.TEXT, high=5000),
        ),
        legacy_sora=True,
        makes="character",
    ),
    Model(
        name="sora-watermark-remover",
        fields=(url("video_url", required=True), choice("upload_method", "s3", "oss")),
        legacy_sora=True,
        makes="copy",
    ),
)
