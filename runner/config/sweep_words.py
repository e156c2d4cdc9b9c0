"""A sweep as words: the jobs that swept overrides stand for, in order, and what identifies the sweep."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from runner.errors import UsageError
from runner.redaction import hidden_override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

_SETS_A_VALUE: Final = re.compile(r"(?:\+\+?)?\w+(?:\.\w+)+")
# What differs between two sweeps that request the same clips.
_NOT_IDENTITY: Final = ("hydra", "output", "limits", "uploader", "plugins", "sweep", "trust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The jobs of a sweep, each as its overrides. The last override varies fastest, as in Hydra's basic sweeper.

    `shared` are the overrides that all jobs have. `plain` are those that set a value and nothing else: a job is what
    its other overrides compose, with these set on top in their order.
    """

    jobs: tuple[tuple[str, ...], ...]
    shared: frozenset[str]
    plain: frozenset[str]


def expand(words: Sequence[str], base: DictConfig, loader: ConfigLoader) -> Expansion:
    """The jobs of `words`. `base` is what all jobs share.

    Raises `UsageError` for a sweep without distinct values, and Hydra's errors for words that are no overrides.
    """
    parser = OverridesParser.create(config_loader=loader)
    typed = [one for one in parser.parse_overrides(list(words)) if not one.is_hydra_override()]
    choices = {override.get_key_element(): _choices(override) for override in typed}
    plain = _plain(typed) if len(choices) == len(typed) else ()
    return Expansion(
        jobs=tuple(itertools.product(*choices.values())),
        shared=frozenset(one for same in typed if not same.is_sweep_override() for one in _choices(same)),
        plain=frozenset(one for key in plain for one in choices[key]),
    )


def _choices(override: Override) -> tuple[str, ...]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        return (f"{key}={override.get_value_element_as_str()}",)
    if not override.is_discrete_sweep():
        raise UsageError(
            f"{key} is swept over an interval", hint="name its values: -m KEY=A,B or KEY=range(1,4)"
        )
    found = tuple(f"{key}={value}" for value in override.sweep_string_iterator())
    if not found:
        raise UsageError(f"{key} is swept over no value", why=hidden_override(str(override.input_line)))
    return found


def _plain(typed: Sequence[Override]) -> Iterator[str]:
    """The keys of the swept overrides that may be applied after all others."""
    later: list[str] = []
    for override in reversed(typed):
        key = override.get_key_element()
        name = key.lstrip("+~")
        touches = any(
            f"{other}.".startswith(f"{name}.") or f"{name}.".startswith(f"{other}.") for other in later
        )
        # A dot tells a value from a choice of a config group; ~ removes keys.
        if override.is_sweep_override() and _SETS_A_VALUE.fullmatch(key) and not touches:
            yield key
        else:
            later.append(name)


def identity(base: DictConfig) -> tuple[str, str]:
    """(key of a sweep in 64 hex digits, name of the project that all its jobs share or nothing)."""
    shared: Any = OmegaConf.to_container(base, resolve=False)
    overrides = [
        override
        for override in shared["hydra"]["overrides"]["task"]
        if override.lstrip("+~").partition("=")[0].partition(".")[0] not in (*_NOT_IDENTITY, "budget")
    ]
    for section in _NOT_IDENTITY:
        shared.pop(section, None)
    if isinstance(budget := shared.get("budget"), dict):
        # What was spent counts for a larger budget, too. Without limits, a sweep has the key that it always had.
        shared["budget"] = {key: None for key in budget if key != "partial"}
    request = json.dumps([shared, sorted(overrides)], sort_keys=True, default=str)
    key = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
    project = shared.get("project") or {}
    return key, str(project.get("name") or "") if isinstance(project, dict) else ""
