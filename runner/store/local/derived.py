"""Files that are made from stored ones to be looked at, once for all runs of a root: posters, frames, proxies.

Each belongs to the digest of what it was made from, and has a short name of its own: `.runner/derived/ab/cd...-NAME`.
They can be made again at any time; nothing else may depend on them.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final

from runner.store.local.durable import part_file
from runner.store.local.inside import is_plain
from runner.store.local.objects import link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[a-z0-9-]{1,40}\.(?:jpg|mp4|txt)")


class LocalDerived:
    """The derived files of one outputs root. All methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self, digest: str, name: str) -> bool:
        """Whether the file is there."""
        return is_plain(self._path(digest, name))

    @contextlib.contextmanager
    def making(self, digest: str, name: str) -> Iterator[Path]:
        """A place to write the file to; it has its name when this ends without an error."""
        target = self._path(digest, name)
        with part_file(target.parent) as part:
            yield part
            os.replace(part, target)

    def put(self, digest: str, name: str, data: bytes) -> None:
        """Store the file."""
        with self.making(digest, name) as part:
            part.write_bytes(data)

    def place(self, digest: str, name: str, target: Path) -> None:
        """Put the file under a name in a run folder: a hard link, or a copy where links cannot be."""
        source = self._path(digest, name)
        if is_plain(target) and target.samefile(source):
            return
        with part_file(target.parent) as part:
            link(source, part)
            os.replace(part, target)

    def all(self) -> Iterator[tuple[str, Path]]:
        """Each file, with the digest of what it was made from."""
        for path in self.folder.glob("??/*"):
            digest = path.parent.name + path.name[:62]
            if _DIGEST.fullmatch(digest) and is_plain(path):
                yield digest, path

    def _path(self, digest: str, name: str) -> Path:
        """Raises `ValueError` for what is no digest or no name of ours: it may lead anywhere."""
        if not _DIGEST.fullmatch(digest) or not _NAME.fullmatch(name):
            raise ValueError(f"{digest[:80]!r} {name[:80]!r} is no derived file")
        return self.folder / digest[:2] / f"{digest[2:]}-{name}"
