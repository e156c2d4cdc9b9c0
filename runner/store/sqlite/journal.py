"""The journal: every attempt and every cent, on disk before anything that money depends on is done.

One SQLite file per outputs root, shared by all processes that use the root. One thread of this process writes; what is
asked of it at the same time shares a transaction, so that many shots wait for one disk flush together.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import queue
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from runner.errors import BudgetStop, JournalError, LeaseLost, TaskIdInUse
from runner.store.attempt import OPEN, AlreadyDecided, Attempt, Phase
from runner.store.interface import Change, Filter
from runner.store.local import spill
from runner.store.local.disk import MAKE_ROOM, Reserve, failure, is_full
from runner.store.sqlite import rows
from runner.store.sqlite.creation import BUSY_S, open_for_writing
from runner.store.sqlite.leases import Leases
from runner.store.sqlite.process import Process, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from runner.api import JSON
    from runner.store.budget import Budget, Spend
    from runner.store.interface import Lease, Measurement

T = TypeVar("T")

_LOCKED_S: Final = 60.0
"""How long a lock that another process holds is waited for."""
_REFUSALS: Final = (
    JournalError,
    BudgetStop,
    LeaseLost,
    TaskIdInUse,
    AlreadyDecided,
    sqlite3.IntegrityError,
)
_NO_CHANGE: Final = Change()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """Work, and the task that waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


class _Answer(NamedTuple):
    request: _Request
    value: Any
    error: BaseException | None


