"""A disk of a test's own, as small, as full and as read-only as the test wants it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW_NAMES = (
    ("unshare", "--user", "--map-root-user", "--mount"),  # where anybody may
    ("unshare", "--mount"),  # where root may, as in most containers of a CI
)
_HOLD = 'mount -t tmpfs -o size=16m none "$0" && echo mounted && while read line; do $line; echo "$?"; done'


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs that only processes started with `words` in front see, at the place where it is mounted."""

    place: Path
    words: tuple[str, ...]
    seen_from_here: Path
    _orders: IO[str]
    _answers: IO[str]

    def read_only(self, wanted: bool) -> None:
        self._orders.write(f"mount -o remount,{'ro' if wanted else 'rw'} {self.place}\n")
        self._orders.flush()
        assert self._answers.readline() == "0\n"

    def leave(self, room: int) -> None:
        """Fill the disk up to so many bytes."""
        with (self.seen_from_here / "ballast").open("wb", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                while True:
                    ballast.write(bytes(1 << 16))
            ballast.truncate(ballast.tell() - room)

    def make_room(self) -> None:
        (self.seen_from_here / "ballast").unlink()


@contextlib.contextmanager
def mounted(place: Path) -> Iterator[SmallDisk]:
    """Mount one. Skips the test where nobody may mount anything."""
    place.mkdir(parents=True)
    for words in _NEW_NAMES:
        with contextlib.suppress(FileNotFoundError):
            holder = subprocess.Popen(
                [*words, "sh", "-c", _HOLD, str(place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            assert holder.stdin is not None
            assert holder.stdout is not None
            with holder:
                if holder.stdout.readline() != "mounted\n":
                    continue
                enter = ["nsenter", f"--target={holder.pid}", "--mount"]
                if "--user" in words:
                    enter += ["--user", "--preserve-credentials"]
                back = ("sh", "-c", 'cd "$0" && exec "$@"', os.getcwd())
                there = Path(f"/proc/{holder.pid}/root{place}")
                yield SmallDisk(place, (*enter, *back), there, holder.stdin, holder.stdout)
                holder.stdin.close()
                return
    pytest.skip("no disk can be mounted here: neither user namespaces nor root's right to mount")
