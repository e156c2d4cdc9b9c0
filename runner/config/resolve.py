"""From OmegaConf's values to plain ones: interpolations resolved, all that cannot be resolved reported at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config import interpolations
from runner.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.config.jobs import Task
    from runner.config.origins import Origins

_VARIABLE: Final = re.compile(r"\$\{oc\.env:[^${}]*\}")
"""Refers to the environment and to nothing else."""


def plain(task: Task, origins: Origins) -> dict[str, Any]:
    """A configuration resolved, every key a text. Raises `ConfigError` with every reference that leads nowhere.

    Call `check_references` before.
    """
    if not _refers(task.as_written):
        # There is nothing to resolve, which is most of the cost of a job in a sweep.
        whole = _named(task.as_written)
        assert isinstance(whole, dict)
        return whole
    try:
        found = _named(_resolved(task, task.as_written, ()))
    except OmegaConfBaseException:
        problems = tuple(_unresolved(task.config, "", origins))
        if not problems:
            raise
        raise ConfigError("the configuration refers to what is not there", problems) from None
    assert isinstance(found, dict)
    return found


def _resolved(task: Task, written: Any, at: tuple[Any, ...]) -> Any:
    """What is `written` at this path, with its interpolations resolved.

    The same as `OmegaConf.to_container(task.config, resolve=True)`, which looks at every value for long.
    """
    if not _refers(written):
        return written
    if isinstance(written, dict):
        return {key: _resolved(task, value, (*at, key)) for key, value in written.items()}
    if isinstance(written, list):
        return [_resolved(task, value, (*at, place)) for place, value in enumerate(written)]
    if written in task.known:
        return task.known[written]
    found: Any = task.config
    for key in at:
        found = found[key]
    if OmegaConf.is_config(found):
        return OmegaConf.to_container(found, resolve=True)
    if _VARIABLE.fullmatch(written):
        task.known[written] = found
    return found


def check_references(as_written: Any, origins: Origins) -> None:
    """Raise `ConfigError` where interpolations lead too far, or become more text than anyone needs.

    `as_written` is the configuration as a plain container with its interpolations.
    """
    found = interpolations.too_much(as_written)
    if found is not None:
        key, message = found
        problem = Problem(key=key, message=message, source=origins.of(key))
        raise ConfigError("the configuration cannot be resolved", (problem,))


def _refers(value: Any) -> bool:
    """Whether an interpolation, or an escaped one, stands anywhere in a plain value."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict):
        return any(_refers(name) or _refers(inner) for name, inner in value.items())
    return isinstance(value, (list, tuple)) and any(map(_refers, value))


def _unresolved(node: DictConfig | ListConfig, at: str, origins: Origins) -> Iterator[Problem]:
    for key in range(len(node)) if isinstance(node, ListConfig) else list(node):
        name = f"{at}.{key}" if at else str(key)
        if OmegaConf.is_missing(node, key):
            continue
        try:
            inner = node[key]
        except OmegaConfBaseException as error:
            yield Problem(key=name, message=str(error).splitlines()[0], source=origins.of(name))
            continue
        if OmegaConf.is_config(inner) and not OmegaConf.is_interpolation(node, key):
            yield from _unresolved(inner, name, origins)


def _named(value: Any) -> Any:
    """Keys as text: YAML reads the name 1 as a number, an override does not, and both mean the same shot."""
    if isinstance(value, list):
        return [_named(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    named: dict[Any, Any] = {}
    for key, inner in value.items():
        name = str(key) if isinstance(key, (int, float)) and not isinstance(key, bool) else key
        named[name] = _merged(named.get(name), _named(inner))
    return named


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merged(old.get(key), value) for key, value in new.items()}
    return new
