"""Task ids that the journal could not record: a file each, adopted by the next session."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON

_FOLDER: Final = "spill"
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


def write(store: Path, token: str, task: str, task_data: Mapping[str, JSON]) -> Path | None:
    """Keep a task id in the store's folder, durably; in the system's temporary folder where that cannot be written.

    Never raises; `None` where neither could be written. Only a file in the store is found by the next session.
    """
    text = json.dumps({"token": token, "task": task, "task_data": dict(task_data)})
    for folder in (store / _FOLDER, Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"runner-task-{token}.json"
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            return path
    return None


def read(store: Path) -> list[Spilled]:
    """What is kept in a store's folder. Files that hold something else are left alone."""
    found = []
    for path in sorted((store / _FOLDER).glob("runner-task-*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if path.stat().st_size > _LARGEST:
                continue
            kept = json.loads(path.read_text(encoding="utf-8"))
            token, task, task_data = kept["token"], kept["task"], kept["task_data"]
            if isinstance(task, str) and task and _TOKEN.fullmatch(token) and isinstance(task_data, dict):
                found.append(Spilled(token=token, task=task, task_data=task_data, path=path))
    return found
