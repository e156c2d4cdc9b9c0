"""A program for `test_creation`: processes that open the journal of a new root, forked so that they start at once.

    python first_start.py kill FOLDER COUNT          kills one process for each root, at COUNT points of the creation
    python first_start.py together ROOT COUNT        COUNT processes open one root at the same time

Prints JSON: for `kill` what each root was left with, for `together` the exit codes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import store
from runner.store.interface import Filter
from runner.store.sqlite import creation, journal, schema, writer
from tests.store.contract import intended

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = {module.__file__ for module in (creation, journal, schema, writer)}


def forked(work: Callable[[], object]) -> int:
    """Start `work` in a process of its own; returns its number. The process ends with 0, or 1 for an exception."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def opened(root: Path, token: str = "") -> None:
    async def steps() -> None:
        async with store.open_journal(root) as found:
            await found.attempts(Filter())
            if token:
                await intended(found, token)

    asyncio.run(steps())


def counted(root: Path, kill_at: int = 0) -> int:
    """Open a journal, counting the calls that the store's own code makes; the process dies at one of them."""
    calls = 0

    def observe(frame: Any, event: str, _: object) -> None:
        nonlocal calls
        if event in ("call", "c_call", "c_return") and frame.f_code.co_filename in OURS:
            calls += 1
            if calls == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(observe)
    opened(root)
    return calls


def kill(folder: Path, count: int) -> list[str]:
    reading, writing = os.pipe()
    ended(forked(lambda: os.write(writing, str(counted(folder / "whole")).encode())))
    calls = int(os.read(reading, 100))
    left = []
    for number in range(count):
        root = folder / f"{number}"
        at = 1 + number * calls // count
        code = ended(forked(lambda root=root, at=at: counted(root, at)))
        found = "killed " if code == -signal.SIGKILL else f"ended {code} "
        found += "whole" if store.journal_path(root).exists() else "none"
        # Whatever is left can be read, and opened again.
        code = ended(forked(lambda root=root: read(root)))
        code = code or ended(forked(lambda root=root: opened(root, "a")))
        left.append(found if code == 0 else f"{found}, stuck")
    return left


def read(root: Path) -> None:
    reader = store.read_journal(root)
    if reader is not None:
        with reader:
            reader.attempts(Filter())


def together(root: Path, count: int) -> list[int]:
    reading, writing = os.pipe()

    def start(number: int) -> None:
        os.close(writing)
        os.read(reading, 1)  # until the other end is closed
        opened(root, f"{number:02x}f")

    pids = [forked(lambda number=number: start(number)) for number in range(count)]
    os.close(writing)
    return [ended(pid) for pid in pids]


if __name__ == "__main__":
    what = {"kill": kill, "together": together}[sys.argv[1]]
    print(json.dumps(what(Path(sys.argv[2]), int(sys.argv[3]))))
