"""What the tests of the model cards share: a shot in a few words, and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.plugins.kie import KieOptions, runner_register
from runner.plugins.kie.models import MODELS, USD_PER_CREDIT

from runner import providers
from runner.api import GeneratorSpec, HostedImage, InputMode, Reach, ShotRequest
from runner.providers import mode_of, objections

if TYPE_CHECKING:
    from runner.api import GeneratorCapabilities, Objection, Price
    from runner.providers import ModelCard, Variant

CATALOGUE: Final = MODELS.catalogue()

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


def card(model: str) -> ModelCard:
    found = CATALOGUE.find(model)
    assert found is not None, f"no card for {model}"
    return found[1]


def variant(model: str, request: ShotRequest) -> Variant:
    """The variant that makes this shot."""
    found = card(model).variant(mode_of(request), last=request.last_image is not None)
    assert found is not None, f"{model} does not make this"
    return found


def price(model: str, request: ShotRequest) -> Price | None:
    """What this shot costs by the card."""
    return providers.price(variant(model, request), request, USD_PER_CREDIT)


def objected(model: str, request: ShotRequest) -> dict[str, Objection]:
    """What stands against a shot, by the key to blame."""
    return {one.key: one for one in objections(variant(model, request), request)}


def caps(model: str, how: InputMode = InputMode.IMAGE) -> GeneratorCapabilities:
    """What the generator says that it can do with a model."""
    (spec,) = (one for one in runner_register() if isinstance(one, GeneratorSpec))
    stated = spec.capabilities
    assert callable(stated)
    return stated(KieOptions(), model, how)
