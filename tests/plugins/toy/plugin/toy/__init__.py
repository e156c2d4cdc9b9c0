"""Toy: a hosted model behind an HTTP API. Here is what it can do; `generator.py` is its wire format."""

from dataclasses import dataclass, field

from runner.api import (
    CARDS,
    SECRET,
    TRANSPORT,
    Billing,
    EmulatorSpec,
    GeneratorCapabilities,
    GeneratorSpec,
    Idempotency,
    ImageInput,
    Polling,
    Range,
    Rate,
    RateLimits,
    hookimpl,
)
from runner.providers import host_of, reach_of

from .generator import MODELS, Toy, key_of

runner_api_version = 2


@dataclass(frozen=True)
class Options:
    api_url: str = field(default="https://api.toy.example", metadata=TRANSPORT)
    api_key: str = field(default="", metadata=SECRET)
    api_key_file: str = field(default="", metadata=TRANSPORT)
    cards: tuple[str, ...] = field(default=(), metadata=CARDS)


def capabilities(options, model, mode):
    account = GeneratorCapabilities(
        image=ImageInput(reach=reach_of(host_of(options.api_url))),  # an emulator fetches from this machine
        polling=Polling(interval_s=Range(0.2, 10.0)),
        billing=Billing(idempotency=Idempotency.KEY),
        limits=RateLimits(submit=Rate(10, 1.0), in_flight=20),
    )
    return MODELS.catalogue(options.cards).capabilities(model or "toy-1", mode, account)


def emulate(words):
    from .emulator import main  # it needs aiohttp, which nobody else has to load

    return main(words)


@hookimpl
def runner_register():
    toy = GeneratorSpec(
        name="toy",
        summary="Toy, the example of plugins/README.md",
        factory=Toy,
        options=Options,
        capabilities=capabilities,
        account=lambda options: key_of(options).read(),
        models=MODELS.models,
    )
    return [toy, EmulatorSpec(name="toy", command=emulate, summary="Toy on this machine")]
