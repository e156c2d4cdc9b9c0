"""Who works on a shot: one process at a time, and the next one when the first is dead."""

from __future__ import annotations

import os
import platform
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence

HEARTBEAT_S: Final = 10.0
_SILENT_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, as others can check it: `life` tells it from a later one with the same number."""

    id: str
    host: str
    boot: str
    pid: int
    life: str


def this_process() -> Owner:
    """The owner that this process claims as."""
    pid = os.getpid()
    return Owner(id=uuid.uuid4().hex, host=platform.node(), boot=_boot(), pid=pid, life=_life(pid))


def claim(key: str, owner: Owner, now: float) -> Callable[[sqlite3.Connection], bool]:
    """Take a shot, also from an owner that is dead. False when a living one has it."""

    def work(connection: sqlite3.Connection) -> bool:
        row = connection.execute(
            "SELECT owner, host, boot, pid, life, heartbeat FROM claims WHERE key = ?", (key,)
        ).fetchone()
        if row is not None and row[0] != owner.id and _alive(row[1:], owner, now):
            return False
        connection.execute(
            "INSERT OR REPLACE INTO claims (key, owner, host, boot, pid, life, heartbeat)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, owner.id, owner.host, owner.boot, owner.pid, owner.life, now),
        )
        return True

    return work


def release(key: str, owner: Owner) -> Callable[[sqlite3.Connection], None]:
    """Give a shot back."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (key, owner.id))

    return work


def beat(owner: Owner, now: float) -> Callable[[sqlite3.Connection], None]:
    """Say that this process lives."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE claims SET heartbeat = ? WHERE owner = ?", (now, owner.id))

    return work


def held(key: str, now: float) -> Callable[[sqlite3.Connection], bool]:
    """Whether a living process works on a shot."""
    return lambda connection: _any_alive(connection, now, "WHERE key = ?", key)


def held_among(keys: Collection[str], now: float) -> Callable[[sqlite3.Connection], bool]:
    """Whether a living process works on one of these shots."""

    def work(connection: sqlite3.Connection) -> bool:
        rows = connection.execute("SELECT key, host, boot, pid, life, heartbeat FROM claims").fetchall()
        here = this_process()
        return any(key in keys and _alive(row, here, now) for key, *row in rows)

    return work


def any_held(now: float) -> Callable[[sqlite3.Connection], bool]:
    """Whether a living process works on anything."""
    return lambda connection: _any_alive(connection, now, "")


def _any_alive(connection: sqlite3.Connection, now: float, where: str, *values: str) -> bool:
    rows = connection.execute(f"SELECT host, boot, pid, life, heartbeat FROM claims {where}", values)
    here = this_process()
    return any(_alive(row, here, now) for row in rows)


def _alive(row: Sequence[str | int | float], owner: Owner, now: float) -> bool:
    host, boot, pid, life, heartbeat = str(row[0]), str(row[1]), int(row[2]), str(row[3]), float(row[4])
    if host == owner.host and boot and boot == owner.boot:
        return _life(pid) == life
    if host == owner.host and boot and owner.boot:
        return False
    # Another machine on a shared disk can only be judged by its heartbeat; a clock that went back counts as alive.
    return now - heartbeat < _SILENT_S


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _life(pid: int) -> str:
    """What tells a process from a later one with its number: when it started. Empty when it is not alive."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]


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
