"""The one thread of a session that writes its journal.

What is asked of it at the same time shares a transaction, so that many shots wait for one disk flush together.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import queue
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from runner.errors import JournalError
from runner.store.local.disk import Reserve, failure, is_full
from runner.store.sqlite.creation import BUSY_S, open_for_writing
from runner.store.sqlite.process import lock_holders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_LOCKED_S: Final = 60.0
"""How long a lock that another process holds is waited for."""
_PAUSE_S: Final = 0.05
"""Between two tries for a lock that SQLite itself does not wait for."""
_CHECKPOINT_S: Final = 1.0
"""How long rows may be in the write-ahead log alone, while no other process reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a lock that another process holds is waited for."""

    try_s: float = BUSY_S
    """By SQLite itself, between two messages."""
    whole_s: float = _LOCKED_S
    """In all."""


@dataclass(frozen=True, slots=True)
class _Request:
    """Work, and the task that waits for it."""

    work: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]


class _Answer(NamedTuple):
    request: _Request
    value: Any
    error: Exception | None


class Writer:
    """`notify` is called in the writer's thread with what a user should know. For the tasks of one event loop."""

    def __init__(self, path: Path, notify: Callable[[str], None], patience: Patience) -> None:
        self._path = path
        self._notify = notify
        self._patience = patience
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._reserve = Reserve(path.with_name("reserve"))
        self._closed = False
        self.is_disk_full = False
        """Whether the reserve is used up: what is paid for is still recorded, nothing new may begin."""

    async def open(self) -> None:
        """Open the journal. Raises `JournalError`."""
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="journal", daemon=True)
        self._thread.start()
        try:
            await asyncio.shield(opened)
        except BaseException:
            opened.cancel()
            self._queue.put(None)
            raise

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in a transaction; returns when it is on disk. Raises `JournalError`, and what `work` raises.

        `work` may be done more than once, with effect the last time only.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            raise JournalError("the journal is closed", where=str(self._path))
        self._queue.put(_Request(work, future))
        return await future

    def post(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Have `work` done after what was asked for so far, without waiting. Its errors are dropped."""
        future: asyncio.Future[object] = self._loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        if not self._closed:
            self._queue.put(_Request(work, future))

    async def close(self) -> None:
        """Do what was asked for, and close the journal."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- the thread -------------------------------------------------------------------------------------------

    def _run(self, opened: asyncio.Future[None]) -> None:
        try:
            connection = self._waited(lambda: open_for_writing(self._path, self._patience.try_s))
        except Exception as error:
            self._tell(functools.partial(_settle_one, opened, None, self._explained(error)))
            return
        try:
            try:
                self._reserve.keep()
            except OSError as error:
                self._tell(functools.partial(_settle_one, opened, None, failure(self._path, error)))
                return
            self._tell(functools.partial(_settle_one, opened, None, None))
            self._serve(connection)
        finally:
            # So that a copy of the one file has all rows.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()

    def _serve(self, connection: sqlite3.Connection) -> None:
        kept, kept_at = connection.total_changes, time.monotonic()
        while True:
            batch, is_last = self._batch(None if connection.total_changes == kept else _CHECKPOINT_S)
            # What nobody waits for any more is not begun; what is begun cannot be called off.
            if wanted := [request for request in batch if not request.future.cancelled()]:
                # All answers at once: waking the event loop up costs more than an answer.
                self._tell(functools.partial(_settle, self._transacted(connection, wanted)))
            if is_last:
                return
            if connection.total_changes != kept and time.monotonic() - kept_at >= _CHECKPOINT_S:
                # Passive: it waits for nobody, and does what it can.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                kept, kept_at = connection.total_changes, time.monotonic()

    def _batch(self, timeout_s: float | None) -> tuple[list[_Request], bool]:
        """Everything that is asked for right now, nothing after the timeout; and whether it is the last."""
        batch: list[_Request] = []
        try:
            found = self._queue.get(timeout=timeout_s)
            while found is not None:
                batch.append(found)
                found = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _transacted(self, connection: sqlite3.Connection, batch: list[_Request]) -> list[_Answer]:
        try:
            try:
                return self._waited(lambda: _done(connection, batch))
            except (sqlite3.Error, OSError) as error:
                if not is_full(error, self._path) or not self._reserve.give_up():
                    raise
                # A task id that is not recorded now is a clip that is paid for and lost.
                self.is_disk_full = True
                return self._waited(lambda: _done(connection, batch))
        except Exception as error:
            explained = self._explained(error)
            # A copy for each: the caller adds to it what concerns its own shot.
            return [_Answer(request, None, copy.copy(explained)) for request in batch]

    def _waited(self, work: Callable[[], T]) -> T:
        """Do `work`, and wait, saying so, while another process holds the journal's lock."""
        began = time.monotonic()
        due_s = self._patience.try_s
        while True:
            try:
                return work()
            except sqlite3.OperationalError as error:
                name = getattr(error, "sqlite_errorname", "")
                if not name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise
                waited_s = time.monotonic() - began
                if waited_s >= self._patience.whole_s:
                    raise self._is_locked(waited_s) from error
                if waited_s >= due_s:
                    self._notify(f"the journal is locked by {self._holder()}; waiting ({waited_s:.0f} s)")
                    due_s += self._patience.try_s
                time.sleep(_PAUSE_S)

    def _holder(self) -> str:
        shared_memory = self._path.with_name(f"{self._path.name}-shm")
        pids = lock_holders((self._path, shared_memory))
        return f"process {', '.join(map(str, pids))}" if pids else "another process"

    def _is_locked(self, waited_s: float) -> JournalError:
        return JournalError(
            "the journal is locked",
            where=str(self._path),
            why=f"{self._holder()} did not give its lock back within {waited_s:.0f} s",
            hint="wait for that process, or stop it; then rerun the same command",
        )

    def _explained(self, error: Exception) -> Exception:
        return failure(self._path, error) if isinstance(error, (sqlite3.Error, OSError)) else error

    def _tell(self, call: Callable[[], object]) -> None:
        # A loop that is closed has no task left that waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)


def _done(connection: sqlite3.Connection, batch: list[_Request]) -> list[_Answer]:
    """Do a batch in one transaction, each part undone by itself when it fails. Returns when all is on disk."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            answers = [_Answer(request, request.work(connection), None) for request in batch]
        except Exception as error:
            if _is_of_the_file(error):
                raise
            # Few are refused: only then is it worth being able to undo a part.
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
    except Exception as error:
        if _is_of_the_file(error):
            raise
        connection.execute("ROLLBACK TO part")
        answer = _Answer(request, None, _refusal(error))
    connection.execute("RELEASE part")
    return answer


def _is_of_the_file(error: Exception) -> bool:
    """Whether an error concerns the whole journal, and not the part that met it."""
    return isinstance(error, (sqlite3.Error, OSError)) and not isinstance(error, sqlite3.IntegrityError)


def _refusal(error: Exception) -> Exception:
    """What the caller sees of an error of its part alone."""
    if isinstance(error, sqlite3.IntegrityError):
        hint = "python -m runner journal  shows its state"
        return JournalError("the journal refuses this change", why=str(error), hint=hint)
    if isinstance(error, ValueError):
        return JournalError("an entry of the journal cannot be read", why=str(error))
    return error


def _settle(answers: list[_Answer]) -> None:
    for request, value, error in answers:
        _settle_one(request.future, value, error)


def _settle_one(future: asyncio.Future[Any], value: object, error: Exception | None) -> None:
    if future.done():
        return  # the caller was cancelled meanwhile
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
