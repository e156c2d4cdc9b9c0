"""Which file, or which override, set a key: so that an error can name the place to mend."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from runner.config import yaml_text
from runner.errors import ConfigError
from runner.redaction import hidden_override

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.config.declared_sweep import Place

COMMAND_LINE: Final = "command line: "
"""Begins the place of an override."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One YAML file of a composition. `package` is the dotted place its keys go to, empty for the root.

    The bundled files and the user's own are `trusted`; all others are data, and may come from a stranger.
    """

    file: Path
    package: str = ""
    trusted: bool = False
    users_own: bool = False


@dataclass(frozen=True, slots=True)
class Origins:
    """`overrides` as they were typed; `layers` in the order in which they were merged, the last one winning.

    A file below the working folder `folder` is shown from there.
    """

    overrides: tuple[str, ...] = ()
    layers: Sequence[Layer] = ()
    folder: Path = Path()
    declared: Mapping[str, Place] = field(default_factory=dict, compare=False)
    """The overrides that a file declares for the jobs of a sweep, and where: they are not the user's."""
    _trees: dict[Path, yaml.Node | None] = field(default_factory=dict, repr=False, compare=False)

    def of(self, key: str) -> str:
        """Name the place that set `key`, or the nearest parent of it that is set anywhere."""
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            place = self._of_exactly(".".join(parts[:length]))
            if place:
                return place
        return ""

    def chosen(self, group: str) -> bool:
        """Whether an override picks a file of a config group."""
        return any(_key(override) == group for override in self.overrides)

    def file_of(self, key: str) -> Path | None:
        """The file that set exactly `key`; `None` when an override did, or nothing."""
        if override := self._override(key):
            place = self.declared.get(override)
            return place.file if place is not None else None
        for layer in reversed(self.layers):
            if self._line(layer, key) is not None:
                return layer.file
        return None

    def untrusted(self, key: str) -> str:
        """The place that set `key` where that is a file of data; empty where a trusted place or nothing did."""
        place = self.declared.get(self._override(key))
        if place is not None:
            return place.shown
        return "" if self.set_by_user(key) else self.in_data(key)

    def in_data(self, key: str) -> str:
        """The place that sets `key` where the last file that does is one of data, whatever the user sets."""
        files = (layer for layer in reversed(self.layers) if not layer.users_own)
        # What is merged or referred to counts for the file that does so.
        setter = next((layer for layer in files if self._holds(layer, key)), None)
        return "" if setter is None or setter.trusted else self.of(key) or _short(setter.file, self.folder)

    def overridden(self, key: str) -> bool:
        """Whether an override set exactly `key`."""
        return bool(self._override(key))

    def set_by_user(self, key: str) -> bool:
        """Whether an override, or the user's own file, set exactly `key`."""
        override = self._override(key)
        return (bool(override) and override not in self.declared) or self.users_own(key)

    def users_own(self, key: str) -> bool:
        """Whether the user's own file has exactly `key`."""
        return any(layer.users_own and self._line(layer, key) is not None for layer in self.layers)

    def is_default(self, key: str) -> bool:
        """Whether no override, no profile and no project sets `key`: only the bundled config.yaml, if anything."""
        if self._override(key):
            return False
        setters = [layer for layer in self.layers if not layer.users_own and self._holds(layer, key)]
        return all(
            layer.trusted and not layer.package and layer.file.name == "config.yaml" for layer in setters
        )

    def written(self, at: str, value: object) -> str:
        """How a file writes the name below `at` that YAML reads as `value`, such as `yes`; empty where none does."""
        for layer in reversed(self.layers):
            for name in _names_in(self._root(layer.file), at.split(".")):
                with contextlib.suppress(yaml.YAMLError):
                    if yaml.safe_load(name) is value:
                        return name
        return ""

    def project_file(self) -> str:
        """The file of the chosen project, as it is shown; empty where there is none."""
        files = [layer.file for layer in self.layers if layer.file.parent.name == "project"]
        return _short(files[-1], self.folder) if files else ""

    def added_by(self, key: str) -> str:
        """The override that adds `key`, which no file has, without a `+`; empty where there is none.

        Adding with `+` is meant; without it, it is most often a name that is typed wrong.
        """
        inside = [
            one
            for one in self.overrides
            if not one.startswith("~")
            and (
                f"{_key(one)}.".startswith(f"{key}.")
                or (key.startswith(f"{_key(one)}.") and self._override(key) == one)
            )
        ]
        if not inside or any(one.startswith("+") for one in inside):
            return ""
        return "" if any(self._holds(layer, key) for layer in self.layers) else _shown(inside[0])

    def _holds(self, layer: Layer, key: str) -> bool:
        if layer.package:
            if f"{layer.package}.".startswith(f"{key}."):
                return True
            if not key.startswith(f"{layer.package}."):
                return False
            key = key[len(layer.package) + 1 :]
        return _holds(self._root(layer.file), key.split("."))

    def _of_exactly(self, key: str) -> str:
        override = self._override(key)
        if override:
            place = self.declared.get(override)
            return place.shown if place is not None else _shown(override)
        for layer in reversed(self.layers):
            line = self._line(layer, key)
            if line is not None:
                return f"{_short(layer.file, self.folder)}:{line}"
        # A mapping that nothing sets as a whole exists because something in it was set.
        within = (override for override in self.overrides if _key(override).startswith(f"{key}."))
        return next(map(_shown, within), "")

    def _override(self, key: str) -> str:
        for override in reversed(self.overrides):
            name = _key(override)
            if name == key or (key.startswith(f"{name}.") and _sets(override, key[len(name) + 1 :])):
                return override
        return ""

    def _line(self, layer: Layer, key: str) -> int | None:
        if layer.package:
            if not key.startswith(layer.package + "."):
                return None
            key = key[len(layer.package) + 1 :]
        return _line_in(self._root(layer.file), key.split("."))

    def _root(self, file: Path) -> yaml.Node | None:
        if file not in self._trees:
            self._trees[file] = _tree(file)
        return self._trees[file]


