"""Requests to providers, counted for all sessions over one outputs root on one machine: their limits are shared.

    .runner/limits/MACHINE-DIGEST     one file for each thing that is limited, with the requests that count

A file is locked while it is looked at. What it says is of no use for longer than the limits look back, so it is not
synced, and one that cannot be read counts for nothing. Times are those of the machine's monotonic clock, which its
processes share; the name of the machine tells one start of it from another.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from runner.store.interface import Taken
from runner.store.local.work import host, is_at_work

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_LOCK_S: Final = 0.05
"""How long to wait for the lock of a file when a request is given back: others hold it for less than a millisecond."""
_LOCKED_AGAIN_S: Final = 0.01
"""When to try again what found the file locked. `take` never waits itself: its caller is an event loop."""
_LARGEST: Final = 4 << 20
_ASK_AGAIN_S: Final = 0.1


class LocalTurns:
    """`store.interface.Turns` in files below an outputs root. Blocking; for any number of threads and processes."""

    def __init__(self, root: Path, session: str) -> None:
        """`session` is the name of this session's private folder, by which others see whether it lives."""
        self._folder = root / ".runner" / "limits"
        self._root = root
        self._session = session
        self._given_back: dict[str, float] = {}
        """What could not be written down yet: the ids of requests, each with when it was answered."""

    def take(self, of: str, most: int, within_s: float, now: float) -> Taken | float:
        """Count one more request of the kind `of`, or say in how many seconds to try again.

        At most `most` of them count at a time: those not given back, and those given back less than `within_s` ago.
        `now` is the time of a monotonic clock in seconds. Raises `OSError` where the file cannot be used.
        """
        try:
            with _Locked(self._file(of), wait_s=0.0) as file:
                counted = self._counted(file.read(), within_s, now)
                if len(counted) >= most:
                    file.write(counted)
                    ended = [one["ended"] for one in counted if one["ended"] is not None]
                    return max(min(ended) + within_s - now, 0.001) if ended else _ASK_AGAIN_S
                taken = Taken(of, uuid.uuid4().hex, within_s)
                file.write([*counted, {"id": taken.id, "session": self._session, "ended": None}])
                return taken
        except BlockingIOError:
            return _LOCKED_AGAIN_S

    def give_back(self, taken: Taken, now: float) -> None:
        """The request has been answered. Where that cannot be written now, it is with the next request of its kind;
        otherwise it raises `OSError`."""
        self._given_back[taken.id] = now
        with contextlib.suppress(BlockingIOError), _Locked(self._file(taken.of), wait_s=_LOCK_S) as file:
            file.write(self._counted(file.read(), taken.within_s, now))

    def _counted(self, found: list[Any], within_s: float, now: float) -> list[dict[str, Any]]:
        """The entries that count. Those of sessions that ended without an answer are answered now."""
        counted = []
        for one in found:
            if not _is_entry(one):
                continue
            if one["ended"] is None and one["session"] == self._session:
                one["ended"] = self._given_back.pop(one["id"], None)
            elif one["ended"] is None and not is_at_work(self._root, one["session"]):
                one["ended"] = now
            # A time to come is none of this clock.
            if one["ended"] is None or 0 <= now - one["ended"] < within_s:
                counted.append(one)
        return counted

    def _file(self, of: str) -> Path:
        return self._folder / f"{host()}-{hashlib.sha256(of.encode()).hexdigest()[:32]}"


class _Locked:
    """A file of entries, locked while it is open."""

    def __init__(self, path: Path, wait_s: float) -> None:
        """Raises `BlockingIOError` when another still has the lock after `wait_s` seconds."""
        self._path = path
        self._wait_s = wait_s

    def __enter__(self) -> _Locked:
        import fcntl

        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self._path, _FLAGS, 0o666)
        try:
            found = os.fstat(self._handle)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise OSError(errno.EINVAL, "it is no plain file of its own", str(self._path))
            until = time.monotonic() + self._wait_s
            while True:
                try:
                    fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return self
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise
                    time.sleep(0.005)
        except BaseException:
            os.close(self._handle)
            raise

    def __exit__(self, *error: object) -> None:
        os.close(self._handle)

    def read(self) -> list[Any]:
        try:
            found = json.loads(os.pread(self._handle, _LARGEST, 0) or b"[]")
        except (ValueError, RecursionError):
            return []
        return found if isinstance(found, list) else []

    def write(self, entries: list[dict[str, Any]]) -> None:
        data = json.dumps(entries).encode()
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, data, 0)


def _is_entry(one: Any) -> bool:
    if not isinstance(one, dict) or set(one) != {"id", "session", "ended"}:
        return False
    ended = one["ended"]
    texts = isinstance(one["id"], str) and isinstance(one["session"], str)
    return texts and (ended is None or (isinstance(ended, (int, float)) and not isinstance(ended, bool)))
