"""A store in memory: the model that the contract tests and the property tests compare a backend with."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import JournalError, LeaseLost, TaskIdInUse
from runner.store.attempt import OPEN, AlreadyDecided, Attempt, Phase, decisive
from runner.store.budget import Budget, Spend
from runner.store.interface import Change, Decision, Filter, Lease, Measurement
from runner.store.sqlite.leases import LEASE_S
from tests.store.contract import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from runner.api import JSON

_NEED_TASK = (Phase.SUBMITTED, Phase.READY)
_BEFORE_READY = (Phase.INTENDED, Phase.SUBMITTED, Phase.UNKNOWN, Phase.REFUSED)


class MemoryStore:
    """What all sessions share, and the clocks."""

    def __init__(self) -> None:
        self.now = self.monotonic = 0.0
        self.rows: list[Attempt] = []
        self.leases: dict[str, tuple[str, int]] = {}
        self.places: dict[str, Place] = {}
        self.beats: dict[str, int] = {}
        self.measured: dict[tuple[str, str, int], float] = {}
        self.spilled: dict[str, tuple[str, Mapping[str, JSON]]] = {}
        self.files: dict[str, bytes] = {}
        self.accepted: set[str] = set()
        self.decided: dict[tuple[str, str], Decision] = {}

    def session(self, place: Place = Place.HERE) -> MemoryJournal:
        return MemoryJournal(self, place)

    def reader(self) -> MemoryReader:
        return MemoryReader(self)

    def objects(self) -> MemoryObjects:
        return MemoryObjects(self.files)

    def of_key(self, key: str) -> list[Attempt]:
        return [row for row in self.rows if row.key == key]

    def change(self, changed: Attempt) -> None:
        """Replace a row, unless that breaks a rule of the journal."""
        if changed.phase in _NEED_TASK and not changed.task:
            raise JournalError("the journal refuses this change")
        if changed.phase is Phase.FETCHED and not changed.digest:
            raise JournalError("the journal refuses this change")
        others = [row for row in self.of_key(changed.key) if row.token != changed.token]
        if changed.phase in OPEN and any(row.phase in OPEN for row in others):
            raise JournalError("the journal refuses this change")
        self.rows[changed.seq - 1] = changed


class MemoryReader:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __enter__(self) -> MemoryReader:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def attempts(self, wanted: Filter) -> list[Attempt]:
        return [row for row in self._store.rows if _matches(row, wanted)]

    def by_keys(self, keys: Collection[str]) -> dict[str, list[Attempt]]:
        return {key: found for key in keys if (found := self._store.of_key(key))}

    def spend(self, scope: str, owner: str | None = None) -> Spend:
        rows = [
            row
            for row in self._store.rows
            if row.scope == scope and owner in (None, row.owner) and row.phase is not Phase.REFUSED
        ]
        return Spend(
            attempts=len(rows),
            micros=sum(row.at_risk or 0 for row in rows),
            reserved=sum(row.reserved or 0 for row in rows if row.cost is None),
            unpriced=sum(row.at_risk is None for row in rows),
        )

    def leased(self) -> frozenset[str]:
        store = self._store
        return frozenset(
            key
            for key, (owner, _) in store.leases.items()
            if owner and store.places[owner] != Place.HERE_DEAD
        )

    def measurements(self, subjects: Collection[str]) -> list[Measurement]:
        return [
            Measurement(subject=subject, metric=metric, version=version, value=value)
            for (subject, metric, version), value in sorted(self._store.measured.items())
            if subject in subjects
        ]

    def decisions(self, keys: Collection[str]) -> list[Decision]:
        return [one for (key, _), one in sorted(self._store.decided.items()) if key in keys]

    def is_empty(self) -> bool:
        return not self._store.rows

    def accepted_losses(self) -> frozenset[str]:
        return frozenset(self._store.accepted)


class MemoryJournal:
    def __init__(self, store: MemoryStore, place: Place) -> None:
        self.owner = uuid.uuid4().hex
        self._store = store
        self._read = MemoryReader(store)
        self._silent: dict[str, tuple[tuple[int, int], float, float]] = {}
        store.places[self.owner] = place
        store.beats[self.owner] = 0

    async def __aenter__(self) -> MemoryJournal:
        for token, (task, task_data) in list(self._store.spilled.items()):
            for row in self._read.attempts(Filter(token_prefix=token)):
                if row.phase in (Phase.INTENDED, Phase.UNKNOWN):
                    try:
                        await self.move(
                            token, Phase.SUBMITTED, Change(task=task, task_data=task_data, note="")
                        )
                        del self._store.spilled[token]
                    except TaskIdInUse:
                        await self.move(token, Phase.UNKNOWN)
        return self

    async def __aexit__(self, *error: object) -> None:
        for key, (owner, fence) in self._store.leases.items():
            if owner == self.owner:
                self._store.leases[key] = ("", fence)

    async def intend(self, attempt: Attempt, budget: Budget, lease: Lease) -> Attempt:
        if self._store.leases.get(lease.key) != (lease.owner, lease.fence):
            raise LeaseLost("another run took this shot over")
        decided = decisive(self._store.of_key(attempt.key))
        if decided is not None and decided.phase in (*OPEN, Phase.FETCHED):
            raise AlreadyDecided(decided)
        if budget.limited:
            budget.check(attempt, self._read.spend(attempt.scope))
        now = self._store.now
        row = dataclasses.replace(attempt, seq=len(self._store.rows) + 1, created=now, updated=now)
        self._store.rows.append(row)
        return row

    async def move(self, token: str, phase: Phase, change: Change = Change()) -> Attempt:  # noqa: B008
        found = [row for row in self._store.rows if row.token == token]
        if not found:
            raise JournalError("the journal does not know this attempt")
        row = found[0]
        if row.phase in (Phase.READY, Phase.FETCHED) and phase in _BEFORE_READY:
            return row
        if row.phase is Phase.FETCHED and phase is Phase.FAILED:
            return row
        changes: dict[str, Any] = {
            field.name: value
            for field in dataclasses.fields(change)
            if (value := getattr(change, field.name)) is not None
        }
        for other in self._store.rows:
            taken = (other.task, other.generator, other.account) == (change.task, row.generator, row.account)
            if taken and change.task and other.token != token and other.phase in (*OPEN, Phase.FETCHED):
                raise TaskIdInUse("in use", why=f"{other.name}, attempt {other.token[:8]}")
        changed = dataclasses.replace(row, **changes, phase=phase, updated=self._store.now)
        self._store.change(changed)
        return changed

    async def spill(self, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
        self._store.spilled[token] = (task, task_data)
        return Path(token)

    async def decisive(self, key: str) -> Attempt | None:
        return decisive(self._store.of_key(key))

    async def attempts(self, wanted: Filter) -> list[Attempt]:
        return self._read.attempts(wanted)

    async def spend(self, scope: str, owner: str | None = None) -> Spend:
        return self._read.spend(scope, owner)

    async def add(self, attempts: Sequence[Attempt]) -> None:
        tokens = [row.token for row in (*self._store.rows, *attempts)]
        if len(set(tokens)) < len(tokens):
            raise JournalError("the journal refuses this change")
        for attempt in attempts:
            self._store.rows.append(dataclasses.replace(attempt, seq=len(self._store.rows) + 1))

    async def accept_losses(self, keys: Collection[str]) -> None:
        self._store.accepted.update(keys)

    async def decide(self, decisions: Sequence[Decision]) -> None:
        self._store.decided |= {(one.key, one.digest): one for one in decisions}

    async def decisions(self, keys: Collection[str]) -> list[Decision]:
        return self._read.decisions(keys)

    async def acquire(self, key: str) -> Lease | None:
        owner, fence = self._store.leases.get(key, ("", 0))
        if owner != self.owner:
            if owner and not self._dead(key, owner):
                return None
            fence += 1
            self._store.leases[key] = (self.owner, fence)
        return Lease(key=key, owner=self.owner, fence=fence)

    def _dead(self, key: str, owner: str) -> bool:
        place, mine = self._store.places[owner], self._store.places[self.owner]
        if {place, mine} <= {Place.HERE, Place.HERE_DEAD}:
            return place is Place.HERE_DEAD
        now, holding = self._store.monotonic, (self._store.leases[key][1], self._store.beats[owner])
        lasted = 0.0
        if key in self._silent and self._silent[key][0] == holding:
            _, seen_at, lasted = self._silent[key]
            lasted += min(now - seen_at, 5.0)
        self._silent[key] = (holding, now, lasted)
        return lasted >= LEASE_S

    async def renew(self) -> None:
        self._store.beats[self.owner] += 1

    async def release(self, lease: Lease) -> None:
        if self._store.leases.get(lease.key) == (lease.owner, lease.fence):
            self._store.leases[lease.key] = ("", lease.fence)

    async def leased(self) -> frozenset[str]:
        return self._read.leased()

    async def add_measurements(self, measured: Sequence[Measurement]) -> None:
        for one in measured:
            self._store.measured[one.subject, one.metric, one.version] = one.value

    async def measurements(self, subjects: Collection[str]) -> list[Measurement]:
        return self._read.measurements(subjects)


class MemoryObjects:
    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def put(self, finished: Path, digest: str) -> None:
        self._files[digest] = finished.read_bytes()
        finished.unlink()

    def put_bytes(self, data: bytes, digest: str) -> None:
        self._files[digest] = data

    def intact(self, digest: str) -> bool:
        return digest in self._files

    def exists(self, digest: str) -> bool:
        return digest in self._files

    def place(self, digest: str, target: Path) -> None:
        if digest not in self._files:
            raise FileNotFoundError("not there")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self._files[digest])

    def size(self, digest: str) -> int:
        return len(self._files.get(digest, b""))

    def all(self) -> Iterator[str]:
        yield from self._files

    def remove(self, digest: str) -> int:
        return len(self._files.pop(digest, b""))


def _matches(row: Attempt, wanted: Filter) -> bool:
    return (
        (wanted.keys is None or row.key in wanted.keys)
        and (wanted.phases is None or row.phase in wanted.phases)
        and wanted.project in (None, row.project)
        and wanted.generator in (None, row.generator)
        and wanted.task in (None, row.task)
        and (wanted.token_prefix is None or row.token.startswith(wanted.token_prefix))
    )
