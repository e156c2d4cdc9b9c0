"""What there is to choose from: projects and plugin profiles, told from file names alone."""

from __future__ import annotations

import contextlib
import pkgutil
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner import bundle
from runner.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = re.compile(r"""\bname\s*=\s*["']([\w.-]{1,80})["']""")
_LARGEST_MODULE: Final = 1 << 20
GROUPS: Final = tuple(str(kind) for kind, row in KINDS.items() if row.chosen)


@dataclass(frozen=True, slots=True)
class Choice:
    """A file of a config group. `about` is the first line of its header comment."""

    name: str
    about: str
    file: Path


def conf_folders(folder: Path) -> list[Path]:
    """`conf` in the working folder where it exists, then the bundled one; absolute paths."""
    bundled = bundle.folder("conf")
    own = folder.absolute() / "conf"
    return [own, bundled] if own.is_dir() and own.resolve() != bundled.resolve() else [bundled]


def choices(group: str, folder: Path) -> list[Choice]:
    """The files of a group, those of the working folder before the bundled ones, each name once."""
    found: dict[str, Choice] = {}
    for conf in conf_folders(folder):
        of_group = conf / group
        for file in sorted(of_group.rglob("*.yaml")):
            name = file.relative_to(of_group).with_suffix("").as_posix()
            found.setdefault(name, Choice(name, _about(file), file))
    return list(found.values())


def selectable_plugins(folder: Path) -> Iterator[tuple[str, str]]:
    """(group, name) for the plugin modules of the working folder that have no profile.

    With them `generator=NAME` selects a plugin for which nobody wrote a file.
    """
    plugins = folder.absolute() / "plugins"
    if plugins.resolve() == bundle.folder("plugins").resolve():
        return
    for group in GROUPS:
        profiled = {choice.name for choice in choices(group, folder)}
        for module in pkgutil.iter_modules([str(plugins)]):
            if not module.name.startswith("_") and module.name not in profiled:
                yield group, module.name


def names_in_plugins(folder: Path) -> set[str]:
    """What the plugin modules of the working folder call what they register, as far as their text tells.

    A module is called by its file, its plugins by the names in their specs: both are names to choose by.
    """
    found: set[str] = set()
    for file in sorted((folder.absolute() / "plugins").rglob("*.py")):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if file.stat().st_size <= _LARGEST_MODULE:
                found.update(_NAME.findall(file.read_text(encoding="utf-8")))
    return found


def _about(file: Path) -> str:
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for line in lines:
                if line.startswith("#") and "@package" not in line:
                    return line.lstrip("# ").strip()
                if line.strip() and not line.startswith("#"):
                    break
    except (OSError, UnicodeDecodeError):
        pass
    return ""
