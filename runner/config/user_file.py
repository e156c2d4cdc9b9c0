"""The user's own file: settings that hold for all projects, and what the user trusts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, open_dict

from runner.config import trust, yaml_text
from runner.config.schema import SECTIONS
from runner.errors import ConfigError
from runner.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.config.origins import Origins

VARIABLE: Final = "RUNNER_CONFIG"
"""The environment variable that names another file; empty for none at all."""
PLACE: Final = "~/.config/film-runner/config.yaml"


@dataclass(frozen=True, slots=True)
class UserFile:
    """The file and what is in it."""

    path: Path
    content: Mapping[Any, Any]


def of_environment() -> Path | None:
    """The file that the environment names, or the usual one where it exists.

    Raises `ConfigError` where the environment names one that does not exist.
    """
    named = os.environ.get(VARIABLE)
    try:
        path = Path(PLACE if named is None else named).expanduser()
        if path.is_file():
            return path
        why = "there is no such file"
    except (OSError, RuntimeError, ValueError) as error:  # not to be read, no home folder, no path
        why = getattr(error, "strerror", None) or str(error)
    if named:
        raise ConfigError("your own file cannot be read", where=named, why=f"{why}; {VARIABLE} names it")
    return None


def read(path: Path | None) -> UserFile | None:
    """What the user's own file holds. Raises `ConfigError` for one that holds something else than sections."""
    if path is None:
        return None
    content = yaml_text.mapping(path)
    for name, value in content.items():
        if name == "defaults":
            hint = "choose a profile on the command line: generator=NAME"
            raise ConfigError("your own file has no defaults list", where=str(path), hint=hint)
        if name in SECTIONS and not isinstance(value, dict):
            raise ConfigError(f"`{name}` should be a mapping of keys", where=str(path))
    return UserFile(path, content)


def apply(own: UserFile, config: DictConfig, origins: Origins, restricted: Mapping[str, object]) -> None:
    """Put the user's values in place of the program's own defaults, and of nothing else.

    A profile, a project or an override wins; but the keys `restricted` are no project's, and neither are secrets and
    addresses a bundled profile's. A section that names a plugin is for that plugin.
    """
    for path, value in _leaves(own.content, ()):
        section = path[0]
        if section in set(Kind) and not _is_for(own.content[section], config.get(section)):
            continue
        key = ".".join(path)
        if origins.is_default(key) or (
            not origins.overridden(key)
            and (key in restricted or (trust.is_the_users(path[-1]) and not origins.in_data(key)))
        ):
            _set(config, path, value)


def _is_for(section: Mapping[Any, Any], chosen: Any) -> bool:
    plugin = section.get("plugin")
    return plugin is None or not isinstance(chosen, DictConfig) or plugin == chosen.get("plugin")


def _leaves(value: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _leaves(inner, (*path, str(name)))
        else:
            yield (*path, str(name)), inner


def _set(config: DictConfig, path: tuple[str, ...], value: Any) -> None:
    node: Any = config
    with open_dict(config):
        for name in path[:-1]:
            if not isinstance(node.get(name), DictConfig):
                node[name] = {}
            node = node[name]
        node[path[-1]] = value
