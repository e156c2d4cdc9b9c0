"""The embedded generator: draws clips on this machine, offline, the same ones each time.

It behaves as a remote provider does, and misbehaves as one where its options say so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from runner.api import (
    Billing,
    Context,
    GeneratorCapabilities,
    GeneratorSpec,
    ImageInput,
    InputMode,
    Polling,
    Price,
    Range,
    RateLimits,
    Reach,
    RequestLimits,
    hookimpl,
)

from .geometry import problems
from .options import SyntheticOptions

if TYPE_CHECKING:
    from .generator import Synthetic

__all__ = ["SyntheticOptions"]

runner_api_version = 2

_INLINE_MAX_BYTES: Final = 50_000_000


def _create(options: SyntheticOptions, context: Context) -> Synthetic:
    from .generator import Synthetic  # numpy, PyAV and Pillow are slow to import

    return Synthetic(options, context)


def _capabilities(options: SyntheticOptions, model: str | None, mode: InputMode) -> GeneratorCapabilities:
    return GeneratorCapabilities(
        request=RequestLimits(objections=problems),
        image=ImageInput(
            reach=Reach.LOOPBACK, inline_max_bytes=_INLINE_MAX_BYTES if options.inline else None
        ),
        billing=Billing(price=lambda request: Price(usd=Decimal(0))),
        polling=Polling(interval_s=Range(0.05, 0.25)),
        limits=RateLimits(in_flight=8),
    )


@hookimpl
def runner_register() -> GeneratorSpec:
    return GeneratorSpec(
        name="synthetic",
        summary="draws moving landscapes on this machine: offline, free, the same each time",
        factory=_create,
        options=SyntheticOptions,
        names_matter=True,  # they are in the title
        capabilities=_capabilities,
    )
