"""Content-addressed files: a clip is stored once, under its digest, whatever runs have it in their folders."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING, Final

from runner.store.local.disk import unwritable
from runner.store.local.durable import move_whole, part_file, sync_folder
from runner.store.local.inside import is_plain, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What an operating system answers where it cannot link: another disk, no such thing, too many links.
_NO_LINK: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.ENOSYS}
)
_LINK_TRIES: Final = 5
_SMALL: Final = 1 << 20
"""Bytes of a file that is read at once: the buffer for larger ones takes longer to make than to fill."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class LocalObjects:
    """The files of one outputs root, in `<root>/.runner/objects/ab/cdef...`. All methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Raises `ValueError` for what is no digest: it may lead anywhere."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest[:80]!r} is no digest")
        return self.folder / digest[:2] / digest[2:]

    def put(self, finished: Path, digest: str) -> None:
        """Take over a finished file with that digest. Durable when this returns; twice at once is fine."""
        target = self.path(digest)
        os.chmod(finished, stat.S_IMODE(finished.stat().st_mode) & 0o444)
        # An intact file is kept: replacing it would pull it from under a run that links to it right now.
        if self.intact(digest):
            finished.unlink()
        else:
            move_whole(finished, target, self.folder)
        sync_folder(target.parent)

    def put_bytes(self, data: bytes, digest: str) -> None:
        """Store bytes with that digest. Durable when this returns; twice at once is fine."""
        if self.intact(digest):
            # The run that stored it may not have come to this yet.
            sync_folder(self.path(digest).parent)
            return
        with part_file(self.folder) as part:
            part.write_bytes(data)
            self.put(part, digest)

    def intact(self, digest: str) -> bool:
        """Whether the file is there and still is what its name says. Raises `OutputError` for want of file handles."""
        try:
            return _DIGEST.fullmatch(digest) is not None and digest_of(self.path(digest)) == digest
        except OSError as error:
            raise unwritable("the object store cannot be read", self.path(digest), error) from error

    def exists(self, digest: str) -> bool:
        """Whether the file is there, without reading it."""
        return _DIGEST.fullmatch(digest) is not None and is_plain(self.path(digest))

    def size(self, digest: str) -> int:
        """Bytes; 0 where it is not there."""
        with contextlib.suppress(OSError, ValueError):
            return self.path(digest).lstat().st_size
        return 0

    def age_s(self, digest: str, now: float) -> float:
        """How long ago the file was stored, in seconds."""
        with contextlib.suppress(OSError, ValueError):
            return now - self.path(digest).lstat().st_mtime
        return 0.0

    def place(self, digest: str, target: Path) -> None:
        """Put the file under a name in a run folder: a hard link, or a copy where links cannot be."""
        source = self.path(digest)
        if is_plain(target) and (target.samefile(source) or digest_of(target) == digest):
            return
        with part_file(target.parent) as part:
            link(source, part)
            os.replace(part, target)

    def all(self) -> Iterator[str]:
        """The digests of all files."""
        for path in self.folder.glob("??/*"):
            if _DIGEST.fullmatch(path.parent.name + path.name) and is_plain(path):
                yield path.parent.name + path.name

    def parts(self, oldest: float) -> list[tuple[Path, float, int]]:
        """Partial files last written to before a time (seconds since 1970), with that time and their sizes in bytes."""
        found = []
        for part in self.folder.glob(".part-*"):
            with contextlib.suppress(OSError):
                state = part.lstat()
                if state.st_mtime <= oldest:
                    found.append((part, state.st_mtime, state.st_size))
        return found

    def remove(self, digest: str) -> int:
        """Delete one file; how many bytes that was."""
        path = self.path(digest)
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            return size
        return 0


def link(source: Path, target: Path) -> None:
    """Hard-link, or copy where links cannot be. A file that is being replaced cannot be linked for a moment."""
    for left in range(_LINK_TRIES - 1, -1, -1):
        try:
            os.link(source, target)
        except FileNotFoundError:
            if not left or not source.exists():
                raise
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            shutil.copyfile(source, target)
            return
        else:
            return


def digest_of(path: Path) -> str | None:
    """SHA-256 of a plain file; `None` where there is none to read. Raises `OSError` only for want of file handles."""
    try:
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size <= _SMALL:
                return hashlib.sha256(file.read()).hexdigest()
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # it is there for all we know: a clip must not be paid for again
        return None