class SqliteJournal:
    """A `runner.store.interface.Journal`. `notify` is told, in the writer's thread, what a user should know."""

    def __init__(
        self,
        path: Path,
        *,
        process: Process | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        notify: Callable[[str], None] = _log.warning,
        locked_s: float = _LOCKED_S,
    ) -> None:
        self.path = path
        self._clock = clock
        self._notify = notify
        self._locked_s = locked_s
        self._leases = Leases(process or this_process(), monotonic)
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._reserve = Reserve(path.with_name("reserve"))
        self._full = False

    @property
    def owner(self) -> str:
        """The id of this session."""
        return self._leases.me.owner

    async def __aenter__(self) -> SqliteJournal:
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        await asyncio.shield(self._opened)
        await self._adopt_spilled()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- attempts ---------------------------------------------------------------------------------------------

    async def intend(self, attempt: Attempt, budget: Budget, lease: Lease) -> Attempt:
        """See `runner.store.interface.Journal.intend`."""
        now = self._clock()
        stamped = dataclasses.replace(attempt, created=now, updated=now)

        def work(connection: sqlite3.Connection) -> Attempt:
            if self._full:
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

        return await self._do(work)

    async def move(self, token: str, phase: Phase, change: Change = _NO_CHANGE) -> Attempt:
        """See `runner.store.interface.Journal.move`."""
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Attempt:
            moved = rows.update(connection, token, phase, change, now)
            if moved is None:
                raise JournalError("the journal does not know this attempt", where=token)
            return moved

        return await self._do(work)

    async def spill(self, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
        """See `runner.store.interface.Journal.spill`."""
        return await asyncio.to_thread(spill.write, self.path.parent, token, task, task_data)

    async def decisive(self, key: str) -> Attempt | None:
        return await self._do(lambda connection: rows.decisive_of(connection, key))

    async def attempts(self, wanted: Filter) -> list[Attempt]:
        return await self._do(lambda connection: rows.matching(connection, wanted))

    async def spend(self, scope: str, owner: str | None = None) -> Spend:
        return await self._do(lambda connection: rows.spend(connection, scope, owner))

    async def add(self, attempts: Sequence[Attempt]) -> None:
        """Add finished attempts that another record proves, in order: for recovery."""

        def work(connection: sqlite3.Connection) -> None:
            for attempt in attempts:
                rows.insert(connection, attempt)

        await self._do(work)

    async def accept_losses(self, keys: Collection[str]) -> None:
        """Record that the user agreed to pay for these shots again."""
        await self._do(lambda connection: rows.accept_losses(connection, keys))

    # --- leases -------------------------------------------------------------------------------------------------

    async def acquire(self, key: str) -> Lease | None:
        now = self._clock()
        return await self._do(lambda connection: self._leases.acquire(connection, key, now))

    async def renew(self) -> None:
        now = self._clock()
        await self._do(lambda connection: self._leases.renew(connection, now))

    async def release(self, lease: Lease) -> None:
        await self._do(lambda connection: self._leases.release(connection, lease))

    async def leased(self) -> frozenset[str]:
        now = self._clock()
        return await self._do(lambda connection: self._leases.living(connection, now))

    # --- measurements -------------------------------------------------------------------------------------------

    async def add_measurements(self, measured: Sequence[Measurement]) -> None:
        await self._do(lambda connection: rows.add_measurements(connection, measured))

    async def measurements(self, subjects: Collection[str]) -> list[Measurement]:
        return await self._do(lambda connection: rows.measurements(connection, subjects))

    # --- the writer thread ------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in the journal's thread; returns when it is on disk.

        `work` may be done twice, the first time without effect, when something beside it was refused.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Request(work, future))
        return await future

    async def _adopt_spilled(self) -> None:
        for found in await asyncio.to_thread(spill.read, self.path.parent):
            known = await self.attempts(Filter(token_prefix=found.token))
            if known and known[0].phase in (Phase.INTENDED, Phase.UNKNOWN):
                change = Change(task=found.task, task_data=found.task_data, note="")
                await self.move(found.token, Phase.SUBMITTED, change)
                self._notify(
                    f"{known[0].name}: adopted task {found.task}, which an earlier run could not record"
                )
            await asyncio.to_thread(found.path.unlink, missing_ok=True)

    def _write(self) -> None:
        try:
            connection = self._waited(lambda: open_for_writing(self.path), None)
            self._reserve.keep()
        except BaseException as error:
            told = failure(self.path, error) if isinstance(error, (sqlite3.Error, OSError)) else error
            self._tell(lambda: self._opened.set_exception(told))
            return
        self._tell(lambda: self._opened.set_result(None))
        try:
            while (batch := self._batch()) is not None:
                # What nobody waits for any more is not begun; what is begun cannot be called off.
                wanted = [request for request in batch if not request.future.cancelled()]
                if wanted:
                    answers = self._transacted(connection, wanted)
                    # All of them at once: waking the event loop up costs more than an answer.
                    self._tell(functools.partial(_settle, answers))
        finally:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()

    def _tell(self, call: Callable[[], object]) -> None:
        # A loop that is closed has no task left that waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def _transacted(self, connection: sqlite3.Connection, batch: list[_Request]) -> list[_Answer]:
        try:
            try:
                return self._waited(lambda: _done(connection, batch), connection)
            except (sqlite3.Error, OSError) as error:
                if not is_full(error, self.path) or not self._reserve.give_up():
                    raise
                # A task id that is not recorded now is a clip that is paid for and lost.
                self._full = True
                return _done(connection, batch)
        except BaseException as error:
            told = failure(self.path, error) if isinstance(error, (sqlite3.Error, OSError)) else error
            return [_Answer(request, None, told) for request in batch]

    def _waited(self, work: Callable[[], T], connection: sqlite3.Connection | None) -> T:
        """Do `work`, and wait, saying so, while another process holds the journal's lock."""
        for waited_s in range(int(BUSY_S), int(max(self._locked_s, BUSY_S)) + 1, int(BUSY_S)):
            try:
                return work()
            except sqlite3.OperationalError as error:
                locked = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
                if not locked or waited_s + BUSY_S > self._locked_s:
                    raise
                self._notify(f"the journal is locked by {self._holder(connection)}; waiting ({waited_s} s)")
        return work()

    def _holder(self, connection: sqlite3.Connection | None) -> str:
        pids: list[int] = []
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                pids = self._leases.others(connection)
        return f"process {', '.join(map(str, pids))}" if pids else "another process"

    def _batch(self) -> list[_Request] | None:
        """Everything that is asked for right now; `None` at the end."""
        first = self._queue.get()
        if first is None:
            return None
        batch = [first]
        while not self._queue.empty():
            more = self._queue.get()
            if more is None:
                self._queue.put(None)
                break
            batch.append(more)
        return batch


def _done(connection: sqlite3.Connection, batch: list[_Request]) -> list[_Answer]:
    """Do a batch in one transaction, each part undone by itself when it fails. Returns when all is on disk."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [_Answer(request, request.work(connection), None) for request in batch]
        except _REFUSALS:
            # Few are: only then is it worth being able to undo a part.
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            answers = [_undone_if_refused(connection, request) for request in batch]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return answers


def _undone_if_refused(connection: sqlite3.Connection, request: _Request) -> _Answer:
    connection.execute("SAVEPOINT part")
    try:
        answer = _Answer(request, request.work(connection), None)
    except _REFUSALS as error:
        connection.execute("ROLLBACK TO part")
        answer = _Answer(request, None, _explained(error))
    connection.execute("RELEASE part")
    return answer


def _explained(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.IntegrityError):
        return error
    return JournalError(
        "the journal refuses this change", why=str(error), hint="python -m runner journal  shows its state"
    )


def _settle(answers: list[_Answer]) -> None:
    for request, value, error in answers:
        if request.future.done():
            continue  # whoever asked gave up meanwhile
        if error is None:
            request.future.set_result(value)
        else:
            request.future.set_exception(error)
