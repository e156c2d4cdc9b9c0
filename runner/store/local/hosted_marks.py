"""Marks of requests whose images are hosted, so that a later run deletes them when the first one is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def mark(root: Path, run: str) -> None:
    """Note that images of a request are hosted. Raises `OSError`."""
    file = _file(root, run)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch()


def is_marked(root: Path, run: str) -> bool:
    return _file(root, run).exists()


def clear(root: Path, run: str) -> None:
    _file(root, run).unlink(missing_ok=True)


def _file(root: Path, run: str) -> Path:
    return root / ".runner" / "hosted" / run
