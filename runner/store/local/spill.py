"""Task ids that the journal could not record: a file each, adopted by the next session."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.redaction import scrubbed_json
from runner.store import documents
from runner.store.local import inside
from runner.store.local.durable import sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.api import JSON

_FOLDER: Final = "spill"
_ELSEWHERE: Final = "runner-task-"
"""Begins the names in the system's temporary folder."""
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
_LARGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Spilled:
    """A task that the provider accepted."""

    token: str
    """Of the attempt."""
    task: str
    task_data: Mapping[str, JSON]
    path: Path
    in_store: bool
    """Otherwise it is in the system's temporary folder, and may belong to another outputs root."""


def write(store: Path, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
    """Keep a task id in the store's folder, durably; in the system's temporary folder where that cannot be written.

    Never raises; `None` where neither could be written.
    """
    try:
        text = json.dumps({"token": token, "task": task, "task_data": scrubbed_json(task_data)})
    except (TypeError, ValueError, RecursionError):
        # A plugin's own values may be none of JSON's; the id itself is what was paid for.
        text = json.dumps({"token": token, "task": task, "task_data": {}})
    for folder, name in ((store / _FOLDER, token), (None, f"{_ELSEWHERE}{token}")):
        with contextlib.suppress(OSError):
            path = (folder or Path(tempfile.gettempdir())) / f"{name}.json"
            write_whole(path, text.encode("ascii"))
            sync_folder(path.parent)
            return path
    return None


def read(store: Path) -> list[Spilled]:
    """What is kept in a store's folder, and in the temporary one. Files that hold something else are left alone."""
    found = []
    for path, in_store in _files(store):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            status = path.lstat()
            # Anyone may write to the temporary folder.
            own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST or not (own or in_store):
                continue
            kept = documents.loads(inside.read_bytes(path, _LARGEST).decode("utf-8"))
            token, task, task_data = kept["token"], kept["task"], kept["task_data"]
            if isinstance(task, str) and task and _TOKEN.fullmatch(token) and isinstance(task_data, dict):
                found.append(Spilled(token, task, task_data, path, in_store))
    return found


def _files(store: Path) -> Iterator[tuple[Path, bool]]:
    for path in sorted((store / _FOLDER).glob("*.json")):
        yield path, True
    with contextlib.suppress(OSError):
        for path in sorted(Path(tempfile.gettempdir()).glob(f"{_ELSEWHERE}*.json")):
            yield path, False
