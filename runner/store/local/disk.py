"""What a full or a read-only disk means to the journal, and the room that is kept for the worst moment."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from runner.errors import JournalError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

ROOM: Final = 1 << 20
_NO_ROOM: Final = 1 << 16
"""With fewer bytes free than these SQLite cannot write the files that it needs beside the journal."""

_SQLITE_FILES: Final = 3
"""SQLite opens the journal, its log, and the index of the log at the same time."""
_TOO_MANY: Final = "too many files are open"
_RAISE_LIMIT: Final = "raise the limit (ulimit -n), then rerun the same command"
MAKE_ROOM: Final = "make room, then rerun the same command: finished shots are kept"


class Reserve:
    """A file that only takes room. It is given up for noting what was paid for when there is no other room left."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self) -> None:
        """Take the room, if it is not taken. Raises `OSError` where there is none."""
        with contextlib.suppress(FileNotFoundError):
            there = self._path.stat()
            if (
                there.st_nlink > 1
            ):  # to give it up would free nothing, and to write to it would change another file
                self._path.unlink()
            elif there.st_size == ROOM:
                return
        try:
            with self._path.open("wb") as file:
                # Zeros take no room on a disk that compresses.
                file.write(os.urandom(ROOM))
        except OSError:
            self._path.unlink(missing_ok=True)
            raise

    def give_up(self) -> bool:
        """Free the room; whether there was any to free."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True


def is_full(error: BaseException, journal: Path) -> bool:
    """Whether an error of SQLite or of the system comes from a full disk."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not isinstance(error, sqlite3.OperationalError):
        return False
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _free(journal.parent) < _NO_ROOM)


def failure(journal: Path, error: Exception) -> JournalError:
    """The error to show when the journal cannot be used. It never advises another root, where all is paid for again."""
    if isinstance(error, JournalError):
        return error
    text = str(error)
    code = getattr(error, "errno", None)
    what, hint = "the journal cannot be used", "rerun the same command"
    if is_full(error, journal):
        what, text, hint = "the disk is full", f"the journal cannot be written: {text}", MAKE_ROOM
    elif "readonly" in text or code == errno.EROFS:
        what = "the journal cannot be written"
        hint = "make the folder writable, then rerun the same command"
    elif code in (errno.EACCES, errno.EPERM):
        what = "no permission to open the journal"
        hint = "check who owns it and its folder, then rerun the same command"
    elif code in (errno.EMFILE, errno.ENFILE):
        what, hint = _TOO_MANY, _RAISE_LIMIT
    elif "locked" in text:
        what, text = (
            "the journal is locked",
            "another process holds its lock, and did not give it back in time",
        )
        hint = "wait for that process, then rerun the same command"
    elif "malformed" in text or "not a database" in text or isinstance(error, ValueError):
        what = "the journal is damaged"
        hint = f"keep {journal} for the record of what was paid; move it away, then: python -m runner recover"
    elif "unable to open" in text:
        if (cause := _why_not_opened(journal)) is not None:
            return failure(journal, cause)
        hint = "see that the folder exists and can be read, then rerun the same command"
    return JournalError(what, where=str(journal), why=text, hint=hint)


def unwritable(what: str, folder: Path, error: OSError) -> OutputError:
    """The error to show when a folder of an outputs root cannot be written. It advises no other root, as `failure`."""
    hint = "correct that, then rerun the same command"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "make it writable, then rerun the same command"
    elif is_full(error, folder):
        what, hint = "the disk is full", MAKE_ROOM
    elif error.errno in (errno.EMFILE, errno.ENFILE):
        what, hint = _TOO_MANY, _RAISE_LIMIT
    return OutputError(what, where=str(folder), why=error.strerror or str(error), hint=hint)


def _why_not_opened(journal: Path) -> OSError | None:
    """SQLite says only that a file cannot be opened; the system says why."""
    try:
        with contextlib.ExitStack() as opened:
            for _ in range(_SQLITE_FILES):
                opened.enter_context(journal.open("rb+"))
    except OSError as error:
        return error
    return None


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return _NO_ROOM
