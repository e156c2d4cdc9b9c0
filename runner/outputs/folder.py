"""The folder of a run: where it is, whose it is, and how files get into it whole."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.errors import OutputError
from runner.outgoing import outgoing
from runner.store.documents import is_digest, read_json
from runner.store.local.inside import holds

if TYPE_CHECKING:
    from runner.api import HandOver
    from runner.planning.plan import PlannedSequence, PlannedShot

_STALE_S: Final = 3600.0
"""A temporary file this old is left over from a run that was killed: nothing is written into one for so long."""


class RunFolder:
    """An open run folder. Paths handed out are inside it; `work` is a private folder of the session."""

    def __init__(self, path: Path, key: str, work: Path) -> None:
        self.key = key
        try:
            self.path = path
            self._private = work
            if owner(path) != key:  # it is, in every rerun
                self._claim(path)
        except OSError as error:
            raise store.unwritable("the output folder cannot be written", path, error) from error

    def _claim(self, path: Path) -> None:
        self.path = _claimed(path, self.key)
        self.path.mkdir(parents=True, exist_ok=True)
        if owner(self.path) is None:
            # The first file in a folder says whose it is, so that another run of the request knows its own.
            self.write("run.json", json.dumps({"key": self.key, "state": "starting"}))

    @functools.cached_property
    def work(self) -> Path:
        """A private folder of this run: two runs of one request may be in one session."""
        self._private.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{self.key[:8]}-", dir=self._private))

    def clip(self, sequence: PlannedSequence, planned: PlannedShot) -> Path:
        if planned.is_candidate:
            return self.path / sequence.slug / "shots" / "alternates" / f"{_of_take(planned)}.mp4"
        return self.path / sequence.slug / "shots" / f"{planned.stem}.mp4"

    def frame(self, sequence: PlannedSequence, planned: PlannedShot, ending: str, rule: HandOver) -> Path:
        """The frame of a clip that is handed over, named by the rule that chose it: `01_pour_last.png`,
        `01_pour_offset_3.png`."""
        name = f"{str(rule).replace(':', '_')}.{ending}"
        frames = self.path / sequence.slug / "frames"
        if planned.is_candidate:
            return frames / "alternates" / f"{_of_take(planned)}_{name}"
        return frames / f"{planned.stem}_{name}"

    def anchor(self, sequence: PlannedSequence, planned: PlannedShot, ending: str) -> Path:
        """The frame of the first clip of its chain that a shot starts from."""
        return self.path / sequence.slug / "frames" / f"{planned.stem}_anchor.{ending}"

    def film(self, sequence: PlannedSequence) -> Path:
        return self.path / sequence.slug / "film.mp4"

    @property
    def whole_film(self) -> Path:
        """The film of several sequences."""
        return self.path / "film.mp4"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def holds(self, name: str, text: str) -> bool:
        """Whether a file of the folder is just this text."""
        return holds(self.path / name, outgoing(text).encode("utf-8"))

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, without secrets, whole or not at all, even when the machine dies."""
        if not self.holds(name, text):
            store.write_whole(self.path / name, outgoing(text).encode("utf-8"))

    def remove_stale(self) -> None:
        """Remove the temporary files of runs that were killed."""
        oldest = time.time() - _STALE_S
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name.startswith(".part-"):
                    part = Path(folder, name)
                    with contextlib.suppress(OSError):
                        if part.lstat().st_mtime < oldest:
                            part.unlink()


def _of_take(planned: PlannedShot) -> str:
    """Names a take of a shot: the same take may start from several takes of the shot before."""
    return f"{planned.stem}_take{planned.request.take}-{planned.key[:8]}"


def owner(path: Path) -> str | None:
    """The key of the request that a folder belongs to; `None` when it has none."""
    found: Any = read_json(path / "run.json")
    return found["key"] if isinstance(found, dict) and is_digest(found.get("key")) else None


def _claimed(path: Path, key: str) -> Path:
    """`path`, or one with more of the key in its name where another request, or the user, was there first."""
    for length in (8, 16, 64):
        candidate = path if length == 8 else path.with_name(path.name.removesuffix(key[:8]) + key[:length])
        # In this order: the mark may appear between the two looks.
        if not candidate.exists() or is_unused(candidate) or owner(candidate) == key:
            return candidate
    raise OutputError(
        "the output folder belongs to something else",
        where=str(path),
        hint="move that folder away, then rerun the same command",
    )


def is_unused(path: Path) -> bool:
    """Whether nothing is there but what a run that died at its very beginning leaves behind."""
    return path.is_dir() and all(entry.name.startswith(".part-") for entry in path.iterdir())
