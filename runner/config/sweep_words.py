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
    from collections.abc import Sequence

    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

# What differs between two sweeps that request the same clips.
_NOT_IDENTITY: Final = ("hydra", "output", "limits", "uploader", "plugins", "sweep", "trust")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The jobs of a sweep, each as its overrides. The last override varies fastest, as in Hydra's basic sweeper.

    `shared` are the overrides that all jobs have. `values_only` says that a job is the base configuration with plain
    values set on top: those of its overrides that are not shared, in their order.
    """

    jobs: tuple[tuple[str, ...], ...]
    shared: frozenset[str]
    values_only: bool


def expand(words: Sequence[str], base: DictConfig, loader: ConfigLoader) -> Expansion:
    """The jobs of `words`. `base` is what all jobs share.

    Raises `UsageError` for a sweep without distinct values, and Hydra's errors for words that are no overrides.
    """
    parser = OverridesParser.create(config_loader=loader)
    typed = [one for one in parser.parse_overrides(list(words)) if not one.is_hydra_override()]
    choices: dict[str, tuple[str, ...]] = {}
    on_top: dict[str, bool] = {}
    for override in typed:
        key = override.get_key_element()
        choices[key] = _choices(override)
        on_top[key] = override.is_sweep_override()
    return Expansion(
        jobs=tuple(itertools.product(*choices.values())),
        shared=frozenset(one for same in typed if not same.is_sweep_override() for one in _choices(same)),
        values_only=len(choices) == len(typed) and _values_only(on_top),
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


def _values_only(on_top: dict[str, bool]) -> bool:
    keys = list(on_top)
    for at, key in enumerate(keys):
        if not on_top[key]:
            continue
        # A dot tells a value from a choice of a config group; + and ~ add and remove keys.
        if not re.fullmatch(r"\w+(\.\w+)+", key):
            return False
        later = (other.lstrip("+~") for other in keys[at + 1 :] if not on_top[other])
        if any(f"{other}.".startswith(f"{key}.") or f"{key}.".startswith(f"{other}.") for other in later):
            return False
    return True


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
