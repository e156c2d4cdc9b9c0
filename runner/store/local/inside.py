"""An outputs root is data, and may be anybody's: nothing below it is followed, and only plain files are opened.

The root itself may be a link: the user named it. A link, a FIFO or a device below it is an error, before anything is
written there. Files are opened so that the system refuses a link that appears afterwards. A file that has other names,
by hard links, is replaced and not written to; a journal that has some is an error.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)
_STORE: Final = ".runner"
_CHUNK: Final = 1 << 16


def open_file(path: Path) -> BufferedReader:
    """A plain file, for reading; its last name is not followed, and a FIFO is not waited for. Raises `OSError`."""
    handle, _ = _opened(path)
    return os.fdopen(handle, "rb")


def read_bytes(path: Path, most: int) -> bytes:
    """What a plain file holds. Raises `OSError`, also where that is more than `most` bytes."""
    handle, state = _opened(path)
    try:
        data = _read(handle, state.st_size, most)
    finally:
        os.close(handle)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data


def holds(path: Path, data: bytes) -> bool:
    """Whether a plain file, which has no other name, holds just these bytes."""
    try:
        handle, state = _opened(path)
        try:
            size = len(data)
            return state.st_nlink == 1 and state.st_size == size and _read(handle, size, size) == data
        finally:
            os.close(handle)
    except OSError:
        return False


def _opened(path: Path) -> tuple[int, os.stat_result]:
    handle = os.open(path, _FLAGS | getattr(os, "O_BINARY", 0))
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
    except BaseException:
        os.close(handle)
        raise
    return handle, state


def _read(handle: int, size: int, most: int) -> bytes:
    """What an open file holds that had this size, or one byte more than `most` of it.

    Of small files, Python's file objects cost more than the reading.
    """
    parts = [os.read(handle, min(size, most) + 1)]
    left = most + 1 - len(parts[0])
    while len(parts[-1]) > size and left:  # somebody appends to it
        size = _CHUNK
        parts.append(os.read(handle, min(size + 1, left)))
        left -= len(parts[-1])
    return b"".join(parts)


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder below `folder`, itself included, with the names of the plain files in it; no hidden folders."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(place), sorted(name for name in names if is_plain(os.path.join(place, name)))


def check_store(root: Path) -> None:
    """Raise `OutputError` where the files of the program below a root are not plain files and folders."""
    store = root / _STORE
    if _kind(store) is None:
        return
    _check(store, is_folder=True)
    for name in _names(store):
        entry = store / name
        if _check(entry) and name in (
            "objects",
            "work",
            "spill",
            "hosted",
            "limits",
            "derived",
            "jobs",
            "stars",
        ):
            for inner in _names(entry):
                _check(entry / inner)
        elif name.startswith("journal.db"):
            _check_own(entry)


def check_folder(root: Path, folder: Path) -> None:
    """Raise `OutputError` where a folder below a root is reached through a link, or holds one, or a FIFO or device."""
    check_path(root, folder)
    _check_below(folder)


def check_path(root: Path, folder: Path) -> None:
    """Raise `OutputError` where a folder below a root is reached through a link, or is none."""
    at = root
    for name in folder.relative_to(root).parts:
        at = at / name
        if _kind(at) is None:
            return
        _check(at, is_folder=True)


def _check_below(folder: str | Path) -> None:
    """Raise `OutputError` where a folder has anything but folders and plain files in it, at any depth."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _check_below(entry.path)
            elif not entry.is_file(follow_symlinks=False):
                _check(Path(entry.path))


def is_plain_below(folder: Path, relative: str) -> bool:
    """Whether a relative path, with slashes, leads to a plain file below a folder, through no link."""
    *parents, name = relative.split("/")
    if not name or ".." in parents:
        return False
    at = folder
    for part in parents:
        at = at / part
        mode = _kind(at)
        if mode is None or not stat.S_ISDIR(mode):
            return False
    return is_plain(at / name)


def _check(path: Path, *, is_folder: bool = False) -> bool:
    """Whether a path is a folder. Raises `OutputError` for anything but a folder and a plain file."""
    mode = _kind(path)
    if mode is None:  # it went away meanwhile
        return False
    if stat.S_ISDIR(mode):
        return True
    if stat.S_ISREG(mode) and not is_folder:
        return False
    if stat.S_ISLNK(mode):
        what, why = "a link", f"it leads to {os.readlink(path)}"
    elif stat.S_ISREG(mode):
        what, why = "a file in the place of a folder", ""
    else:
        what, why = "a special file", "it is a FIFO, a device or a socket"
    raise OutputError(
        f"there is {what} in the outputs root",
        where=str(path),
        why=f"{why}; nothing below an outputs root is followed".removeprefix("; "),
        hint="look at it and remove it, then rerun the same command",
    )


def _check_own(path: Path) -> None:
    """Raise `OutputError` where a file that is written in place has other names, which may lead out of the root."""
    try:
        names = path.lstat().st_nlink
    except FileNotFoundError:
        return
    if names > 1:
        copy = shlex.quote(f"{path}.copy")
        raise OutputError(
            "the journal has another name, by a hard link",
            where=str(path),
            why="what is recorded here would change the other file, too",
            hint=f"cp {shlex.quote(str(path))} {copy} && mv {copy} {shlex.quote(str(path))}, "
            "then rerun the same command",
        )


def _kind(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def is_plain(path: str | Path) -> bool:
    """Whether there is a plain file under a name, which is not followed."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
