"""The backend that ships, SQLite and files, with clocks and process identities that a test chooses."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING

from runner import store
from runner.store.sqlite.journal import SqliteJournal
from runner.store.sqlite.process import Process, this_process
from runner.store.sqlite.reader import SqliteReader
from runner.store.sqlite.writer import Patience
from tests.store.contract import Place

if TYPE_CHECKING:
    from pathlib import Path

    from runner.store.local.objects import LocalObjects

NO_SUCH_PID = 2**22 + 1
"""More than the largest process number that Linux gives."""


def process(place: Place = Place.HERE) -> Process:
    """A session's process. The one in another PID namespace has a number that is dead in this one."""
    here = dataclasses.replace(this_process(), owner=uuid.uuid4().hex)
    match place:
        case Place.HERE:
            return here
        case Place.HERE_DEAD:
            return dataclasses.replace(here, pid=NO_SUCH_PID, life="1")
        case Place.OTHER_HOST:
            return dataclasses.replace(here, host="elsewhere", boot="b", pid=NO_SUCH_PID)
        case Place.OTHER_NAMESPACE:
            return dataclasses.replace(here, space="1", pid=NO_SUCH_PID)


class LocalStore:
    """An outputs root. `told` is what the journal told the user."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = self.monotonic = 0.0
        self.told: list[str] = []

    @property
    def journal(self) -> Path:
        return store.journal_path(self.root)

    def session(self, place: Place = Place.HERE, patience: Patience | None = None) -> SqliteJournal:
        return SqliteJournal(
            self.journal,
            process=process(place),
            clock=lambda: self.now,
            monotonic=lambda: self.monotonic,
            notify=self.told.append,
            patience=patience or Patience(),
        )

    def reader(self) -> SqliteReader:
        found = SqliteReader.opened(self.journal, lambda: self.now)
        assert found is not None
        return found

    def objects(self) -> LocalObjects:
        return store.object_store(self.root)
