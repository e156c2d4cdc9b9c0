"""What outlives a run: the journal of attempts and spend, and the content-addressed files beside it.

Callers use the protocols in `runner.store.interface`; these functions choose the backend.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from runner.store.attempt import AlreadyDecided
from runner.store.local import inside
from runner.store.local.disk import MAKE_ROOM, unwritable
from runner.store.local.durable import make_own, move_whole, write_whole
from runner.store.local.inside import check_folder, walk
from runner.store.local.objects import LocalObjects, digest_of
from runner.store.local.work import at_work, work_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.store.sqlite.journal import SqliteJournal
    from runner.store.sqlite.reader import SqliteReader

__all__ = [
    "MAKE_ROOM",
    "AlreadyDecided",
    "at_work",
    "check_folder",
    "digest_of",
    "journal_path",
    "make_own",
    "move_whole",
    "object_store",
    "open_journal",
    "read_journal",
    "unwritable",
    "walk",
    "work_folder",
    "write_whole",
]

_log = logging.getLogger(__name__)


def journal_path(root: Path) -> Path:
    """Where the journal of an outputs root is, to show it."""
    return root / ".runner" / "journal.db"


def open_journal(root: Path, notify: Callable[[str], None] = _log.warning) -> SqliteJournal:
    """The journal of an outputs root, to be entered. `notify` gets what a user should know, in any thread."""
    from runner.store.sqlite.journal import SqliteJournal

    inside.check_store(root)
    return SqliteJournal(journal_path(root), notify=notify)


def read_journal(root: Path) -> SqliteReader | None:
    """The journal of an outputs root, for reading; `None` where there is none. Raises `JournalError`, or `OutputError`
    where something in its place is no plain file."""
    from runner.store.sqlite.reader import SqliteReader

    inside.check_store(root)
    return SqliteReader.opened(journal_path(root))


def object_store(root: Path) -> LocalObjects:
    """The object store of an outputs root."""
    return LocalObjects(root / ".runner" / "objects")
