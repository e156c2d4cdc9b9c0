"""Where runs and sweeps land: folders whose names people can tell apart, found again by the key at their end.

A new folder is named `DATE_TIME_WHAT-KEY`: when the request was first run (local time), what the command line changes
of the project, or else the generator, and eight hex digits of the key. The key alone finds it again, so a rerun lands
in the same folder, and so do reruns of what older versions named otherwise (`WHAT-KEY`). The folders of a sweep have
no date: the same sweep has the same folders in every outputs root.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Final

from runner import store
from runner.naming import slug
from runner.outputs.folder import RunFolder, is_unused, owner
from runner.redaction import scrubbed
from runner.store.documents import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runner.config.compose import SweepJob
    from runner.planning.plan import Plan

LATEST: Final = "latest"
SWEEPS: Final = "sweeps"
_LONGEST: Final = 40
_SAYS_NOTHING: Final = frozenset(
    {"project", "output", "limits", "uploader", "plugins", "budget", "sweep", "hydra", "ci", "report"}
)
"""Sections that decide nothing about the clips."""
_HOW_TO_REACH: Final = re.compile(r"[+~]*(?:generator|generators\.\w+)\.(?:\w+_)?(?:url|host|file|key)")
"""Options that say where a provider is, and with which key: nothing that tells one film from another."""


def path_for(plan: Plan, now: datetime | None = None) -> Path:
    """Where a run lands: the same request in the same folder, a job of a sweep inside the sweep's.

    `now` dates the name of a folder that there is not yet. Blocking: it looks at the disk.
    """
    job = plan.job
    if job is not None:
        differs = _words(map(_readable, job.overrides)) or "job"
        return sweep_path(plan, job) / f"{job.number:02d}_{differs}-{plan.key[:8]}"
    parent = plan.project.output_root / plan.project.slug
    typed = plan.composed.shown_overrides if plan.composed is not None else []
    differs = _words(_readable(one) for one in typed if _says_something(one))
    return run_of(parent, plan.key) or parent / _dated(differs or plan.label, plan.key, now)


def sweep_path(plan: Plan, job: SweepJob) -> Path:
    """The folder of a sweep. A sweep over projects belongs to none of them. Blocking."""
    parent = _home(plan, job) / SWEEPS
    short = job.sweep_key[:8]
    for folder in _folders(parent, (short,)):
        if folder.name == short or folder.name.endswith(f"-{short}"):
            return folder
    swept = (_last_part(override.partition("=")[0]) for override in job.overrides)
    return parent / f"{_words(swept) or 'sweep'}-{short}"


def run_of(parent: Path, key: str) -> Path | None:
    """The folder in `parent` that belongs to the run with this key; `None` where there is none yet."""
    named = _folders(parent, tuple(f"-{key[:n]}" for n in (8, 16, 64)))
    ours = [path for path in named if owner(path) == key]
    # A run that died at its very beginning leaves a folder without a mark, which only its name assigns to it.
    return next(iter([*ours, *(path for path in named if is_unused(path))]), None)


def opened(plan: Plan, work: Path) -> RunFolder:
    """The run folder of a plan, open; `work` is its session's private folder. Raises `OutputError`. Blocking."""
    path = path_for(plan)
    store.check_folder(plan.project.output_root, path)
    folder = RunFolder(path, plan.key, work)
    return folder if plan.job is not None else giving_way(folder, work)


def giving_way(folder: RunFolder, work: Path) -> RunFolder:
    """`folder`, or the one of another process that began the same request just before a full minute. Blocking."""
    first = run_of(folder.path.parent, folder.key)
    if first is None or first == folder.path:
        return folder
    with contextlib.suppress(OSError):
        (folder.path / "run.json").unlink()
        folder.path.rmdir()
    return RunFolder(first, folder.key, work)


def point_to(folder: Path, plan: Plan) -> None:
    """Let `latest`, in the folder of the project, lead to a run or a sweep: a symlink, or `latest.txt` without them.

    Something of the user's that has the name is left alone, and so is a disk that takes neither. Blocking.
    """
    job = plan.job
    home = plan.project.output_root / plan.project.slug if job is None else _home(plan, job)
    # A sweep over projects has no project's folder to stand in.
    home = home if home != plan.project.output_root else home / SWEEPS
    with contextlib.suppress(OSError, ValueError):
        target, link = folder.relative_to(home), home / LATEST
        if link.exists() and not link.is_symlink():
            return
        part = home / f".part-{uuid.uuid4().hex}"
        try:
            part.symlink_to(target, target_is_directory=True)
            os.replace(part, link)
        except (OSError, NotImplementedError):
            part.unlink(missing_ok=True)
            store.write_whole(home / f"{LATEST}.txt", f"{target.as_posix()}\n".encode())


def _home(plan: Plan, job: SweepJob) -> Path:
    root = plan.project.output_root
    return root / plan.project.slug if job.project else root


def _folders(parent: Path, endings: tuple[str, ...]) -> list[Path]:
    """The folders whose names end so. Only those are looked at: each job of a sweep asks."""
    try:
        named = sorted(name for name in os.listdir(parent) if name.endswith(endings))
    except OSError:
        return []
    return [path for name in named if (path := parent / name).is_dir() and not path.is_symlink()]


def _dated(what: str, key: str, now: datetime | None) -> str:
    return f"{now or datetime.now():%Y-%m-%d_%H%M}_{what}-{key[:8]}"


def _words(parts: Iterable[str]) -> str:
    return slug("_".join(dict.fromkeys(parts)), longest=_LONGEST)


def _readable(override: str) -> str:
    key, _, value = override.partition("=")
    if is_digest(value):
        value = value[:8]
    return f"{_last_part(key)}-{scrubbed(value)[:80]}"


def _last_part(key: str) -> str:
    return key.rsplit(".", 1)[-1].lstrip("+~")


def _says_something(override: str) -> bool:
    key = override.partition("=")[0]
    return _section(override) not in _SAYS_NOTHING and not _HOW_TO_REACH.fullmatch(key)


def _section(override: str) -> str:
    return re.split(r"[.@=]", override.lstrip("+~"), maxsplit=1)[0]
