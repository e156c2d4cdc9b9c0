"""The journal: every attempt and every cent, on disk before anything that money hangs on is done.

One SQLite file per outputs root, shared by all processes that use the root. One thread of this process writes; what
is asked of it at the same time shares a transaction, so that many shots wait for one disk flush together.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from runner.errors import BudgetStop, JournalError
from runner.store.attempt import OPEN, Attempt, Phase
from runner.store.budget import Spend
from runner.store.disk import MAKE_ROOM, Reserve, failure, is_full
from runner.store.schema import VERSION, migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from runner.store.budget import Budget

T = TypeVar("T")

_BUSY_S: Final = 30.0
_REFUSALS: Final = (JournalError, BudgetStop, sqlite3.IntegrityError)
_COLUMNS: Final = tuple(field.name for field in dataclasses.fields(Attempt))
_JSON: Final = frozenset({"results", "facts", "identity"})


@dataclass(frozen=True, slots=True)
class _Request:
    """Work, and who waits for it: a thread, or a task of `loop`."""

    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None


class _Answer(NamedTuple):
    request: _Request
    value: Any
    error: BaseException | None


class Journal:
    """The open journal. Use as a context manager, sync or from many tasks of one event loop."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._opened: Future[None] = Future()
        self._reserve = Reserve(path.with_name("reserve"))
        self._full = False

    def __enter__(self) -> Journal:
        self._thread.start()
        self._opened.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()

    # --- asking -----------------------------------------------------------------------------------------------

    def now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in the journal's thread and wait for it to be on disk.

        `work` may be done twice, the first time without effect, when something beside it was refused.
        """
        future: Future[T] = Future()
        self._queue.put(_Request(work, future))
        return future.result()

    async def soon(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same for a task of an event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Request(work, future, loop))
        return await future

    # --- the writer thread ------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            connection = _opened(self.path, self._reserve)
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            while (batch := self._batch()) is not None:
                # What nobody waits for any more is not begun; what is begun cannot be called off.
                wanted = [request for request in batch if not request.future.cancelled()]
                if wanted:
                    _tell(self._transacted(connection, wanted))
        finally:
            connection.close()

    def _transacted(self, connection: sqlite3.Connection, batch: list[_Request]) -> list[_Answer]:
        try:
            try:
                return _done(connection, batch)
            except (sqlite3.Error, OSError) as error:
                if not is_full(error, self.path) or not self._reserve.give_up():
                    raise
                # A task id that is not noted now is a clip that is paid for and lost.
                self._full = True
                return _done(connection, batch)
        except BaseException as error:
            told = failure(self.path, error) if isinstance(error, (sqlite3.Error, OSError)) else error
            return [_Answer(request, None, told) for request in batch]

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

    # --- what can be asked ------------------------------------------------------------------------------------

    def intend(self, attempt: Attempt, budget: Budget) -> Callable[[sqlite3.Connection], None]:
        """Note that an attempt is about to be made, if the budget and the disk have room. Raises `BudgetStop`."""
        stamped = dataclasses.replace(attempt, created=self._clock(), updated=self._clock())

        def work(connection: sqlite3.Connection) -> None:
            if self._full:
                raise JournalError(
                    "the disk is full", where=attempt.name, why="nothing new is paid for", hint=MAKE_ROOM
                )
            if budget.limited:
                budget.check(attempt, spend(attempt.scope)(connection))
            marks = ", ".join("?" * len(_COLUMNS))
            connection.execute(
                f"INSERT INTO attempts ({', '.join(_COLUMNS)}) VALUES ({marks})", _row(stamped)
            )

        return work

    def move(self, token: str, phase: Phase, **changes: Any) -> Callable[[sqlite3.Connection], None]:
        """Note how far an attempt got, with what is now known of it."""
        changes = {"phase": phase, "updated": self._clock()} | changes
        names = ", ".join(f"{name} = ?" for name in changes)
        values = [_stored(name, value) for name, value in changes.items()]

        def work(connection: sqlite3.Connection) -> None:
            done = connection.execute(f"UPDATE attempts SET {names} WHERE token = ?", [*values, token])
            if done.rowcount != 1:
                raise JournalError("the journal does not know this attempt", where=token)

        return work


def known(key: str) -> Callable[[sqlite3.Connection], Attempt | None]:
    """The attempt that decides what to do for a shot: a fetched one, else an open one, else the newest."""

    def work(connection: sqlite3.Connection) -> Attempt | None:
        rows = _select(connection, "key = ?", key)
        for wanted in (frozenset({Phase.FETCHED}), OPEN):
            found = [attempt for attempt in rows if attempt.phase in wanted]
            if found:
                return found[-1]
        return rows[-1] if rows else None

    return work


def attempts(where: str = "1", *values: object) -> Callable[[sqlite3.Connection], list[Attempt]]:
    """The attempts that meet an SQL condition of ours, oldest first."""
    return lambda connection: _select(connection, where, *values)


def spend(scope: str, since: float = 0.0) -> Callable[[sqlite3.Connection], Spend]:
    """What a scope has at risk, by attempts that were begun at or after the time `since`."""

    def work(connection: sqlite3.Connection) -> Spend:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(coalesce(cost, reserved)), 0),"
            " coalesce(sum(CASE WHEN cost IS NULL THEN reserved END), 0),"
            " coalesce(sum(cost IS NULL AND reserved IS NULL), 0)"
            " FROM attempts WHERE scope = ? AND created >= ? AND phase <> 'refused'",
            (scope, since),
        ).fetchone()
        return Spend(*map(int, row))

    return work


def _select(connection: sqlite3.Connection, where: str, *values: object) -> list[Attempt]:
    query = f"SELECT {', '.join(_COLUMNS)} FROM attempts WHERE {where} ORDER BY created, rowid"
    return [_attempt(row) for row in connection.execute(query, values)]


def _attempt(row: tuple[Any, ...]) -> Attempt:
    values = {
        name: json.loads(value) if name in _JSON else value for name, value in zip(_COLUMNS, row, strict=True)
    }
    values["phase"] = Phase(values["phase"])
    values["results"] = tuple(tuple(result) for result in values["results"])
    return Attempt(**values)


def _row(attempt: Attempt) -> list[Any]:
    return [_stored(name, getattr(attempt, name)) for name in _COLUMNS]


def _stored(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON else value


def _opened(path: Path, reserve: Reserve) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            connection.close()
            raise JournalError(
                "the journal was written by a newer version of this program",
                where=str(path),
                why=f"its version is {version}, this program knows {VERSION}",
                hint="install the newer version; or start another journal with output.root=DIR",
            )
        if version < VERSION:
            migrate(connection)
        reserve.keep()
    except (sqlite3.Error, OSError) as error:
        raise failure(path, error) from error
    return connection


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
        answer = _Answer(request, None, error)
    connection.execute("RELEASE part")
    return answer


def _tell(answers: list[_Answer]) -> None:
    """Hand out the answers, to each event loop all of its own at once: waking it up costs more than an answer."""
    of_loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        if answer.request.loop is None:
            _settle([answer])
        else:
            of_loops.setdefault(answer.request.loop, []).append(answer)
    for loop, its in of_loops.items():
        # A loop that is closed has no task left that waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, its)


def _settle(answers: list[_Answer]) -> None:
    for request, value, error in answers:
        if request.future.done():
            continue  # whoever asked gave up meanwhile
        if error is None:
            request.future.set_result(value)
        else:
            request.future.set_exception(error)
