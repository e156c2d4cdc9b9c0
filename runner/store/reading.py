"""Looking into a journal without opening it for writing: for the plan, for lists, for questions."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from runner.errors import JournalError
from runner.store.journal import attempts
from runner.store.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.store.attempt import Attempt

T = TypeVar("T")

JOURNAL = "journal.db"


def attempts_in(root: Path, where: str = "1", *values: object) -> list[Attempt]:
    """The attempts of an outputs root that meet an SQL condition of ours, oldest first; none without a journal."""
    nothing: list[Attempt] = []
    return look(root, attempts(where, *values), nothing)


def look(root: Path, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
    """Do `work` on the journal of an outputs root; `otherwise` where there is none. Raises `JournalError`."""
    path = root / ".runner" / JOURNAL
    if not path.exists():
        return otherwise
    try:
        connection = sqlite3.connect(_address(path), uri=True, timeout=30.0)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise JournalError(
                    "the journal has another version than this program",
                    where=str(path),
                    why=f"its version is {version}, this program knows {VERSION}",
                )
            return work(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise JournalError("the journal cannot be read", where=str(path), why=str(error)) from error


def _address(journal: Path) -> str:
    """Where SQLite finds a journal that is not to be changed.

    Even to read it, SQLite makes files beside it. Where it cannot, and nothing lies there, nobody else can be writing.
    """
    beside = journal.with_name(f"{journal.name}-wal")
    still = "&immutable=1" if not os.access(journal.parent, os.W_OK) and not beside.exists() else ""
    return f"file:{quote(journal.absolute().as_posix())}?mode=ro{still}"
