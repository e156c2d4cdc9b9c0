"""What a YAML file of the working folder may not hold: it is data, and may come from a stranger.

A project runs no code, reads no files and no environment variables of the user, and sends no key anywhere. What needs
the origin of a composed value is in `trust`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from runner.config.catalogue import GROUPS
from runner.config.interpolations import found_in
from runner.errors import ConfigError, Problem
from runner.redaction import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INSTANTIATED: Final = ("_target_", "_args_", "_partial_", "_recursive_", "_convert_")
ENVIRONMENT: Final = re.compile(r"""\$\{oc\.env:(?P<variable>[A-Za-z_]\w*)(?:,\s*(?:''|""|null)?\s*)?\}""")
"""A value that is an environment variable, with nothing as its default."""
_TEXT: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_HYDRA: Final = ("runtime.choices.", "job.num", "job.id")
_SECTIONS: Final = re.compile(
    r"(?:generator|uploader|extractor|generators\.[^.]+)\.(?!params\b)(?:\w+\.)?\w+"
)
_ON_THE_COMMAND_LINE: Final = "such a thing only on the command line, or in your own file: see README, Trust"


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that a file of the working folder takes a secret from, and where it says so."""

    name: str
    key: str
    place: str


def check(conf: Path, config_path: str, root: yaml.Node | None, package: str) -> tuple[Variable, ...]:
    """Raise `ConfigError` with each key, and its line, that a file which is data may not have.

    The file is `config_path`, such as `project/film.yaml`, below the configuration folder `conf`; `root` is its
    document; `package` the dotted place that its keys go to. Returns the environment variables that it names where
    secrets stand.
    """
    found = _Checked(conf, conf / config_path.lstrip("/"))
    if config_path.lstrip("/").partition("/")[0] == "hydra" or package.partition(".")[0] == "hydra":
        found.problem("hydra", "configures Hydra", root)
    if isinstance(root, yaml.MappingNode):
        for name, value in _entries(root):
            if name.value == "hydra":
                found.problem(
                    "hydra", "configures Hydra", name, "leave it out: the program runs all shots itself"
                )
            elif name.value == "defaults":
                found.defaults(value)
    found.values(root, package)
    if found.problems:
        raise ConfigError("a project file holds what it may not; nothing was started", tuple(found.problems))
    return tuple(found.variables)


def _entries(node: yaml.MappingNode) -> Iterator[tuple[Any, Any]]:
    """The names and values of a mapping, with those that it merges (`<<`) from elsewhere."""
    for name, value in node.value:
        yield name, value
        if name.value == "<<":
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for one in merged:
                if isinstance(one, yaml.MappingNode):
                    yield from _entries(one)


class _Checked:
    """Walks one document and notes what is wrong with it."""

    def __init__(self, conf: Path, file: Path) -> None:
        self.conf = conf
        self.file = file
        self.problems: list[Problem] = []
        self.variables: list[Variable] = []

    def problem(self, key: str, message: str, node: Any, allowed: str = _ON_THE_COMMAND_LINE) -> None:
        place = self._place(node)
        self.problems.append(Problem(key=key, message=message, allowed=allowed, source=place))

    def _place(self, node: Any) -> str:
        return f"{self.file}:{node.start_mark.line + 1 if isinstance(node, yaml.Node) else 1}"

    def defaults(self, node: Any) -> None:
        """Check a defaults list: names of files below the configuration folders, and nothing of Hydra's own."""
        if not isinstance(node, yaml.SequenceNode):
            self.problem("defaults", "should be a list", node, "entries are GROUP: NAME, or NAME")
            return
        for entry in node.value:
            pairs = entry.value if isinstance(entry, yaml.MappingNode) else [(entry, None)]
            for group, chosen in pairs:
                names = chosen.value if isinstance(chosen, yaml.SequenceNode) else [chosen] if chosen else []
                for text in [group, *names]:
                    is_null = isinstance(text, yaml.ScalarNode) and text.tag == _NULL and text is not group
                    if not is_null and (not isinstance(text, yaml.ScalarNode) or text.tag != _TEXT):
                        self.problem("defaults", "has an entry that is no file", text, "GROUP: NAME, or NAME")
                    elif not is_null and _leaves(text.value, self.conf):
                        self.problem(
                            "defaults", "leaves the configuration folders", text, "GROUP: NAME, or NAME"
                        )

    def values(self, root: yaml.Node | None, package: str) -> None:
        """Check all values, however deep, and those behind aliases once."""
        seen: set[int] = set()
        waiting: list[tuple[Any, str]] = [(root, "" if package == "_global_" else package)]
        while waiting:
            node, key = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.ScalarNode):
                self._text(node, key)
            elif isinstance(node, yaml.SequenceNode):
                waiting += [(one, f"{key}.{at}") for at, one in reversed(list(enumerate(node.value)))]
            elif isinstance(node, yaml.MappingNode):
                for name, value in reversed(node.value):
                    inner = f"{key}.{name.value}".lstrip(".") if isinstance(name, yaml.ScalarNode) else key
                    if isinstance(name, yaml.ScalarNode) and name.value in _INSTANTIATED:
                        self.problem(
                            inner, "names code to run", name, "leave it out: nothing is instantiated"
                        )
                    waiting += [(value, inner), (name, inner)]

    def _text(self, node: yaml.ScalarNode, key: str) -> None:
        if "${" not in node.value:
            return
        whole = ENVIRONMENT.fullmatch(node.value.strip())
        if whole and _SECTIONS.fullmatch(key) and is_secret(key):
            self.variables.append(Variable(whole["variable"], key, self._place(node)))
            return
        for one in found_in(node.value):
            if one.resolver == "oc.env":
                allowed = "only the whole value of a secret key, such as generator.api_key, without a default"
                self.problem(key, "reads an environment variable", node, allowed)
            elif one.resolver and not _is_harmless(one.resolver, one.inner):
                self.problem(key, f"calls the resolver {one.resolver[:40]}", node)
            else:
                continue
            return


def _is_harmless(resolver: str, inner: str) -> bool:
    return resolver == "now" or (resolver == "hydra" and inner.strip().startswith(_HYDRA))


def _leaves(entry: str, conf: Path) -> bool:
    """Whether an entry of a defaults list may lead out of the configuration folders, or into Hydra's own files."""
    path, _, package = re.sub(r"^\s*(?:override|optional)\s+", "", entry).partition("@")
    parts = path.lstrip("/").split("/")
    return (
        (path.startswith("/") and parts[0] not in (*GROUPS, "project") and not (conf / parts[0]).is_dir())
        or any(part in ("..", "~") for part in parts)
        or any(sign in path for sign in ("://", "//", "\\", "\0", ":"))
        or parts[0] == "hydra"
        or not re.fullmatch(r"(?!hydra\b)(?!_global_\.hydra\b)[\w.]*", package)
        or any(one.resolver for one in found_in(entry))
    )
