"""What a card says that a model can do, as the runner's capabilities."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from runner.api import Billing, ImageInput, Range, RequestLimits

from . import body

if TYPE_CHECKING:
    from runner.api import GeneratorCapabilities

    from .card import Card, Choice, Duration, Twin


def of(card: Card, twin: Twin | None, account: GeneratorCapabilities) -> GeneratorCapabilities:
    """`account` with all that the card says, and its twin for the input mode where it has one."""
    text, image = card.text is not None, account.image if card.image is not None else None
    caps = dataclasses.replace(account, text=text, image=image)
    if twin is None:
        return caps
    return dataclasses.replace(
        caps,
        request=RequestLimits(
            durations_s=_durations(twin.duration),
            resolutions=_values(twin.resolution),
            aspect_ratios=_values(twin.aspect_ratio),
            prompt_max_chars=twin.prompt_max,
            seed=bool(twin.seed),
            objections=lambda request: body.objections(twin, request),
        ),
        image=None if image is None else _image_input(twin, image),
        billing=Billing(price=lambda request: body.price(twin, request)),
    )


def _image_input(twin: Twin, image: ImageInput) -> ImageInput:
    rules = twin.picture
    return dataclasses.replace(
        image,
        formats=rules.formats,
        max_bytes=int(rules.max_mb * 1_000_000),
        min_px=rules.min_px,
        max_px=rules.max_px,
        ratio=Range(*rules.ratio) if rules.ratio else None,
    )


def _durations(duration: Duration | None) -> Range | tuple[float, ...] | None:
    if duration is None:
        return None
    return duration.values or Range(duration.low, duration.high)


def _values(choice: Choice | None) -> tuple[str, ...] | None:
    return None if choice is None else tuple(choice.values)
