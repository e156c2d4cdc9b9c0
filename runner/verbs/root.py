"""The outputs root that a verb without a project works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner import store
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from runner.store.attempt import Attempt
    from runner.store.interface import Filter


def of_words(verb: str, words: Iterable[str], filters: Collection[str] = ()) -> tuple[Path, dict[str, str]]:
    """The root (`output.root=DIR`) and the values of `filters` in KEY=VALUE words; `UsageError` for other words."""
    root, found = Path("outputs"), {}
    for word in words:
        key, equals, value = word.partition("=")
        if key == "output.root" and equals:
            root = Path(value)
        elif key in filters and equals:
            found[key] = value
        else:
            takes = ", ".join(["output.root=DIR", *(f"{name}=" for name in filters)])
            raise UsageError(
                f"{verb} cannot use {word!r}",
                why=f"it takes {takes}",
                hint=f"python -m runner {verb} --help",
            )
    return root, found


def of_folder(folder: Path) -> Path | None:
    """The outputs root that a run folder lies in: the first parent with a journal."""
    for parent in folder.resolve().parents:
        if (parent / ".runner").is_dir():
            return parent
    return None


def attempts_in(root: Path, wanted: Filter) -> list[Attempt]:
    """The attempts of an outputs root that match; none without a journal. Raises `JournalError`."""
    reader = store.read_journal(root)
    if reader is None:
        return []
    with reader:
        return reader.attempts(wanted)
