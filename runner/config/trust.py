"""Who may set what: the command line and the user's own file everything, a file of the working folder only data."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner import bundle
from runner.config import yaml_text
from runner.config.convert import types_of
from runner.errors import ConfigError, Problem
from runner.net.addresses import host_of
from runner.redaction import SHORTEST, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from runner.config.data_files import Variable
    from runner.config.origins import Origins

RESTRICTED: Final = ("output.root", "plugins.dirs", "trust.hosts", "trust.variables")
"""Keys that no file of the working folder sets to anything but their default."""
_PLACES: Final = "on the command line, or in your own file: see README, Trust"
_ADDRESS: Final = re.compile(r"(?:\w+_)?(?:url|host|endpoint)")
_ON_THIS_MACHINE: Final = re.compile(r"(?:\w+_)?(?:file|path|dir|binary|bind|proxy)")


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user trusts besides the command line: hosts, in lower case, and environment variables."""

    hosts: frozenset[str]
    variables: frozenset[str]


def defaults() -> dict[str, Any]:
    """The values of `RESTRICTED` in the bundled config.yaml."""
    bundled = yaml_text.mapping(bundle.folder("conf") / "config.yaml")
    return {key: _at(bundled, key) for key in RESTRICTED}


def of(config: Mapping[str, Any]) -> Trust:
    """What a composed configuration says."""
    keys = config.get("trust")
    keys = keys if isinstance(keys, dict) else {}
    variables = keys.get("variables")
    variables = defaults()["trust.variables"] if variables is None else variables
    hosts = keys.get("hosts")
    return Trust(
        frozenset(str(one).lower() for one in (hosts if isinstance(hosts, list) else ())),
        frozenset(map(str, variables if isinstance(variables, list) else ())),
    )


def check(config: Mapping[str, Any], origins: Origins, variables: Iterable[Variable]) -> None:
    """Raise `ConfigError` for what a file of the working folder sets, and may not.

    `config` is the composed configuration with interpolations as written; `variables` are the environment variables
    that such files name.
    """
    problems = []
    for key, default in defaults().items():
        value = _at(config, key)
        if value not in (default, None) and (place := origins.untrusted(key)):
            problems.append(_refused(key, place))
    allowed = of(config).variables
    for one in variables:
        if one.name not in allowed:
            message = f"reads the environment variable {one.name}, which it may not"
            how = f"trust.variables=[{one.name}], {_PLACES}"
            problems.append(Problem(key=one.key, message=message, allowed=how, source=one.place))
    if problems:
        raise ConfigError("a project file sets what it may not; nothing was started", tuple(problems))


def refused_options(
    options: type, given: Mapping[str, Any], at: str, origins: Origins, trust: Trust
) -> Iterator[Problem]:
    """The options of a plugin that a file of the working folder may not set: where a key goes to, what is run, which
    files of the user are read.

    They are known by their names, or by `runner.api.TRUSTED`.
    """
    for one in dataclasses.fields(options):
        value = given.get(one.name)
        if value is None or value in ("", _default(one)):
            continue
        key = f"{at}.{one.name}"
        nested = types_of(options).get(one.name)
        if isinstance(value, dict) and isinstance(nested, type) and dataclasses.is_dataclass(nested):
            yield from refused_options(nested, value, key, origins, trust)
            continue
        restricted = one.metadata.get("trusted", _is_restricted(one.name))
        if not restricted or not (place := origins.untrusted(key)):
            continue
        if _ADDRESS.fullmatch(one.name) and host_of(str(value)) in trust.hosts:
            continue
        host = f"trust.hosts=[{host_of(str(value))}] or {key}=..., " if host_of(str(value)) else ""
        yield _refused(key, place, host)


def _default(one: dataclasses.Field[Any]) -> object:
    return None if one.default is dataclasses.MISSING else one.default


def _is_restricted(name: str) -> bool:
    return bool(_ADDRESS.fullmatch(name) or _ON_THIS_MACHINE.fullmatch(name))


def refused_secrets(
    config: Mapping[str, Any], secrets: Mapping[str, str], variables: Iterable[Variable], origins: Origins
) -> Iterator[Problem]:
    """Keys of files of the working folder that hold a secret and are no secrets themselves.

    `secrets` are the values of the keys that are. `variables` are what such files take from the environment.
    """
    for one in variables:
        if one.key not in secrets and _at(config, one.key):
            message = "reads an environment variable, and is no secret of its plugin"
            yield Problem(key=one.key, message=message, source=one.place)
    values = [value for value in secrets.values() if len(value) >= SHORTEST]
    for key, text in _texts(config, "") if values else ():
        if (
            key not in secrets
            and any(value in text for value in values)
            and (place := origins.untrusted(key))
        ):
            message = "refers to a secret"
            yield Problem(key=key, message=message, allowed="a text without it", source=place)


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, f"{at}.{name}".lstrip("."))


def is_the_users(option: str) -> bool:
    """Whether an option is a matter of the user and not of a project, by its name: a secret, an address, a file."""
    return is_secret(option) or _is_restricted(option)


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a path, with its links followed, lies below one of `folders`."""
    found = path.resolve()
    return any(found.is_relative_to(folder.resolve()) for folder in folders)


def _refused(key: str, place: str, how: str = "") -> Problem:
    message = "cannot be set in a file of this folder"
    return Problem(key=key, message=message, allowed=f"{how}{_PLACES}", source=place)


def _at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config
