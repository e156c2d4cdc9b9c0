"""Reading a journal without changing it: for the plan, for lists, for questions."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from runner.store.local.disk import failure
from runner.store.sqlite import rows
from runner.store.sqlite.creation import open_for_reading
from runner.store.sqlite.leases import Leases
from runner.store.sqlite.process import this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from runner.store.attempt import Attempt
    from runner.store.budget import Spend
    from runner.store.interface import Decision, Filter, Measurement


class SqliteReader:
    """A `runner.store.interface.JournalReader`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._path = path
        self._connection = connection
        self._clock = clock
        self._leases = Leases(this_process(), time.monotonic)

    @classmethod
    def opened(cls, path: Path, clock: Callable[[], float] = time.time) -> SqliteReader | None:
        """`None` where there is no journal. Raises `JournalError`."""
        with _failures(path):
            connection = open_for_reading(path)
        return None if connection is None else cls(path, connection, clock)

    def __enter__(self) -> SqliteReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def attempts(self, wanted: Filter) -> list[Attempt]:
        with _failures(self._path):
            return rows.matching(self._connection, wanted)

    def by_keys(self, keys: Collection[str]) -> dict[str, list[Attempt]]:
        with _failures(self._path):
            return rows.by_keys(self._connection, keys)

    def spend(self, scope: str, owner: str | None = None) -> Spend:
        with _failures(self._path):
            return rows.spend(self._connection, scope, owner)

    def leased(self) -> frozenset[str]:
        with _failures(self._path):
            return self._leases.living(self._connection, self._clock())

    def measurements(self, subjects: Collection[str]) -> list[Measurement]:
        with _failures(self._path):
            return rows.measurements(self._connection, subjects)

    def decisions(self, keys: Collection[str]) -> list[Decision]:
        with _failures(self._path):
            return rows.decisions(self._connection, keys)

    def is_empty(self) -> bool:
        with _failures(self._path):
            return rows.is_empty(self._connection)

    def accepted_losses(self) -> frozenset[str]:
        with _failures(self._path):
            return rows.accepted_losses(self._connection)


@contextlib.contextmanager
def _failures(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise failure(path, error) from error
