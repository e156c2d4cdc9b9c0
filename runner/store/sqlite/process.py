"""Who holds a lease: a process, as others can check it, if they can."""

from __future__ import annotations

import os
import platform
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_OPEN_HERE: Final[set[str]] = set()
"""The owners of the sessions that this process has open."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Two of them are comparable only on one host, since one boot, in one PID namespace."""

    owner: str
    """The id of its session, 32 hex digits."""
    host: str
    boot: str
    """Of the host, since it was started; empty where the system does not say."""
    space: str
    """The PID namespace: containers count their processes apart. Empty where the system does not say."""
    pid: int
    life: str
    """Tells it from a later process with the same number: when it started."""

    def sees(self, other: Process) -> bool:
        """Whether the process table of this one would list the other."""
        here, there = (self.host, self.boot, self.space), (other.host, other.boot, other.space)
        return here == there and bool(self.boot and self.space)


def this_process() -> Process:
    """A new session of this process."""
    pid = os.getpid()
    return Process(
        owner=uuid.uuid4().hex,
        host=platform.node(),
        boot=boot_id(),
        space=_space(),
        pid=pid,
        life=_life_of(pid) or "",
    )


def begin_session(process: Process) -> None:
    """Note that a session of this process is open, see `has_ended_here`."""
    _OPEN_HERE.add(process.owner)


def end_session(process: Process) -> None:
    _OPEN_HERE.discard(process.owner)


def has_ended_here(process: Process) -> bool:
    """Whether a process is this one, and its session has ended: a notebook or a server outlives its sessions."""
    here = process.pid == os.getpid() and process.life == _life_of(process.pid)
    return here and process.owner not in _OPEN_HERE


def is_alive(process: Process) -> bool | None:
    """Whether a process that `this_process` sees is alive; `None` where the system hides it."""
    life = _life_of(process.pid)
    if life is not None:
        return life == process.life
    # With the mount option hidepid the processes of other users look as if they did not exist.
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return None


def lock_holders(files: tuple[Path, ...]) -> list[int]:
    """The numbers of other processes that hold a write lock on one of the files, as far as the system says."""
    try:
        wanted = {_device_and_inode(file) for file in files if file.exists()}
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    found = set()
    for line in lines:
        # "1: POSIX  ADVISORY  WRITE 1234 fe:01:131 120 120"; a waiting one has "->" as its second word.
        words = line.split()
        if len(words) >= 6 and words[3] == "WRITE" and words[5] in wanted and words[4].isdigit():
            found.add(int(words[4]))
    return sorted(found - {0, os.getpid()})


def _life_of(pid: int) -> str | None:
    """When a process started; empty for one that has ended, `None` where there is nothing to read of it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]


def _device_and_inode(file: Path) -> str:
    found = file.stat()
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"


def boot_id() -> str:
    """Of this host, since it was started; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""
