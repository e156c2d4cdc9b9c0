"""A file that lines are appended to as things happen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Lines:
    """A text stream for one line after the other, in UTF-8.

    On an event loop what is written goes to the file at the end of the loop's turn, all of it at once: a hundred
    chains tell a hundred things in one turn. Elsewhere it goes there at once. What cannot be written, because the disk
    is full, is not worth stopping for.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._due = False

    def write(self, text: str) -> int:
        with self._lock, contextlib.suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """See that what is written gets to the file."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._flush()
            return
        if not self._due:
            self._due = True
            loop.call_soon(self._flush)

    def close(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._file.close()

    def _flush(self) -> None:
        self._due = False
        with self._lock, contextlib.suppress(OSError):
            if not self._file.closed:
                self._file.flush()
