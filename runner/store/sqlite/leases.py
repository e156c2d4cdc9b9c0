"""Leases with fencing: one session at a time works on a shot, and the next one when the first is dead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.errors import LeaseLost
from runner.store.interface import Lease
from runner.store.sqlite.process import Process, has_ended_here, is_alive

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

LEASE_S: Final = 90.0
"""A holder whose process cannot be looked up is dead when its heartbeat has not moved for so long."""
_STEP_S: Final = 5.0
"""At most so much of the time between two looks counts: the one who waits may have been stopped meanwhile, too."""
_SKEW_S: Final = 86_400.0
"""Who may not wait takes a holder that cannot be looked up for alive, unless it last renewed more than a day ago: the
clocks of two hosts may be hours apart, where one of them has another time zone."""
_COLUMNS: Final = "owner, host, boot, space, pid, life, fence, beat, wall"


@dataclass(frozen=True, slots=True)
class _Holder:
    process: Process
    fence: int
    beat: int
    wall: float


@dataclass(frozen=True, slots=True)
class _Silence:
    """A heartbeat as last seen, and for how long it has not moved, by the clock of the one who waits."""

    holding: tuple[str, int, int]
    """The owner, its fence and its heartbeat."""
    seen_at: float
    lasted_s: float = 0.0


@dataclass(slots=True)
class Leases:
    """The leases of a journal, as one session sees them."""

    me: Process
    monotonic: Callable[[], float]
    _silences: dict[str, _Silence] = field(default_factory=dict)
    """By key. Kept after a takeover: the transaction may be done again, because something beside it was refused."""

    def acquire(self, connection: sqlite3.Connection, key: str, wall: float) -> Lease | None:
        """Take the lease of a shot; `None` while another session holds it and may be alive."""
        holder = _holder(connection, key)
        if holder is not None and holder.process.owner == self.me.owner:
            return Lease(key=key, owner=self.me.owner, fence=holder.fence)
        if holder is not None and holder.process.owner and not self._dead(key, holder):
            return None
        fence = holder.fence + 1 if holder is not None else 1
        me = self.me
        connection.execute(
            f"INSERT OR REPLACE INTO leases (key, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, me.owner, me.host, me.boot, me.space, me.pid, me.life, fence, 0, wall),
        )
        return Lease(key=key, owner=me.owner, fence=fence)

    def holds(self, connection: sqlite3.Connection, key: str) -> bool:
        holder = _holder(connection, key)
        return holder is not None and holder.process.owner == self.me.owner

    def renew(self, connection: sqlite3.Connection, wall: float) -> None:
        connection.execute(
            "UPDATE leases SET beat = beat + 1, wall = ? WHERE owner = ?", (wall, self.me.owner)
        )

    def release(self, connection: sqlite3.Connection, lease: Lease) -> None:
        # The row stays: the fence of the next holder is higher.
        connection.execute(
            "UPDATE leases SET owner = '' WHERE key = ? AND owner = ? AND fence = ?",
            (lease.key, lease.owner, lease.fence),
        )

    def release_each(self, connection: sqlite3.Connection, leases: Iterable[Lease]) -> None:
        for lease in leases:
            self.release(connection, lease)

    def release_all(self, connection: sqlite3.Connection) -> None:
        """Give back what this session holds: its process may live on after it."""
        connection.execute("UPDATE leases SET owner = '' WHERE owner = ?", (self.me.owner,))

    def check(self, connection: sqlite3.Connection, lease: Lease, name: str) -> None:
        """Raise `LeaseLost` unless the lease is still held."""
        holder = _holder(connection, lease.key)
        if holder is None or (holder.process.owner, holder.fence) != (lease.owner, lease.fence):
            by = f" on {holder.process.host}" if holder is not None and holder.process.host else ""
            raise LeaseLost(
                f"another run{by} took this shot over",
                where=name,
                why=f"this run did not renew its lease for more than {LEASE_S:g} s; nothing was submitted",
                hint="rerun the same command: it joins the other run, or reuses its clip",
            )

    def living(self, connection: sqlite3.Connection, wall: float) -> frozenset[str]:
        """The keys whose holder may be alive, as far as that can be determined without waiting."""
        rows = connection.execute(f"SELECT key, {_COLUMNS} FROM leases WHERE owner <> ''").fetchall()
        return frozenset(row[0] for row in rows if self._may_live(_of_row(row[1:]), wall))

    def _dead(self, key: str, holder: _Holder) -> bool:
        alive = self._looked_up(holder)
        if alive is not None:
            return not alive
        now, before = self.monotonic(), self._silences.get(key)
        holding = (holder.process.owner, holder.fence, holder.beat)
        if before is None or before.holding != holding:
            self._silences[key] = _Silence(holding, now)
            return False
        lasted_s = before.lasted_s + min(now - before.seen_at, _STEP_S)
        self._silences[key] = _Silence(holding, now, lasted_s)
        return lasted_s >= LEASE_S

    def _may_live(self, holder: _Holder, wall: float) -> bool:
        alive = self._looked_up(holder)
        # A clock that is far ahead must not hold a lease for as long, either.
        return abs(wall - holder.wall) < _SKEW_S if alive is None else alive

    def _looked_up(self, holder: _Holder) -> bool | None:
        """What the process table says of a holder; `None` where it states nothing."""
        if not self.me.sees(holder.process):
            return None
        return not has_ended_here(holder.process) and is_alive(holder.process)


def _holder(connection: sqlite3.Connection, key: str) -> _Holder | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM leases WHERE key = ?", (key,)).fetchone()
    return None if row is None else _of_row(row)


def _of_row(row: tuple[str, str, str, str, int, str, int, int, float]) -> _Holder:
    owner, host, boot, space, pid, life, fence, beat, wall = row
    process = Process(owner=owner, host=host, boot=boot, space=space, pid=pid, life=life)
    return _Holder(process=process, fence=fence, beat=beat, wall=wall)