def _shown(override: str) -> str:
    shown = hidden_override(override)
    return f"{COMMAND_LINE}{shown if len(shown) <= 80 else shown[:77] + '...'}"


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _sets(override: str, inner: str) -> bool:
    """Whether the mapping that an override gives holds `inner`."""
    try:
        value = yaml.safe_load(override.partition("=")[2])
    except yaml.YAMLError:
        return False
    for part in inner.split("."):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _tree(file: Path) -> yaml.Node | None:
    try:
        return yaml_text.nodes(yaml_text.read(file))
    except (OSError, ConfigError, yaml.YAMLError):
        return None


def _line_in(node: Any, parts: list[str]) -> int | None:
    """Follow `parts` down; a name may itself hold dots, so try longer first parts as well."""
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in node.value:
        for length in range(1, len(parts) + 1):
            if name.value == ".".join(parts[:length]):
                if length == len(parts):
                    return int(name.start_mark.line) + 1
                found = _line_in(value, parts[length:])
                if found is not None:
                    return found
    return None


def _names_in(node: Any, parts: list[str]) -> list[str]:
    """The names of the mapping at `parts`, as they are written."""
    if not isinstance(node, yaml.MappingNode):
        return []
    if not parts:
        return [name.value for name, _ in node.value]
    return [
        found
        for name, value in node.value
        for length in range(1, len(parts) + 1)
        if name.value == ".".join(parts[:length])
        for found in _names_in(value, parts[length:])
    ]


def _holds(node: Any, parts: list[str]) -> bool:
    """Whether a document has `parts`, or an interpolation or a merge (`<<`) that may have it."""
    if not parts:
        return True
    if isinstance(node, yaml.ScalarNode):
        return "${" in node.value
    if not isinstance(node, yaml.MappingNode):
        return False
    return any(
        name.value == "<<"
        or any(
            name.value == ".".join(parts[:length]) and _holds(value, parts[length:])
            for length in range(1, len(parts) + 1)
        )
        for name, value in node.value
    )


def _short(file: Path, folder: Path) -> str:
    try:
        return str(folder / file.relative_to(folder.absolute()))
    except ValueError:
        return str(file)
