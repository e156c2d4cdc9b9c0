"""Private folders of sessions, below the outputs root, so that a finished file is moved into place by a rename."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from runner.store.local import inside
from runner.store.sqlite.process import boot_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK: Final = "lock"
_NEW: Final = "new-"
_STALE_S: Final = 24 * 3600.0
"""Where locks cannot be had, a folder is left alone for so long after it was last written to."""


@contextlib.contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """A folder that is this session's alone, and goes away at its end. Folders of killed sessions are removed.

    A session holds a lock on a file in its folder while it lives, whatever its process id or PID namespace; the
    folders of other hosts on a shared disk are judged by their age as well. Raises `OSError`, or `OutputError`
    where something below the root is a link.
    """
    inside.check_store(root)
    parent = root / ".runner" / "work"
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    # Under another name until it is locked: else a session that starts at this moment could take it for abandoned.
    made = Path(tempfile.mkdtemp(prefix=_NEW, dir=parent))
    folder = parent / f"{host()}-{made.name.removeprefix(_NEW)}"
    with (made / _LOCK).open("wb") as lock:
        locked(lock)
        try:
            made.rename(folder)
        except OSError:  # Windows does not rename a folder with an open file in it, nor does it delete one
            folder = made
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def at_work(root: Path) -> set[str]:
    """The names of what sessions that live now keep in their private folders below a root."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for folder in (root / ".runner" / "work").iterdir():
            # One that is still being made is left alone: to try its lock would take it from its session.
            if not folder.name.startswith(_NEW) and not _abandoned(folder / _LOCK):
                found.update(entry.name for entry in folder.iterdir())
    return found


def is_at_work(root: Path, name: str) -> bool:
    """Whether the session lives whose private folder has this name."""
    if not re.fullmatch(r"[\w-]+", name, re.ASCII):
        return False
    try:
        return not _abandoned(root / ".runner" / "work" / name / _LOCK)
    except OSError:
        return False


def _remove_abandoned(parent: Path) -> None:
    oldest = time.time() - _STALE_S
    for folder in parent.iterdir():
        with contextlib.suppress(OSError):
            ours = folder.name.startswith(f"{host()}-")
            if not ours and folder.stat().st_mtime > oldest:
                continue
            if _abandoned(folder / _LOCK):
                shutil.rmtree(folder, ignore_errors=True)


def _abandoned(file: Path) -> bool:
    """Whether nobody holds the lock of a folder."""
    try:
        with inside.open_file(file) as lock:
            return locked(lock)
    except FileNotFoundError:
        return True


def locked(lock: BinaryIO) -> bool:
    """Take the lock, until the file is closed; false where another process has it. True where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows refuses to delete an open file, which does as well
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def host() -> str:
    """A short name for this machine, since it was started."""
    return hashlib.sha256(f"{platform.node()} {boot_id()}".encode()).hexdigest()[:8]
