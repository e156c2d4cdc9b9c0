"""From a shot to the fields that a model takes, what speaks against it, and its price. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.api import InputMode, Objection, Price

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from runner.api import ShotRequest
    from runner.providers.card import ChoiceField, DurationField, ParamRule, Variant

_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "text": ((str,), "a text"),
    "number": ((int, float), "a number"),
    "whole": ((int,), "a whole number"),
    "flag": ((bool,), "true or false"),
    "list": ((list, tuple), "a list"),
}
"""The types that a parameter may have, by their names in model cards, and what they are called in messages."""


def mode_of(request: ShotRequest) -> InputMode:
    """Whether a request has a first frame."""
    return InputMode.TEXT if request.image is None else InputMode.IMAGE


def fields(variant: Variant, request: ShotRequest) -> dict[str, Any]:
    """The fields of a request by the model's card, as JSON values. `request` fits the card: see `objections`."""
    found: dict[str, Any] = {}
    if variant.scenes is not None:
        scene = {variant.scenes.prompt: request.prompt, variant.scenes.duration: round(request.duration_s)}
        found[variant.scenes.field] = [scene]
    else:
        found[variant.prompt] = request.prompt
    for field, frame in ((variant.first_frame, request.image), (variant.last_frame, request.last_image)):
        if field is None or frame is None:
            continue
        if field.type == "list":
            found.setdefault(field.field, []).append(frame.url)
        else:
            found[field.field] = frame.url
    if variant.duration is not None and variant.duration.field:
        found[variant.duration.field] = _duration(variant.duration, request.duration_s)
    if variant.resolution is not None:
        found[variant.resolution.field] = _choice(variant.resolution, request.resolution)
    if variant.aspect_ratio is not None:
        found[variant.aspect_ratio.field] = _choice(variant.aspect_ratio, request.aspect_ratio)
    if variant.seed and request.seed is not None:
        found[variant.seed] = request.seed
    for name, key in variant.shot_keys.items():
        if value := getattr(request, name):
            found[key.field] = value
    return {**found, **variant.always, **request.params}


def price(variant: Variant, request: ShotRequest, usd_per_credit: Decimal | None = None) -> Price | None:
    """What a request costs by the model's card; `None` where the card does not say.

    `usd_per_credit` converts the provider's credits into US dollars.
    """
    sent, seconds = fields(variant, request), round(request.duration_s)
    for rule in variant.prices:
        if _matches(rule.when, sent) and not any(sent.get(field) for field in rule.without):
            usd = rule.usd + rule.usd_per_s * seconds
            if usd_per_credit is not None:
                usd += (rule.credits + rule.credits_per_s * seconds) * usd_per_credit
            return Price(usd=usd, as_of=rule.as_of)
    return None


def objections(variant: Variant, request: ShotRequest) -> Iterator[Objection]:
    """What the card does not allow, beyond the durations, ratios and resolutions that there are."""
    if variant.duration is not None and request.duration_s != round(request.duration_s):
        yield Objection("duration_s", f"{variant.id} makes whole seconds", request.duration_s)
    if len(request.prompt) < variant.prompt_min:
        least = f"{variant.prompt_min} characters or more"
        yield Objection("prompt", "is too short", request.prompt, least)
    if request.last_image is not None and variant.last_frame is None:
        yield Objection("last_image", f"{variant.id} cannot end on a given frame")
    if variant.needs and not any(request.params.get(name) for name in variant.needs):
        yield Objection("params", f"{variant.id} needs more", allowed=f"one of {', '.join(variant.needs)}")
    for limit in variant.at_most:
        items = [item for name in limit.of for item in _items(request.params.get(name))]
        if len(items) > limit.items:
            key, together = f"params.{limit.of[0]}", " and ".join(limit.of)
            yield Objection(key, f"{together} have {len(items)} items", allowed=f"{limit.items} together")
    for name, own in variant.shot_keys.items():
        value = getattr(request, name)
        if own.max_chars is not None and len(value) > own.max_chars:
            allowed = f"at most {own.max_chars} characters"
            yield Objection(name, f"is {len(value)} characters long", allowed=allowed)
    for name, value in request.params.items():
        key = f"params.{name}"
        if name in variant.own_fields:
            yield Objection(key, "this field is filled from the shot's own keys", value)
        elif name in variant.params:
            allowed = _allowed_instead(variant.params[name], value)
            if allowed:
                yield Objection(key, f"{variant.id} does not take this", value, allowed)
    sent = fields(variant, request)
    filled = {field for field, value in sent.items() if value}
    if variant.first_frame is not None:
        filled.add("image")  # a plan knows that there will be one before it has a URL
    if request.last_image is not None:
        filled.add("last_image")
    for conflict in variant.conflicts:
        absent = filled.isdisjoint(conflict.missing)
        if _matches(conflict.when, sent) and filled.issuperset(conflict.together) and absent:
            yield Objection(conflict.key, f"{variant.id}: {conflict.because}", allowed=conflict.allowed)


def _duration(field: DurationField, duration_s: float) -> int | str:
    whole = round(duration_s)
    return str(whole) if field.type == "text" else whole


def _choice(field: ChoiceField, value: str) -> str:
    sent = {ours.lower(): theirs for ours, theirs in field.values.items()}
    return sent.get(value.lower(), value)


def _matches(when: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    return all(sent.get(field) == value for field, value in when.items())


def _allowed_instead(rule: ParamRule, value: Any) -> str:
    """What is allowed instead of `value`; an empty text where it is fine."""
    if rule.values:
        same = any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in rule.values)
        return "" if same else ", ".join(str(one) for one in rule.values)
    if rule.type is not None:
        types, name = _TYPES[rule.type]
        # A flag is a number to Python, and none in JSON.
        if not isinstance(value, types) or isinstance(value, bool) != (rule.type == "flag"):
            return name
    if isinstance(value, str) and rule.max_chars is not None and len(value) > rule.max_chars:
        return f"at most {rule.max_chars} characters"
    items = isinstance(value, list | tuple)
    size = len(value) if items else value
    if isinstance(size, int | float) and not isinstance(size, bool):
        low, high = rule.low, rule.high
        if (low is not None and size < low) or (high is not None and size > high):
            return _range(low, high) + (" items" if items else "")
    return ""


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else []


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
