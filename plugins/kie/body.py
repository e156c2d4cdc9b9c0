"""From a shot to the `input` of a KIE task, and what stands against it. Pure."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from runner.api import InputMode, Objection, Price

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.api import ShotRequest

    from .card import Card, Choice, Deck, Duration, Rule, Twin

USD_PER_CREDIT: Final = Decimal("0.005")
"""KIE's own rate; top-ups in bulk give up to a tenth more."""


def how_of(request: ShotRequest) -> InputMode:
    return InputMode.TEXT if request.image is None else InputMode.IMAGE


def body(twin: Twin, request: ShotRequest) -> dict[str, Any]:
    """What is posted to createTask, but for the callback. `request` fits the card: see `objections`."""
    return {"model": twin.id, "input": _input(twin, request)}


def _input(twin: Twin, request: ShotRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if twin.scenes:
        # One scene as long as the clip; its keys are KIE's, the capital S too.
        found[twin.scenes] = [{"Scene": request.prompt, "duration": round(request.duration_s)}]
    else:
        found["prompt"] = request.prompt
    for field, hosted in ((twin.first, request.image), (twin.last, request.last_image)):
        if field is None or hosted is None:
            continue
        if field.type == "list":
            found.setdefault(field.field, []).append(hosted.url)
        else:
            found[field.field] = hosted.url
    if twin.duration is not None and twin.duration.field:
        found[twin.duration.field] = _duration(twin.duration, request.duration_s)
    if twin.resolution is not None:
        found[twin.resolution.field] = _choice(twin.resolution, request.resolution)
    if twin.aspect_ratio is not None:
        found[twin.aspect_ratio.field] = _choice(twin.aspect_ratio, request.aspect_ratio)
    if twin.seed and request.seed is not None:
        found[twin.seed] = request.seed
    return {**found, **twin.always, **request.params}


def _duration(field: Duration, duration_s: float) -> int | str:
    whole = round(duration_s)
    return str(whole) if field.type == "text" else whole


def _choice(field: Choice, value: str) -> str:
    spelt = {ours.lower(): theirs for ours, theirs in field.values.items()}
    return spelt.get(value.lower(), value)


def price(twin: Twin, request: ShotRequest) -> Price | None:
    """What a request costs by the card; `None` where the card does not know."""
    sent = _input(twin, request)
    for tariff in twin.prices:
        if _matches(tariff.when, sent) and not any(sent.get(field) for field in tariff.without):
            credits = tariff.credits + tariff.credits_per_s * round(request.duration_s)
            return Price(usd=credits * USD_PER_CREDIT, as_of=tariff.as_of)
    return None


def objections(twin: Twin, request: ShotRequest) -> Iterator[Objection]:
    """What the card does not allow, beyond sets of durations, ratios and resolutions."""
    if twin.duration is not None and request.duration_s != round(request.duration_s):
        yield Objection("duration_s", f"{twin.id} makes whole seconds", request.duration_s)
    if len(request.prompt) < twin.prompt_min:
        yield Objection("prompt", "is too short", request.prompt, f"{twin.prompt_min} characters or more")
    if request.last_image is not None and twin.last is None:
        yield Objection("last_image", f"{twin.id} cannot end on a given picture")
    if twin.needs and not any(request.params.get(name) for name in twin.needs):
        yield Objection("params", f"{twin.id} needs more", allowed=f"one of {', '.join(twin.needs)}")
    for total in twin.at_most:
        items = [item for name in total.of for item in _listed(request.params.get(name))]
        if len(items) > total.items:
            key, together = f"params.{total.of[0]}", " and ".join(total.of)
            yield Objection(key, f"{together} have {len(items)} items", allowed=f"{total.items} together")
    for name, value in request.params.items():
        key = f"params.{name}"
        if name in twin.own_fields:
            yield Objection(key, "this field is filled from the shot's own keys", value)
        elif name in twin.params:
            allowed = _against(twin.params[name], value)
            if allowed:
                yield Objection(key, f"{twin.id} does not take this", value, allowed)
    sent = _input(twin, request)
    filled = {field for field, value in sent.items() if value}
    if twin.first is not None:
        filled.add("image")  # a plan knows that there will be one before it has an address
    if request.last_image is not None:
        filled.add("last_image")
    for conflict in twin.conflicts:
        wanting = filled.isdisjoint(conflict.missing)
        if _matches(conflict.when, sent) and filled.issuperset(conflict.together) and wanting:
            yield Objection(conflict.key, f"{twin.id}: {conflict.because}", allowed=conflict.allowed)


def unknown_model(deck: Deck, name: str) -> Objection:
    """What to say of a model that has no card."""
    living = [known for known, card in deck.cards.items() if card.retired is None]
    near = difflib.get_close_matches(name, living, n=3, cutoff=0.4)
    allowed = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(sorted(living))}"
    message = "there is no model card of this name (generator.cards names a file of more)"
    return Objection("model", message, name, allowed)


def nearest_living(deck: Deck, card: Card) -> tuple[str, ...]:
    return tuple(name for name in card.successors if name in deck.cards)


def _matches(when: dict[str, Any], sent: dict[str, Any]) -> bool:
    return all(sent.get(field) == value for field, value in when.items())


def _against(rule: Rule, value: Any) -> str:
    """What would be allowed instead of `value`; an empty text where it is fine."""
    if rule.values:
        same = any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in rule.values)
        return "" if same else ", ".join(str(one) for one in rule.values)
    if rule.type is not None and not _is(rule.type, value):
        return {
            "text": "a text",
            "number": "a number",
            "whole": "a whole number",
            "flag": "true or false",
        }.get(rule.type, "a list")
    if isinstance(value, str) and rule.max_chars is not None and len(value) > rule.max_chars:
        return f"at most {rule.max_chars} characters"
    items = isinstance(value, list | tuple)
    size = len(value) if items else value
    if isinstance(size, int | float) and not isinstance(size, bool):
        low, high = rule.low, rule.high
        if (low is not None and size < low) or (high is not None and size > high):
            return _span(low, high) + (" items" if items else "")
    return ""


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else []


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list | tuple)
        case "whole":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)
