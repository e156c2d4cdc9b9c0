"""What every step of an attempt needs: the shot, the ledger, the generator, a pen."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import ShotError
from runner.store.budget import MICROS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from runner.api import JSON, EncodedImage, EventKind, Generator, HostedImage
    from runner.engine.run_context import RunContext
    from runner.engine.services import Services
    from runner.planning.plan import PlannedShot
    from runner.store.attempt import Attempt, Phase


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """What a shot starts from: the hosted picture for the provider, and what is to be remembered of it.

    `rgb` is what the clip's first frame will be compared with, `picture` the same as it was hosted.
    """

    hosted: HostedImage | None = None
    picture: EncodedImage | None = None
    rgb: Any = None
    facts: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of one shot's attempt."""

    context: RunContext
    services: Services
    planned: PlannedShot

    @property
    def generator(self) -> Generator:
        return self.services.generator(self.planned.shot.generator.label)

    @property
    def account(self) -> str:
        return fingerprint(self.planned)

    async def move(self, attempt: Attempt, phase: Phase, **changes: Any) -> Attempt:
        """Note in the journal how far the attempt is."""
        await self.context.journal.soon(self.context.journal.move(attempt.token, phase, **changes))
        return dataclasses.replace(attempt, phase=phase, **changes)

    def tell(self, kind: EventKind, message: str = "", progress: float | None = None) -> None:
        self.context.tell(self.planned, kind, message, progress)


class GoneError(Exception):
    """The provider has a finished clip no more. `cost` is what it took in the end, in millionths of a US dollar."""

    def __init__(self, what: str, cost: int | None) -> None:
        super().__init__(what)
        self.cost = cost


def fingerprint(planned: PlannedShot) -> str:
    """What tells one paying account from another, without giving its key away."""
    choice = planned.shot.generator
    secret = choice.spec.account(choice.options) if choice.spec.account else ""
    return hashlib.sha256(f"{choice.spec.name}\0{secret}".encode()).hexdigest()[:12]


def in_micros(usd: Decimal | None) -> int | None:
    return None if usd is None else round(usd * MICROS)


def lost(planned: PlannedShot, attempt: Attempt) -> ShotError:
    return ShotError(
        "the clip was paid for, and is neither in the store nor at the provider any more",
        where=planned.name,
        why=f"task {attempt.task}: {attempt.note or 'the provider does not have it'}",
        hint=f"ask for another one: {planned.shot.at}.take={planned.request.take + 1}",
    )
