"""Content-addressed files: a clip is stored once, under its digest, whatever runs have it in their folders."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Final

from runner.errors import OutputError
from runner.store.local.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What an operating system answers where it cannot link: another disk, no such thing, too many links.
_NO_LINK: Final = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.ENOSYS}
)
_LINK_TRIES: Final = 5


class LocalObjects:
    """The files of one outputs root, in `<root>/.runner/objects/ab/cdef...`. All methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def put(self, finished: Path, digest: str) -> None:
        """Take over a finished file with that digest. Durable when this returns; twice at once is fine."""
        with finished.open("rb") as file:
            os.fsync(file.fileno())
        self._taken_over(finished, digest)

    def put_bytes(self, data: bytes, digest: str) -> None:
        """Store bytes with that digest. Durable when this returns; twice at once is fine."""
        if self.intact(digest):
            # Whoever stored it may not have come to this yet.
            sync_folder(self.path(digest).parent)
            return
        with self._part() as part:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._taken_over(part, digest)

    def _taken_over(self, synced: Path, digest: str) -> None:
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(synced, 0o444)
        # A whole file is left standing: replacing it would pull it from under whoever links to it right now.
        if self.intact(digest):
            synced.unlink()
        else:
            try:
                os.replace(synced, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._brought_over(synced, target)
        sync_folder(target.parent)

    def _brought_over(self, synced: Path, target: Path) -> None:
        """Move a file from another disk, such that it is never in its place in part."""
        with self._part() as part:
            shutil.copy(synced, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(part, target)
        synced.unlink()

    @contextlib.contextmanager
    def _part(self) -> Iterator[Path]:
        """A name for a file that is not whole yet. What is left under it when something fails goes away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".part-{uuid.uuid4().hex}"
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def intact(self, digest: str) -> bool:
        """Whether the file is there and still is what its name says. Raises `OutputError` for want of file handles."""
        try:
            return digest_of(self.path(digest)) == digest
        except OSError as error:
            raise OutputError(
                "too many files are open",
                where=str(self.path(digest)),
                why=error.strerror or str(error),
                hint="raise the limit (ulimit -n), then rerun the same command",
            ) from error

    def exists(self, digest: str) -> bool:
        """Whether the file is there, without reading it."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Bytes; 0 where it is not there."""
        with contextlib.suppress(OSError):
            return self.path(digest).stat().st_size
        return 0

    def age_s(self, digest: str, now: float) -> float:
        """How long ago the file was stored, in seconds."""
        with contextlib.suppress(OSError):
            return now - self.path(digest).stat().st_mtime
        return 0.0

    def place(self, digest: str, target: Path) -> None:
        """Put the file under a name in a run folder: a hard link, or a copy where links cannot be."""
        source = self.path(digest)
        if target.exists() and (target.samefile(source) or digest_of(target) == digest):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".part-{uuid.uuid4().hex}")
        try:
            _link(source, part)
            os.replace(part, target)
        finally:
            # Replacing a file by another link to it leaves the first name standing.
            part.unlink(missing_ok=True)

    def all(self) -> Iterator[str]:
        """The digests of all files."""
        for path in self.folder.glob("??/*"):
            if not path.name.startswith("."):
                yield path.parent.name + path.name

    def remove_parts(self, oldest: float) -> Iterator[int]:
        """Delete partial files last written to before a time (seconds since 1970); yields their sizes in bytes."""
        for part in self.folder.glob(".part-*"):
            with contextlib.suppress(OSError):
                found = part.stat()
                if found.st_mtime <= oldest:
                    part.unlink()
                    yield found.st_size

    def remove(self, digest: str) -> int:
        """Delete one file; how many bytes that was."""
        path = self.path(digest)
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            return size
        return 0


def _link(source: Path, target: Path) -> None:
    """Link, or copy where links cannot be. A file that is being replaced cannot be linked for a moment."""
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
    """SHA-256 of a file; `None` where there is none to read. Raises `OSError` only for want of file handles."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # it is there for all we know: a clip must not be paid for again
        return None
