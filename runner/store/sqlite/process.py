"""Who holds a lease: a process, as others can check it, if they can."""

from __future__ import annotations

import os
import platform
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Two of them are comparable only on one host, since one boot, in one PID namespace."""

    owner: str
    """The id of its session, 32 hex digits."""
    host: str
    boot: str
    """Of the host, since it was started; empty where the system does not say."""
    space: str
    """The PID namespace: containers count their processes apart."""
    pid: int
    life: str
    """Tells it from a later process with the same number: when it started."""

    def sees(self, other: Process) -> bool:
        """Whether the process table of this one would list the other."""
        return (self.host, self.boot, self.space) == (other.host, other.boot, other.space)


def this_process() -> Process:
    """A new session of this process."""
    pid = os.getpid()
    return Process(
        owner=uuid.uuid4().hex,
        host=platform.node(),
        boot=_boot(),
        space=_space(),
        pid=pid,
        life=life_of(pid),
    )


def life_of(pid: int) -> str:
    """When a process started; empty when there is none that lives."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _without_proc(pid: int) -> str:
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "alive"
    return "alive"
