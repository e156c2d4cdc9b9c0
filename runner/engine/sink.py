"""Where a clip arrives: a private file that is looked at before it counts as one."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, BinaryIO

from runner.errors import FetchFailed, OutputError
from runner.store import MAKE_ROOM

if TYPE_CHECKING:
    from pathlib import Path

# Smaller pieces are written on the event loop: handing them to a thread costs more than the write.
_WORTH_A_THREAD = 1 << 20


class FileSink:
    """A `runner.api.Sink` on a file. Counts and digests what comes in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        self._expected: int | None = None
        self._file: BinaryIO = path.open("wb")

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def expect(self, size: int) -> None:
        self._expected = size

    async def write(self, data: bytes) -> None:
        if len(data) >= _WORTH_A_THREAD:
            await asyncio.to_thread(self._append, data)
        else:
            self._append(data)

    def _append(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._digest.update(data)
        self.size += len(data)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def check(self) -> None:
        """Raise `FetchFailed` when another number of bytes came than was announced."""
        if self._expected is not None and self.size != self._expected:
            raise FetchFailed(
                "the clip did not arrive complete",
                why=f"{self._expected:,} bytes were announced, {self.size:,} arrived",
                hint="rerun the same command",
            )


def _unwritable(path: Path, error: OSError) -> OutputError:
    """The clip is paid for and waits at the provider: what is wrong is here."""
    return OutputError(
        "the clip cannot be written to disk", where=str(path.parent), why=error.strerror or "", hint=MAKE_ROOM
    )
