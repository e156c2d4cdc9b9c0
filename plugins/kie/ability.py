"""What a card says that a model can do, as the runner's capabilities."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from runner.api import Span

from . import body

if TYPE_CHECKING:
    from runner.api import GeneratorCapabilities

    from .card import Choice, Duration, Twin


def of(twin: Twin, able: GeneratorCapabilities) -> GeneratorCapabilities:
    """`able` with all that the twin says."""
    picture = twin.picture
    return dataclasses.replace(
        able,
        durations_s=_durations(twin.duration),
        resolutions=_values(twin.resolution),
        aspect_ratios=_values(twin.aspect_ratio),
        prompt_max_chars=twin.prompt_max,
        image_formats=picture.formats,
        image_max_bytes=int(picture.max_mb * 1_000_000),
        image_min_px=picture.min_px,
        image_max_px=picture.max_px,
        image_ratio=Span(*picture.ratio) if picture.ratio else None,
        seed=bool(twin.seed),
        price=lambda request: body.price(twin, request),
        objections=lambda request: body.objections(twin, request),
    )


def _durations(duration: Duration | None) -> Span | tuple[float, ...] | None:
    if duration is None:
        return None
    return duration.values or Span(duration.low, duration.high)


def _values(choice: Choice | None) -> tuple[str, ...] | None:
    return None if choice is None else tuple(choice.values)
