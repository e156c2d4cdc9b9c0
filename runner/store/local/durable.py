"""Files that are under their names whole or not at all, even when the machine dies."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_whole(target: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file, replacing one of that name. One that is `private` can be read by its owner alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with part_file(target.parent) as part:
        part.touch(0o600 if private else 0o666)
        part.write_bytes(data)
        _sync(part)
        os.replace(part, target)


def move_whole(finished: Path, target: Path, parts: Path | None = None) -> None:
    """Give a finished file its final name.

    From another disk it is copied first, to a partial file in `parts`, which is the target's folder by default.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync(finished)
    try:
        os.replace(finished, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with part_file(parts or target.parent) as part:
            shutil.copy(finished, part)
            _sync(part)
            os.replace(part, target)
        finished.unlink()


@contextlib.contextmanager
def part_file(folder: Path) -> Iterator[Path]:
    """A name for a file that is not complete yet. What is left under it is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".part-{uuid.uuid4().hex}"
    try:
        yield part
    finally:
        # Replacing a file by another link to it leaves the first name standing.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def make_own(file: Path) -> None:
    """Replace a file that has other names by a copy: it is about to be written to, and they may lead anywhere."""
    with contextlib.suppress(FileNotFoundError):
        if file.lstat().st_nlink > 1:
            with part_file(file.parent) as part:
                shutil.copyfile(file, part, follow_symlinks=False)
                os.replace(part, file)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the system knows how."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
