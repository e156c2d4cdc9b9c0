"""What a plan was told of the models that it uses: the facts of their cards that decide what can be requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.api import InputMode, Range

if TYPE_CHECKING:
    from runner.api import JSON, GeneratorCapabilities
    from runner.planning.plan import Plan


def of_plan(plan: Plan) -> dict[str, JSON]:
    """By generator, model and input mode, such as `kie wan/2-7-image-to-video image`; of a cut it is `text`."""
    found: dict[str, JSON] = {}
    for planned in plan.shots:
        starts = planned.given is not None or planned.previous is not None
        mode = InputMode.IMAGE if starts else InputMode.TEXT
        name = " ".join(filter(None, (planned.shot.generator.spec.name, planned.request.model, mode)))
        if name not in found:
            found[name] = facts(planned.capabilities)
    return dict(sorted(found.items()))


def facts(capabilities: GeneratorCapabilities) -> JSON:
    """What is stated of a model, as JSON values; what is not stated is left out. No function is among it, and no limit
    of the account."""
    request, image, retired = capabilities.request, capabilities.image, capabilities.lifecycle.retired
    stated: dict[str, JSON] = {
        "durations_s": _range(request.durations_s),
        "aspect_ratios": _list(request.aspect_ratios),
        "resolutions": _list(request.resolutions),
        "prompt_max_chars": request.prompt_max_chars,
        "seed": request.seed,
        "keys": _list(tuple(sorted(request.keys)) or None),
        "retired": retired.isoformat() if retired is not None else None,
        "image_formats": _list(image.formats) if image is not None else None,
        "image_max_bytes": image.size_limit if image is not None else None,
        "image_min_px": image.min_px if image is not None else None,
        "image_max_px": image.max_px if image is not None else None,
        "image_ratio": _range(image.ratio) if image is not None else None,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _range(stated: Range | tuple[float, ...] | None) -> JSON:
    if isinstance(stated, Range):
        return {"from": stated.low, "to": stated.high}
    return None if stated is None else list(stated)


def _list(stated: tuple[str, ...] | None) -> JSON:
    return None if stated is None else list(stated)
