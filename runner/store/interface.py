"""What the engine and the verbs ask of a store: a journal of attempts and spend, and content-addressed files.

A backend implements these protocols, and passes the contract tests in `tests/store`. Nothing outside of `runner.store`
knows of SQL, connections, or the layout of `.runner/`. Nothing in here assumes that two processes share a host, a disk,
a clock or a process table.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.api import JSON
    from runner.store.attempt import Attempt, Phase
    from runner.store.budget import Budget, Spend
    from runner.store.clip_record import ClipRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is newly known of an attempt. `None` leaves a field as it is."""

    cost: int | None = None
    """Millionths of a US dollar."""
    task: str | None = None
    """The provider's task id; the empty text takes a wrong one back."""
    task_data: Mapping[str, JSON] | None = None
    results: tuple[tuple[str, str], ...] | None = None
    """URLs of the clip, each with the time at which it expires (ISO 8601, or empty)."""
    digest: str | None = None
    record: ClipRecord | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which attempts to list. `None` matches any."""

    keys: Collection[str] | None = None
    phases: Collection[Phase] | None = None
    project: str | None = None
    generator: str | None = None
    token_prefix: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to submit requests for one shot. It ends when another owner takes it over."""

    key: str
    owner: str
    """The id of the session that holds it."""
    fence: int
    """Rises with each holder of the key. An intent with an older fence is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number measured on a clip or a seam."""

    subject: str
    """The digest of a clip, or those of the two clips of a seam with a `+` between them."""
    metric: str
    version: int
    """Of the metric: values of different versions are not compared."""
    value: float
    """Infinity where the metric has no number for the subject."""


def subject_of(clip: str, before: str | None = None) -> str:
    """What is measured, as `Measurement.subject`: a clip, or the seam where it goes on from the clip `before` it."""
    return clip if before is None else f"{before}+{clip}"


