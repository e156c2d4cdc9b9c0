"""One attempt to get one shot from a provider, as the journal knows it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.store.clip_record import ClipRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON


class Phase(enum.StrEnum):
    """How far an attempt got. The order of money: intended, submitted, ready, fetched."""

    INTENDED = "intended"  # about to be sent; after a crash it is unknown whether it was
    SUBMITTED = "submitted"  # the provider returned a task id
    READY = "ready"  # the provider finished; the clip is to be fetched
    FETCHED = "fetched"  # the clip is in the object store
    REFUSED = "refused"  # certainly not accepted
    FAILED = "failed"  # accepted, and failed at the provider
    UNKNOWN = "unknown"  # sent, and no answer came
    ABANDONED = "abandoned"  # abandoned by the user
    LOST = "lost"  # paid for, and neither here nor at the provider any more


BY_USER: Final = "resolved by the user"
"""The note of an attempt whose task id the user gave."""

OPEN: Final = frozenset({Phase.INTENDED, Phase.SUBMITTED, Phase.READY, Phase.UNKNOWN})
"""Phases in which money may still be on its way: they keep their reservation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A row of the journal. Money is in millionths of a US dollar; `None` is unknown."""

    token: str
    """Unique to this attempt, 32 hex digits."""
    key: str
    """Of the shot, 64 hex digits."""
    scope: str
    """The run or sweep whose budget pays."""
    owner: str = ""
    """The run, of one session, that began it."""
    project: str
    sequence: str
    shot: str
    generator: str
    model: str
    account: str
    """The fingerprint of the paying account."""
    phase: Phase
    reserved: int | None
    """The expected price."""
    cost: int | None = None
    """What the provider says it cost."""
    task: str = ""
    """The provider's task id."""
    task_data: Mapping[str, JSON] = field(default_factory=dict)
    results: tuple[tuple[str, str], ...] = ()
    """URLs of the clip, each with the time at which it expires (ISO 8601, or empty)."""
    digest: str = ""
    """Of the clip, once it is stored."""
    record: ClipRecord = field(default_factory=ClipRecord)
    identity: Mapping[str, JSON] = field(default_factory=dict)
    """The fields of the shot's key, for comparison."""
    note: str = ""
    created: float = 0.0
    """Seconds since 1970. For people: the order of attempts is `seq`."""
    updated: float = 0.0
    seq: int = 0
    """The journal's own order."""

    @property
    def name(self) -> str:
        """SEQUENCE/SHOT."""
        return f"{self.sequence}/{self.shot}"

    @property
    def task_from_user(self) -> bool:
        """Whether its task is what the user says it is, which may be a mistake."""
        return self.phase is Phase.SUBMITTED and self.note == BY_USER

    @property
    def at_risk(self) -> int | None:
        """What this attempt counts for in a budget: what it cost, or what is reserved for it."""
        return self.cost if self.cost is not None else self.reserved


class AlreadyDecided(Exception):
    """Another attempt of the shot is open, or has its clip: nothing was recorded."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(f"attempt {attempt.token} is {attempt.phase}")
        self.attempt = attempt


def decisive(attempts: list[Attempt]) -> Attempt | None:
    """Of all attempts of a shot, in order, the one that decides: the newest with a clip, else an open one, else the
    newest."""
    for wanted in (frozenset({Phase.FETCHED}), OPEN):
        found = [attempt for attempt in attempts if attempt.phase in wanted]
        if found:
            return found[-1]
    return attempts[-1] if attempts else None
