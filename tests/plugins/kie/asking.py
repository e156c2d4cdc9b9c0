"""What the tests of the model cards share: a shot in a few words, and the deck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.plugins.kie import KieOptions, runner_register
from runner.plugins.kie.body import how_of, objections
from runner.plugins.kie.card import deck

from runner.api import GeneratorSpec, HostedImage, InputMode, Reach, ShotRequest

if TYPE_CHECKING:
    from runner.plugins.kie.card import Card, Twin

    from runner.api import GeneratorCapabilities, Objection

FIRST = HostedImage(url="https://example.com/first.png", reach=Reach.PUBLIC)
LAST = HostedImage(url="https://example.com/last.png", reach=Reach.PUBLIC)


def shot(
    duration_s: float = 5,
    resolution: str = "720p",
    aspect_ratio: str = "16:9",
    *,
    start: str = "text",
    prompt: str = "a kite",
    seed: int | None = 7,
    params: dict[str, Any] | None = None,
) -> ShotRequest:
    """A shot that starts from `start`: "text", "image", or "both" for a first and a last frame."""
    return ShotRequest(
        project="film",
        sequence="main",
        shot="one",
        prompt=prompt,
        model=None,
        duration_s=duration_s,
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        fps=24,
        seed=seed,
        take=1,
        params=params or {},
        image=None if start == "text" else FIRST,
        last_image=LAST if start == "both" else None,
    )


def card(model: str) -> Card:
    found = deck().named(model)
    assert found is not None, f"no card for {model}"
    return found[1]


def twin(model: str, request: ShotRequest) -> Twin:
    """The twin that makes this shot."""
    found = card(model).twin(how_of(request), last=request.last_image is not None)
    assert found is not None, f"{model} does not make this"
    return found


def objected(model: str, request: ShotRequest) -> dict[str, Objection]:
    """What stands against a shot, by the key to blame."""
    return {one.key: one for one in objections(twin(model, request), request)}


def caps(model: str, how: InputMode = InputMode.IMAGE) -> GeneratorCapabilities:
    """What the generator says that it can do with a model."""
    (spec,) = (one for one in runner_register() if isinstance(one, GeneratorSpec))
    stated = spec.capabilities
    assert callable(stated)
    return stated(KieOptions(), model, how)
