"""What there is to choose from: projects and plugin profiles, told from file names alone."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner import bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS: Final = ("generator", "extractor", "uploader")


@dataclass(frozen=True, slots=True)
class Choice:
    """A file of a config group. `about` is the first line of its header comment."""

    name: str
    about: str
    file: Path


def conf_folders() -> list[Path]:
    """`./conf` where it exists, then the bundled folder."""
    bundled = bundle.folder("conf")
    own = Path.cwd() / "conf"
    return [own, bundled] if own.is_dir() and own.resolve() != bundled.resolve() else [bundled]


def choices(group: str) -> list[Choice]:
    """The files of a group, a person's own before the bundled ones, each name once."""
    found: dict[str, Choice] = {}
    for conf in conf_folders():
        folder = conf / group
        for file in sorted(folder.rglob("*.yaml")):
            name = file.relative_to(folder).with_suffix("").as_posix()
            found.setdefault(name, Choice(name, _about(file), file))
    return list(found.values())


def selectable_plugins() -> Iterator[tuple[str, str]]:
    """(group, name) for a person's plugin modules that no file profiles, so that `generator=NAME` finds them."""
    folder = Path.cwd() / "plugins"
    if folder.resolve() == bundle.folder("plugins").resolve():
        return
    for group in GROUPS:
        profiled = {choice.name for choice in choices(group)}
        for module in pkgutil.iter_modules([str(folder)]):
            if not module.name.startswith("_") and module.name not in profiled:
                yield group, module.name


def _about(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("#") and "@package" not in line:
                    return line.lstrip("# ").strip()
                if line.strip() and not line.startswith("#"):
                    break
    except (OSError, UnicodeDecodeError):
        pass
    return ""
