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

from runner import bundle
from runner.config import yaml_text
from runner.errors import UsageError
from runner.redaction import hidden_override

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

_SETS_A_VALUE: Final = re.compile(r"(?:\+\+?)?\w+(?:\.\w+)+")
# What differs between two sweeps that request the same clips.
_NOT_IDENTITY: Final = (
    *(
        "hydra",
        "output",
        "limits",
        "uploader",
        "plugins",
        "sweep",
        "trust",
        "metrics",
        "checks",
        "ci",
        "report",
    ),
)
_FIRST_KEYS: Final = {"continuity": ("fallback", "hand_over"), "film": ("join",), "beam": ()}
"""Sections that got more keys: those that every sweep is known by. The others count where they have another value than
their default, so that a sweep keeps its folder when keys are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The jobs of a sweep, each as its overrides. The last override varies fastest, as in Hydra's basic sweeper.

    `shared` are the overrides that all jobs have. `plain` are those that set a value and nothing else: a job is what
    its other overrides compose, with these set on top in their order.
    """

    jobs: tuple[tuple[str, ...], ...]
    shared: frozenset[str]
    plain: frozenset[str]


def expand(
    words: Sequence[str], base: DictConfig, loader: ConfigLoader, declared: Sequence[tuple[str, ...]] = ()
) -> Expansion:
    """The jobs of `words`. `base` is what all jobs share; `declared` are jobs that a file lists, each of which is
    combined with those of the words. What the words say wins.

    Raises `UsageError` for a sweep without distinct values, and Hydra's errors for words that are no overrides.
    """
    parser = OverridesParser.create(config_loader=loader)
    typed = [one for one in parser.parse_overrides(list(words)) if not one.is_hydra_override()]
    choices = {override.get_key_element(): _choices(override) for override in typed}
    plain: frozenset[str] = frozenset()
    if len(choices) == len(typed):
        ours, later = _plain([(one.get_key_element(), one.is_sweep_override()) for one in typed])
        plain = frozenset(one for key in ours for one in choices[key])
        in_files = list(dict.fromkeys(itertools.chain.from_iterable(declared)))
        free, _ = _plain([(key, True) for key in _apart({one.partition("=")[0] for one in in_files})], later)
        plain |= {one for one in in_files if one.partition("=")[0] in free}
    return Expansion(
        jobs=tuple(
            (*listed, *typed_job)
            for listed in declared or ((),)
            for typed_job in itertools.product(*choices.values())
        ),
        shared=frozenset(one for same in typed if not same.is_sweep_override() for one in _choices(same)),
        plain=plain,
    )


def listed(words: Sequence[str], batch: Sequence[Sequence[str]], loader: ConfigLoader) -> Expansion:
    """Jobs that a sweeper chose, each as its overrides; `words` are those of the whole sweep. Errors as `expand`."""
    parser = OverridesParser.create(config_loader=loader)
    typed = [one for one in parser.parse_overrides(list(words)) if not one.is_hydra_override()]
    found = [parser.parse_overrides(list(job)) for job in batch]
    keys = {tuple(one.get_key_element() for one in job) for job in found}
    plain: frozenset[str] = frozenset()
    # Where the jobs set other keys, or a key twice, the order of their overrides counts.
    if len(keys) == 1 and len(set(same := next(iter(keys)))) == len(same):
        ours, _ = _plain([(key, True) for key in same])
        ours -= {one.get_key_element() for job in found for one in job if one.is_sweep_override()}
        pairs = (
            (one.get_key_element(), text)
            for job, texts in zip(found, batch, strict=True)
            for one, text in zip(job, texts, strict=True)
        )
        plain = frozenset(text for key, text in pairs if key in ours)
    return Expansion(
        jobs=tuple(map(tuple, batch)),
        shared=frozenset(one for same in typed if not same.is_sweep_override() for one in _choices(same)),
        plain=plain,
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


def _plain(keys: Sequence[tuple[str, bool]], later: Sequence[str] = ()) -> tuple[set[str], list[str]]:
    """Which of the keys, each with whether it is swept, may be applied after all others; and those that may not.

    `later` are names of keys that are applied after these in any case.
    """
    found, others = set(), list(later)
    for key, is_swept in reversed(keys):
        name = key.lstrip("+~")
        # A dot tells a value from a choice of a config group; ~ removes keys.
        if is_swept and _SETS_A_VALUE.fullmatch(key) and not any(_overlap(name, other) for other in others):
            found.add(key)
        else:
            others.append(name)
    return found, others


def _overlap(one: str, other: str) -> bool:
    return f"{other}.".startswith(f"{one}.") or f"{one}.".startswith(f"{other}.")


def _apart(keys: Collection[str]) -> Iterator[str]:
    """Those of the keys of which none lies within another one: in a table one row may set a mapping, and another row
    a part of it."""
    names = {key.lstrip("+~") for key in keys}
    within = {name for name in names if any(above in names for above in _above(name))}
    outer = {above for name in within for above in _above(name)}
    for key in keys:
        if key.lstrip("+~") not in within | outer:
            yield key


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def identity(
    base: DictConfig, declared: Sequence[tuple[str, ...]] = (), sweeper: object = None
) -> tuple[str, str]:
    """(key of a sweep in 64 hex digits, name of the project that all its jobs share or nothing).

    `declared` are the jobs that a file lists: the sweep is another one where they change, and so is a search with
    another `sweeper`, which is what decides about its jobs in JSON values.
    """
    shared: Any = OmegaConf.to_container(base, resolve=False)
    overrides = [
        override
        for override in shared["hydra"]["overrides"]["task"]
        if override.lstrip("+~").partition("=")[0].partition(".")[0] not in (*_NOT_IDENTITY, "budget")
    ]
    for section in _NOT_IDENTITY:
        shared.pop(section, None)
    _without_defaults(shared)
    if isinstance(budget := shared.get("budget"), dict):
        # What was spent counts for a larger budget, too. Without limits, a sweep has the key that it always had.
        shared["budget"] = {key: None for key in budget if key != "partial"}
    parts = [shared, sorted(overrides), *([declared] if declared else []), *([sweeper] if sweeper else [])]
    request = json.dumps(parts, sort_keys=True, default=str)
    key = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
    project = shared.get("project") or {}
    return key, str(project.get("name") or "") if isinstance(project, dict) else ""


def _without_defaults(shared: dict[str, Any]) -> None:
    """Leave out the keys that were added later, where they have their default."""
    bundled = yaml_text.mapping(bundle.folder("conf") / "config.yaml")
    for section, first in _FIRST_KEYS.items():
        keys = shared.get(section)
        if not isinstance(keys, dict):
            continue
        for name, default in bundled[section].items():
            if name not in first and name in keys and keys[name] == default:
                del keys[name]
        if not keys and not first:  # a whole section that was added
            del shared[section]
