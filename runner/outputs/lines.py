"""Files that lines are appended to, while hundreds of runs go on: those that were written to last stay open."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_MOST_OPEN: Final = 32
"""A process may have 256 files open on some systems; opening one takes several times what writing a line does."""
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)


class Lines:
    """One such file. What cannot be written, because the disk is full, is not worth stopping for."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` where it cannot be written at all."""
        self._path = os.fspath(path)
        _OPEN.write(self._path, b"")

    def add(self, line: str) -> None:
        """Append a line; it is in the file when this returns."""
        with contextlib.suppress(OSError):
            _OPEN.write(self._path, f"{line}\n".encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Let the file go. A further line opens it again."""
        _OPEN.close(self._path)


class _OpenFiles:
    """The files that are open, by their paths. Python's own file objects cost several times what the write does."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, path: str, data: bytes) -> None:
        with self._lock:
            file = self._files.pop(path, None)
            if file is None:
                file = self._opened(path)
            self._files[path] = file
            os.write(file, data)
            if len(self._files) > _MOST_OPEN:
                os.close(self._files.popitem(last=False)[1])

    def close(self, path: str) -> None:
        with self._lock:
            file = self._files.pop(path, None)
            if file is not None:
                os.close(file)

    def _opened(self, path: str) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK
        try:
            return os.open(path, flags, 0o666)
        except OSError:
            # There may be too many open files in the process: others need theirs more.
            while self._files:
                os.close(self._files.popitem()[1])
            return os.open(path, flags, 0o666)


_OPEN: Final = _OpenFiles()
