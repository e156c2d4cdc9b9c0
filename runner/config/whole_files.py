"""Mistakes in a whole configuration file, found before it is merged: nothing in it, or a section of another kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from runner.config import yaml_text
from runner.config.schema import SECTIONS
from runner.errors import ConfigError
from runner.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def check(file: Path, content: Mapping[Any, Any], config_path: str, package: str | None) -> None:
    """Raise `ConfigError` for a file that Hydra would merge with a riddle for a message, or blame another file for.

    `config_path` is where Hydra looks for it, such as `project/my_film`; `package` is the file's own.
    """
    is_project = config_path.lstrip("/").startswith("project/")
    if is_project and not content:
        raise ConfigError(
            "the project file is empty",
            where=f"{file}:1",
            hint="write a project into it; python -m runner init NAME  writes one to start from",
        )
    if _has_null_name(content):
        raise _null_name(file)
    if package != "_global_" and (is_project or "/" in config_path.strip("/")):
        return  # its keys are not sections
    for section in SECTIONS:
        value = content.get(section)
        if isinstance(value, list) or (isinstance(value, (str, int, float)) and "${" not in str(value)):
            raise _no_mapping(file, section, value)


def _has_null_name(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_null_name, value))
    return isinstance(value, dict) and (None in value or any(map(_has_null_name, value.values())))


def _null_name(file: Path) -> ConfigError:
    waiting = [yaml_text.nodes(yaml_text.read(file))]
    line, written = 1, "null"
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                waiting.append(value)
                if name.tag == "tag:yaml.org,2002:null":
                    line, written = int(name.start_mark.line) + 1, name.value
    return ConfigError(
        "YAML reads a name as null",
        where=f"{file}:{line}",
        hint=f'put the name in quotes: "{written}"' if written else "write a name before the colon",
    )


def _no_mapping(file: Path, section: str, value: object) -> ConfigError:
    found = "a list" if isinstance(value, list) else f"the value {value!r}"
    hint = f"write {section}:, and below it KEY: VALUE lines"
    if section in ("sequences", "generators"):
        hint = f"write {section}:, and below it NAME: in place of each -"
    elif section == "project":
        hint = f"write project:, and below it  name: {value}" if isinstance(value, str) else hint
    elif section in set(Kind) and isinstance(value, str):
        hint = f"choose a profile on the command line: {section}={value}; or write below it  plugin: {value}"
    return ConfigError(
        f"`{section}` should be a mapping of {'names' if section in ('sequences', 'generators') else 'keys'}",
        where=f"{file}:{_line(file, section)}",
        why=f"this one is {found}",
        hint=hint,
    )


def _line(file: Path, section: str) -> int:
    root = yaml_text.nodes(yaml_text.read(file))
    names = [name for name, _ in root.value] if isinstance(root, yaml.MappingNode) else []
    return next((int(name.start_mark.line) + 1 for name in names if name.value == section), 1)
