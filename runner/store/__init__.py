"""What outlives a run: the journal of attempts and spend, and the content-addressed files beside it.

Callers use the protocols in `runner.store.interface`; these functions choose the backend.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from runner.store.attempt import AlreadyDecided
from runner.store.local import inside
from runner.store.local.derived import LocalDerived
from runner.store.local.disk import MAKE_ROOM, unwritable
from runner.store.local.durable import make_own, move_whole, write_whole
from runner.store.local.inside import check_folder, check_path, check_store, is_plain_below, walk
from runner.store.local.inside import open_file as open_plain
from runner.store.local.objects import LocalObjects, digest_of
from runner.store.local.served import LocalServed
from runner.store.local.work import at_work, work_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.store.local.turns import LocalTurns
    from runner.store.sqlite.journal import SqliteJournal
    from runner.store.sqlite.reader import SqliteReader

__all__ = [
    "MAKE_ROOM",
    "AlreadyDecided",
    "LocalDerived",
    "at_work",
    "check_folder",
    "check_path",
    "check_store",
    "derived",
    "digest_of",
    "is_plain_below",
    "journal_path",
    "make_own",
    "move_whole",
    "object_store",
    "open_journal",
    "open_plain",
    "read_journal",
    "served",
    "turns",
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


def served(root: Path) -> LocalServed:
    """What a server keeps in an outputs root: the jobs that it accepted, and the stars of clips."""
    return LocalServed(root)


def derived(root: Path) -> LocalDerived:
    """The files of an outputs root that are made from stored ones to be looked at."""
    return LocalDerived(root / ".runner" / "derived")


def turns(root: Path, work: Path) -> LocalTurns | None:
    """What counts the requests of all sessions over an outputs root on this machine; `work` is the private folder of
    this one. `None` where the system has no file locks."""
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return None
    from runner.store.local.turns import LocalTurns

    return LocalTurns(root, work.name)