class Judgement(enum.StrEnum):
    """What the user says of a clip."""

    ACCEPTED = "accepted"
    """The film goes on from it, whatever was measured."""
    REJECTED = "rejected"
    """The film does not go on from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A judgement about one clip of one shot. Another clip of the same shot has none."""

    key: str
    """Of the shot."""
    digest: str
    """Of the clip."""
    verdict: Judgement
    decided: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that counts until it has been given back, and for `within_s` seconds after that."""

    of: str
    id: str
    within_s: float


class JournalReader(Protocol):
    """Reads a journal without changing it. Blocking. Close it, or use it as a context manager."""

    def __enter__(self) -> JournalReader: ...
    def __exit__(self, *error: object) -> None: ...

    def attempts(self, wanted: Filter) -> list[Attempt]:
        """The attempts that match, in the order in which they were begun (the journal's own sequence)."""
        ...

    def by_keys(self, keys: Collection[str]) -> dict[str, list[Attempt]]:
        """All attempts of these shots, by key, in order. Any number of keys."""
        ...

    def spend(self, scope: str, owner: str | None = None) -> Spend:
        """What a scope has at risk; of one owner's attempts only where `owner` is given."""
        ...

    def leased(self) -> frozenset[str]:
        """The keys that a living session works on, as far as that can be determined without waiting."""
        ...

    def measurements(self, subjects: Collection[str]) -> list[Measurement]: ...

    def decisions(self, keys: Collection[str]) -> list[Decision]:
        """What the user decided about clips of these shots, ordered by key and digest."""
        ...

    def is_empty(self) -> bool:
        """Whether no attempt was ever recorded."""
        ...

    def accepted_losses(self) -> frozenset[str]:
        """The keys of `Journal.accept_losses`."""
        ...


class Journal(Protocol):
    """Writes a journal. What a method changes is durable when it returns. For the tasks of one event loop.

    Methods raise `JournalError` where the journal cannot be read or written.
    """

    @property
    def owner(self) -> str:
        """The id of this session, under which leases are held and spend is counted."""
        ...

    async def __aenter__(self) -> Journal:
        """Open it; create or migrate it first where that is needed. Adopts task ids that an earlier session could only
        spill (`spill`). Raises `JournalError`."""
        ...

    async def __aexit__(self, *error: object) -> None: ...

    async def intend(self, attempt: Attempt, budget: Budget, lease: Lease) -> Attempt:
        """Commit that a request is about to be submitted. Returns the attempt with its place in the sequence.

        In one transaction: the lease is still held (else `LeaseLost`), no attempt of this shot is open or has its clip
        (else `AlreadyDecided`), and the budget has room (else `BudgetStop`).
        """
        ...

    async def move(self, token: str, phase: Phase, change: Change = ...) -> Attempt:
        """Record how far an attempt got, and what is newly known of it. Returns it as it is then.

        What comes too late changes nothing: an attempt that is ready or stored is not set back to what was before
        (intended, submitted, unknown, refused), and one whose clip is stored does not fail any more. Raises
        `TaskIdInUse` for a task id that another attempt of the same generator and account has, while that one is open
        or has its clip.
        """
        ...

    async def spill(self, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
        """Keep a task id that `move` could not record, outside of the journal. Never raises; `None` where even that
        failed. The next session adopts it where the attempt has no task id yet, and reports it otherwise."""
        ...

    async def decisive(self, key: str) -> Attempt | None:
        """The attempt that decides what to do for a shot: the newest with a clip, else an open one, else the newest."""
        ...

    async def attempts(self, wanted: Filter) -> list[Attempt]: ...
    async def spend(self, scope: str, owner: str | None = None) -> Spend: ...

    async def add(self, attempts: Sequence[Attempt]) -> None:
        """Add finished attempts that another record proves, in order: for recovery. All of them or, where one is
        refused, none."""
        ...

    async def accept_losses(self, keys: Collection[str]) -> None:
        """Record that the user agreed to pay for these shots again."""
        ...

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """Record what the user says of clips; it replaces what was said of the same ones."""
        ...

    async def decisions(self, keys: Collection[str]) -> list[Decision]: ...

    async def acquire(self, key: str) -> Lease | None:
        """Take the lease of a shot; `None` while another session holds it and may be alive. Call again to wait.

        A holder is dead when its process is known to be gone, or when it has not renewed for `LEASE_S` seconds by the
        clock of the caller, who has seen that by calling again and again: clocks of two hosts are never compared.
        """
        ...

    async def renew(self) -> None:
        """Tell others that this session is alive. Call it every `HEARTBEAT_S` seconds."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back. Does nothing where another session has it by now."""
        ...

    async def leased(self) -> frozenset[str]: ...
    async def add_measurements(self, measured: Sequence[Measurement]) -> None: ...
    async def measurements(self, subjects: Collection[str]) -> list[Measurement]: ...


class ObjectStore(Protocol):
    """Files by their SHA-256 digest (64 hex digits). Blocking; call it in a worker thread for large files."""

    def put(self, finished: Path, digest: str) -> None:
        """Take over a finished file with that digest. Durable when this returns; twice at once is fine."""
        ...

    def put_bytes(self, data: bytes, digest: str) -> None: ...

    def intact(self, digest: str) -> bool:
        """Whether the file is there, and still has that digest."""
        ...

    def exists(self, digest: str) -> bool:
        """Whether the file is there, without reading it."""
        ...

    def place(self, digest: str, target: Path) -> None:
        """Put the file under a name in a run folder: a hard link, or a copy where links cannot be."""
        ...

    def size(self, digest: str) -> int:
        """Bytes; 0 where it is not there."""
        ...

    def all(self) -> Iterator[str]:
        """The digests of all files."""
        ...

    def remove(self, digest: str) -> int:
        """Delete a file; returns its size in bytes."""
        ...


class Turns(Protocol):
    """Requests to providers by all sessions that share a root and a clock: a limit holds for them together. Blocking.

    Methods raise `OSError` where nothing can be shared.
    """

    def take(self, of: str, most: int, within_s: float, now: float) -> Taken | float:
        """Count one more request of the kind `of`, or say in how many seconds to try again.

        At most `most` of them count at a time: those not given back, and those given back less than `within_s` seconds
        before `now`.
        """
        ...

    def give_back(self, taken: Taken, now: float) -> None:
        """The request has been answered, or the task has ended."""
        ...
