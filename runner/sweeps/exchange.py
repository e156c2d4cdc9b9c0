"""A private folder through which a sweep and its worker processes, on one machine, know of each other.

    sweep      what the workers run, written once
    alive      locked while the process of the sweep lives
    stop       there once the user asks to stop; its size says how often
    N.lock     locked by the worker that runs job N
    N.began    the events file of the run of job N, and how long that was before
    N.ended    what became of job N

It is outside of the outputs root, for its owner alone, and removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.config.compose import PrimaryConfig, SweepJob
    from runner.config.declared_sweep import Place

_ENDED: Final = ".ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerJob:
    """What a worker composes a job from."""

    job: SweepJob
    overrides: tuple[str, ...]
    declared: Mapping[str, Place]
    """Where files declare some of the overrides: they are not the user's."""
    key: str
    """Of the plan that was checked before: a worker runs no other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSweep:
    """What a worker needs to know of its sweep. It holds no secret: workers have the environment of their parent."""

    words: tuple[str, ...]
    folder: Path
    """The working folder, absolute."""
    primary: PrimaryConfig
    jobs: Mapping[int, WorkerJob]
    """By the number that the launcher gives them."""
    objective: str | None = None


class Exchange:
    """The folder, as seen from the sweep (`made`) or from a worker."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @classmethod
    @contextlib.contextmanager
    def made(cls, sweep: WorkerSweep) -> Iterator[Exchange]:
        """A new one, which is removed at the end. Raises `OSError`."""
        folder = Path(tempfile.mkdtemp(prefix="film-runner-"))
        try:
            with (folder / "alive").open("wb") as alive:
                _lock(alive.fileno(), wait=True)
                (folder / "sweep").write_bytes(pickle.dumps(sweep))
                yield cls(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> WorkerSweep:
        """Raises `OSError` where the folder is gone, or on another machine."""
        found: WorkerSweep = pickle.loads((self.path / "sweep").read_bytes())
        return found

    # --- the sweep --------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask all workers to stop; a second time, to cancel their tasks as well."""
        with contextlib.suppress(OSError), (self.path / "stop").open("ab") as file:
            file.write(b".")

    def began(self) -> dict[int, tuple[Path, int]]:
        """The jobs that have begun by the launcher's numbers, each with its events file and the bytes to skip."""
        found = {}
        for number, text in self._texts(".began"):
            size, _, path = text.decode("utf-8", "surrogateescape").partition(" ")
            found[number] = (Path(path), int(size))
        return found

    def ended(self) -> Iterator[tuple[int, bytes]]:
        """What became of jobs that have ended since this was last called."""
        for number, packed in self._texts(_ENDED):
            (self.path / f"{number}{_ENDED}").unlink()
            yield number, packed

    def is_at_work(self, number: int) -> bool:
        """Whether a worker lives that runs this job."""
        return _is_locked(self.path / f"{number}.lock")

    def _texts(self, ending: str) -> Iterator[tuple[int, bytes]]:
        for file in sorted(self.path.glob(f"*{ending}")):
            if file.stem.isdigit():
                yield int(file.stem), file.read_bytes()

    # --- a worker ---------------------------------------------------------------------------------------------------

    def stops(self) -> int:
        """How often the user asked to stop. That the process of the sweep is gone counts as once."""
        try:
            asked = (self.path / "stop").stat().st_size
        except OSError:
            asked = 0
        return asked or int(not _is_locked(self.path / "alive"))

    @contextlib.contextmanager
    def working(self, number: int) -> Iterator[None]:
        """Let the sweep know that this process runs a job. Raises `OSError` where the sweep is gone."""
        with (self.path / f"{number}.lock").open("wb") as file:
            _lock(file.fileno(), wait=True)
            yield

    def begin(self, number: int, events: Path) -> None:
        with contextlib.suppress(OSError):
            size = events.stat().st_size if events.exists() else 0
            self._write(f"{number}.began", f"{size} {events}".encode("utf-8", "surrogateescape"))

    def end(self, number: int, packed: bytes) -> None:
        with contextlib.suppress(OSError):  # the sweep is gone
            self._write(f"{number}{_ENDED}", packed)

    def _write(self, name: str, content: bytes) -> None:
        part = self.path / f".{name}"
        part.write_bytes(content)
        os.replace(part, self.path / name)


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return not _lock(file.fileno(), wait=False)
    except OSError:
        return False


def _lock(file: int, *, wait: bool) -> bool:
    """Lock a file until it is closed; false where another process has it. Without locks nobody has one."""
    try:
        import fcntl
    except ImportError:
        return True
    flags: Any = fcntl.LOCK_EX if wait else fcntl.LOCK_SH | fcntl.LOCK_NB
    try:
        fcntl.flock(file, flags)
    except OSError:
        return False
    return True
