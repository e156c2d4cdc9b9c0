"""The journal: every attempt and every cent, on disk before anything that money depends on is done.

One SQLite file per outputs root, shared by all processes that use the root.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from typing import TYPE_CHECKING, Final

from runner.errors import JournalError, TaskIdInUse
from runner.store.attempt import OPEN, AlreadyDecided, Attempt, Phase
from runner.store.interface import Change, Filter, Lease
from runner.store.local import spill
from runner.store.local.disk import MAKE_ROOM
from runner.store.sqlite import rows
from runner.store.sqlite.leases import Leases
from runner.store.sqlite.process import Process, begin_session, end_session, this_process
from runner.store.sqlite.writer import Patience, Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from runner.api import JSON
    from runner.store.budget import Budget, Spend
    from runner.store.interface import Decision, Measurement
    from runner.store.local.spill import Spilled

_NO_CHANGE: Final = Change()
_log = logging.getLogger(__name__)


class SqliteJournal:
    """A `runner.store.interface.Journal`. `notify` gets what the user should know, in the writer's thread."""

    def __init__(
        self,
        path: Path,
        *,
        process: Process | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        notify: Callable[[str], None] = _log.warning,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        self.path = path
        self._clock = clock
        self._notify = notify
        self._leases = Leases(process or this_process(), monotonic)
        self._writer = Writer(path, notify, patience)

    @property
    def owner(self) -> str:
        """The id of this session."""
        return self._leases.me.owner

    async def __aenter__(self) -> SqliteJournal:
        await self._writer.open()
        begin_session(self._leases.me)
        try:
            await self._adopt_spilled()
        except BaseException:
            end_session(self._leases.me)
            await self._writer.close()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            with contextlib.suppress(JournalError):
                await self._writer.do(self._leases.release_all)
        finally:
            # Where the journal could not take it, too.
            end_session(self._leases.me)
            await self._writer.close()

    # --- attempts ---------------------------------------------------------------------------------------------

    async def intend(self, attempt: Attempt, budget: Budget, lease: Lease) -> Attempt:
        """See `runner.store.interface.Journal.intend`."""
        now = self._clock()
        stamped = dataclasses.replace(attempt, created=now, updated=now)

        def work(connection: sqlite3.Connection) -> Attempt:
            if self._writer.is_disk_full:
                raise JournalError(
                    "the disk is full", where=attempt.name, why="nothing new is paid for", hint=MAKE_ROOM
                )
            self._leases.check(connection, lease, attempt.name)
            decisive = rows.decisive_of(connection, attempt.key)
            if decisive is not None and decisive.phase in (*OPEN, Phase.FETCHED):
                raise AlreadyDecided(decisive)
            if budget.limited:
                budget.check(attempt, rows.spend(connection, attempt.scope))
            return rows.insert(connection, stamped)

        try:
            return await self._writer.do(work)
        except asyncio.CancelledError:
            # Whoever is cancelled here submits nothing; what is committed by now is no unknown outcome.
            change = Change(cost=0, note="interrupted before it was submitted")
            self._writer.post(lambda connection: rows.withdraw(connection, stamped.token, change, now))
            raise

    async def move(self, token: str, phase: Phase, change: Change = _NO_CHANGE) -> Attempt:
        """See `runner.store.interface.Journal.move`."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Attempt:
            moved = rows.update(connection, token, phase, change, now)
            if moved is None:
                raise JournalError("the journal does not know this attempt", where=token)
            return moved

        return await self._writer.do(work)

    async def spill(self, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
        """See `runner.store.interface.Journal.spill`."""
        # Not in a thread: it must not fail for want of one.
        return spill.write(self.path.parent, token, task, task_data)

    async def decisive(self, key: str) -> Attempt | None:
        return await self._writer.do(lambda connection: rows.decisive_of(connection, key))

    async def attempts(self, wanted: Filter) -> list[Attempt]:
        return await self._writer.do(lambda connection: rows.matching(connection, wanted))

    async def spend(self, scope: str, owner: str | None = None) -> Spend:
        return await self._writer.do(lambda connection: rows.spend(connection, scope, owner))

    async def add(self, attempts: Sequence[Attempt]) -> None:
        """Add finished attempts that another record proves, in order: for recovery."""

        def work(connection: sqlite3.Connection) -> None:
            for attempt in attempts:
                rows.insert(connection, attempt)

        await self._writer.do(work)

    async def accept_losses(self, keys: Collection[str]) -> None:
        """Record that the user agreed to pay for these shots again."""
        await self._writer.do(lambda connection: rows.accept_losses(connection, keys))

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """See `runner.store.interface.Journal.decide`."""
        await self._writer.do(lambda connection: rows.decide(connection, decisions))

    async def decisions(self, keys: Collection[str]) -> list[Decision]:
        return await self._writer.do(lambda connection: rows.decisions(connection, keys))

    # --- leases -------------------------------------------------------------------------------------------------

    async def acquire(self, key: str) -> Lease | None:
        now, taken = self._clock(), list[Lease]()

        def work(connection: sqlite3.Connection) -> Lease | None:
            held = self._leases.holds(connection, key)
            lease = self._leases.acquire(connection, key, now)
            if lease is not None and not held:
                taken.append(lease)
            return lease

        try:
            return await self._writer.do(work)
        except asyncio.CancelledError:
            # Nobody would give it back while this session lives.
            self._writer.post(lambda connection: self._leases.release_each(connection, taken))
            raise

    async def renew(self) -> None:
        now = self._clock()
        await self._writer.do(lambda connection: self._leases.renew(connection, now))

    async def release(self, lease: Lease) -> None:
        await self._writer.do(lambda connection: self._leases.release(connection, lease))

    async def leased(self) -> frozenset[str]:
        now = self._clock()
        return await self._writer.do(lambda connection: self._leases.living(connection, now))

    # --- measurements -------------------------------------------------------------------------------------------

    async def add_measurements(self, measured: Sequence[Measurement]) -> None:
        await self._writer.do(lambda connection: rows.add_measurements(connection, measured))

    async def measurements(self, subjects: Collection[str]) -> list[Measurement]:
        return await self._writer.do(lambda connection: rows.measurements(connection, subjects))

    # --- task ids outside of the journal -------------------------------------------------------------------------

    async def _adopt_spilled(self) -> None:
        """Record task ids that an earlier session could not. A file is removed only when the journal has its id."""
        for found in await asyncio.to_thread(spill.read, self.path.parent):
            known = await self.attempts(Filter(token_prefix=found.token))
            if known and await self._adopted(known[0], found):
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(found.path.unlink, missing_ok=True)
            elif known or found.in_store:
                name = known[0].name if known else f"attempt {found.token}"
                state = f"is {known[0].phase}" if known else "is not in the journal"
                self._notify(f"{name} {state}, and {found.path} holds its task {found.task}: it was paid for")

    async def _adopted(self, attempt: Attempt, found: Spilled) -> bool:
        """Whether the journal has the task id now."""
        if attempt.task == found.task:
            return True
        if attempt.phase not in (Phase.INTENDED, Phase.UNKNOWN):
            return False
        change = Change(task=found.task, task_data=found.task_data, note="")
        try:
            await self.move(found.token, Phase.SUBMITTED, change)
        except TaskIdInUse as error:
            await self.move(found.token, Phase.UNKNOWN, Change(note=error.line))
            return False
        self._notify(f"{attempt.name}: adopted task {found.task}, which an earlier run could not record")
        return True
