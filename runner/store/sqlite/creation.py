"""A journal's file: made whole in one step, opened, and read without being changed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from runner.errors import JournalError
from runner.store.local.durable import sync_folder
from runner.store.sqlite.schema import VERSION, check, migrate, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_S: Final = 5.0
"""How long SQLite itself waits for a lock."""
_LOCK_S: Final = 30.0
"""How long the creation of a journal by another process may take."""


def open_for_writing(path: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open a journal; create or migrate it first where that is needed. Raises `sqlite3.Error`, `OSError`, or
    `JournalError` for the journal of a newer program. SQLite waits for a lock for `busy_s` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_blank(path):
        _create(path)
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Few pages, so that hardly anything is in the log alone: a copy of the file without it is nearly whole.
        connection.execute("PRAGMA wal_autocheckpoint = 32")
        if checked_version(path, connection) < VERSION:
            migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """A connection that changes nothing; `None` where there is no journal. An older one is migrated in memory."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    connection = sqlite3.connect(_address(path), uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        version = checked_version(path, connection)
        if version == 0:
            connection.close()
            return None
        if version < VERSION:
            memory = sqlite3.connect(":memory:", isolation_level=None)
            connection.backup(memory)
            connection.close()
            migrate(memory)
            return memory
    except BaseException:
        connection.close()
        raise
    return connection


def checked_version(path: Path, connection: sqlite3.Connection) -> int:
    """The version of a journal whose tables are those of that version. Raises `sqlite3.Error`, or `JournalError`."""
    # In one transaction: another process may be migrating the journal.
    connection.execute("BEGIN")
    try:
        version = version_of(connection)
        if version > VERSION:
            raise JournalError(
                "the journal was written by a newer version of this program",
                where=str(path),
                why=f"its version is {version}, this program reads up to {VERSION}",
                hint="install the newer version",
            )
        check(connection, version)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return version


def _is_blank(path: Path) -> bool:
    """Whether there is no journal: no file, an empty one, or one that a killed process left without tables."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    connection = sqlite3.connect(_address(path), uri=True, timeout=BUSY_S)
    try:
        if version_of(connection):
            return False
        return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    finally:
        connection.close()


def _create(path: Path) -> None:
    """Make a whole journal aside, and put it in place in one step. Whoever is killed meanwhile leaves none."""
    with _creation_lock(path):
        if not _is_blank(path):
            return  # another process was faster
        for old in path.parent.glob(f"{path.name}.new-*"):
            old.unlink(missing_ok=True)
        made = path.with_name(f"{path.name}.new-{uuid.uuid4().hex}")
        connection = sqlite3.connect(made, isolation_level=None)
        try:
            # In the mode that it stays in, so that nobody has to change it while others open it, too.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
        for suffix in ("-wal", "-shm", "-journal"):
            # Of the blank file: they belong to no journal any more.
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        os.replace(made, path)
        sync_folder(path.parent)


@contextlib.contextmanager
def _creation_lock(path: Path) -> Iterator[None]:
    """One process at a time creates a journal; the lock goes with the process that holds it."""
    with path.with_name("create.lock").open("ab") as file:
        try:
            import fcntl
        except ImportError:  # Windows: renaming over an open file fails there, which does as well
            yield
            return
        until = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        yield


def _address(journal: Path) -> str:
    """Where SQLite finds a journal that is not to be changed.

    Even to read it, SQLite makes files beside it. Where it cannot, and nothing lies there, nobody else can be writing.
    """
    beside = journal.with_name(f"{journal.name}-wal")
    still = "&immutable=1" if not os.access(journal.parent, os.W_OK) and not beside.exists() else ""
    return f"file:{quote(journal.absolute().as_posix())}?mode=ro{still}"
