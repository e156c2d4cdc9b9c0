"""What is below the outputs root, for pages and streams: runs by their folders, and files that a browser may show.

A path in a URL is anybody's. It leads to plain folders and files below the root and through no link, never into hidden
ones, and never to a file that a browser would run: pages of a copied root are not ours.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from runner import store
from runner.outputs.places import SWEEPS
from runner.outputs.runs import Run, runs, state_of
from runner.report.model import RunReport, is_sweep, read_run
from runner.store.documents import is_inside
from runner.store.documents import read_run as read_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MEDIA_TYPES: Final = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "avif": "image/avif",
    "json": "application/json",
    "jsonl": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "log": "text/plain; charset=utf-8",
    "otio": "application/json",
    "yaml": "text/plain; charset=utf-8",
}
"""What is served, by the endings of files. No HTML, SVG or script is."""
_TELLING: Final = ("run.json", "manifest.json", "events.jsonl", "sweep.json")
_FRESH_S: Final = 1.0
_LONGEST_NAME: Final = 255
"""Bytes. No file has a longer one."""
_LONGEST_PATH: Final = 2000


class Root:
    """An outputs root, for reading. Blocking."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._state = (0.0, "")
        self._runs: tuple[str, list[Run]] = ("", [])

    def relative(self, folder: Path) -> str:
        """A folder below the root, as it stands in URLs."""
        return folder.relative_to(self.path).as_posix()

    def run_folder(self, relative: str) -> Path | None:
        """The run folder at a path; `None` where there is none, or the path leads anywhere else."""
        return self._with(relative, "run.json")

    def sweep_folder(self, relative: str) -> Path | None:
        """The folder of a sweep at a path; `None` where there is none."""
        if not _is_shown(relative) or not store.is_plain_below(self.path, f"{relative}/sweep.json"):
            folder = self.path / relative
            inner = [run for run in self.runs() if run.folder.parent == folder]
            return folder if _is_shown(relative) and inner and folder.parent.name == SWEEPS else None
        folder = self.path / relative
        return folder if is_sweep(folder) else None

    def file(self, relative: str) -> Path | None:
        """A file that may be shown; `None` where there is none."""
        if not _is_shown(relative) or relative.rpartition(".")[2].lower() not in MEDIA_TYPES:
            return None
        return self.path / relative if store.is_plain_below(self.path, relative) else None

    def report(self, folder: Path) -> RunReport:
        """What there is to say of a run. Raises `UsageError` where that is nothing."""
        return read_run(folder)

    def state(self, folder: Path) -> str:
        """How the run of a folder stands."""
        facts = read_record(folder)
        return str(state_of(folder, facts)) if facts is not None else ""

    def runs(self) -> list[Run]:
        """All runs, the one that started last first. Read again only where something changed."""
        state = self.fingerprint()
        with self._lock:
            if self._runs[0] != state:
                self._runs = state, runs(self.path)
            return self._runs[1]

    def fingerprint(self) -> str:
        """Says something else whenever a run began, went on or ended. At most a second old."""
        with self._lock:
            looked, state = self._state
            if not state or time.monotonic() - looked > _FRESH_S:
                state = hashlib.sha256("\n".join(self._signs()).encode("utf-8", "replace")).hexdigest()
                self._state = time.monotonic(), state
            return state

    def _signs(self) -> Iterable[str]:
        for place, folders, names in os.walk(self.path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if "run.json" in names:
                folders.clear()
            for name in _TELLING:
                if name in names:
                    try:
                        found = os.lstat(os.path.join(place, name))
                    except OSError:
                        continue
                    yield f"{place}/{name} {found.st_mtime_ns} {found.st_size}"
        # A run that is killed changes no file.
        yield from sorted(store.at_work(self.path))

    def _with(self, relative: str, name: str) -> Path | None:
        is_there = _is_shown(relative) and store.is_plain_below(self.path, f"{relative}/{name}")
        return self.path / relative if is_there else None


def media_type(path: Path) -> str:
    """That of a file that `Root.file` found."""
    return MEDIA_TYPES[path.name.rpartition(".")[2].lower()]


def _is_shown(relative: str) -> bool:
    """Whether a path stays below the root, and out of hidden folders."""
    return (
        len(relative) <= _LONGEST_PATH
        and is_inside(relative)
        and all(
            part and not part.startswith(".") and part.isprintable() and len(part.encode()) <= _LONGEST_NAME
            for part in relative.split("/")
        )
    )
