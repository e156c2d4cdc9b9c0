"""The outputs root that a verb without a project works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner import store
from runner.errors import UsageError
from runner.outputs import manifest

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOfRun:
    """A shot as the manifest of a run folder has it."""

    name: str
    """SEQUENCE/SHOT."""
    key: str
    digest: str
    """Of its clip; empty where there is none."""


def shot_of(folder: Path, shot: str) -> ShotOfRun:
    """The shot of a run folder with this name, or SEQUENCE/NAME. Raises `UsageError`."""
    found = manifest.read(folder)
    if found is None:
        raise UsageError(
            "this is not a run folder", where=str(folder), why=f"there is no {manifest.NAME} in it"
        )
    shots = [
        ShotOfRun(
            name=f"{sequence}/{name}", key=entry["key"], digest=(entry.get("clip") or {}).get("sha256", "")
        )
        for sequence, content in found["sequences"].items()
        for name, entry in content["shots"].items()
    ]
    named = [one for one in shots if shot in (one.name, one.name.partition("/")[2])]
    if not named:
        names = ", ".join(sorted(one.name for one in shots))
        raise UsageError(f"there is no shot {shot} in this run", why=f"there are: {names}")
    if len(named) > 1:
        raise UsageError(
            f"{len(named)} sequences of this run have a shot {shot}",
            why=f"there are: {', '.join(one.name for one in named)}",
        )
    return named[0]


def attempts_in(root: Path, wanted: Filter) -> list[Attempt]:
    """The attempts of an outputs root that match; none without a journal. Raises `JournalError`."""
    reader = store.read_journal(root)
    if reader is None:
        return []
    with reader:
        return reader.attempts(wanted)
