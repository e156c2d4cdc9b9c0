"""The outputs root that a verb without a project works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def split(
    words: Iterable[str], flags: Iterable[str] = ()
) -> tuple[Path, list[str], dict[str, str], set[str]]:
    """The root (`output.root=DIR`), the plain words, the other KEY=VALUE words, and the flags that were given."""
    root, plain, filters, given = Path("outputs"), [], {}, set()
    for word in words:
        key, equals, value = word.partition("=")
        if key == "output.root" and equals:
            root = Path(value)
        elif word.startswith("-"):
            if word not in flags:
                raise UsageError(f"there is no option {word} here", hint="python -m runner --help")
            given.add(word)
        elif equals:
            filters[key] = value
        else:
            plain.append(word)
    return root, plain, filters, given


def of_folder(folder: Path) -> Path | None:
    """The outputs root that a run folder lies in: the first parent with a journal."""
    for parent in folder.resolve().parents:
        if (parent / ".runner").is_dir():
            return parent
    return None
