"""One attempt to get one shot from a provider, as the journal knows it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON


class Phase(enum.StrEnum):
    """How far an attempt got. The order of money: intended, submitted, ready, fetched."""

    INTENDED = "intended"  # about to be sent; after a crash nobody knows if it was
    SUBMITTED = "submitted"  # the provider gave a task id
    READY = "ready"  # the provider finished; the clip is to be fetched
    FETCHED = "fetched"  # the clip is in the store
    REFUSED = "refused"  # certainly not taken
    FAILED = "failed"  # taken, and given up by the provider
    UNKNOWN = "unknown"  # sent, and no answer came
    ABANDONED = "abandoned"  # given up by a person
    LOST = "lost"  # paid for, and neither here nor there any more


BY_PERSON: Final = "resolved by a person"
"""The note of an attempt whose task id a person gave."""

OPEN = frozenset({Phase.INTENDED, Phase.SUBMITTED, Phase.READY, Phase.UNKNOWN})
"""Phases in which money may still be on its way: they keep their reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A row of the journal. Money is in millionths of a US dollar; `None` is unknown.

    `scope` is the run or sweep whose budget pays. `identity` are the fields of the shot's key, for comparison.
    `facts` describe the clip once it is fetched.
    """

    token: str
    key: str
    scope: str
    project: str
    sequence: str
    shot: str
    generator: str
    model: str
    account: str
    phase: Phase
    reserved: int | None
    cost: int | None = None
    task: str = ""
    results: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    identity: Mapping[str, JSON] = field(default_factory=dict)
    note: str = ""
    created: float = 0.0
    updated: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.sequence}/{self.shot}"

    @property
    def told_by_person(self) -> bool:
        """Whether its task is what a person says it is, which may be a mistake."""
        return self.phase is Phase.SUBMITTED and self.note == BY_PERSON

    @property
    def at_risk(self) -> int | None:
        """What this attempt counts for in a budget: what it cost, or what is reserved for it."""
        return self.cost if self.cost is not None else self.reserved
