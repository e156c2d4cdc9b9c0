"""The jobs of a sweep, composed: once for each choice of files, with the plain values of the jobs on top."""

from __future__ import annotations

import logging
import pickle
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import declared_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hydra.core.config_loader import ConfigLoader

    from runner.config.hydra_files import Layers
    from runner.config.origins import Origins
    from runner.config.sweep_words import Expansion

_log = logging.getLogger(__name__)

_INTEGER_OR_QUOTED: Final = re.compile(
    r"""([A-Za-z_][\w.]*)=(?:(0|-?[1-9][0-9]*)|'([^'\\$\r\n]*)')""", re.ASCII
)
"""The overrides that sweeps have most of. Each means the same by Hydra's grammar, which takes a millisecond."""


@dataclass(frozen=True)
class Task:
    """What a job composes."""

    as_written: Any
    """A plain container, with interpolations as written. Jobs share parts of it: it is not to be changed."""
    node: DictConfig | None = None
    start: _Start | None = None
    on_top: tuple[str, ...] = ()
    known: dict[str, Any] = field(default_factory=dict)
    """Interpolations that mean the same in all jobs of a sweep, and their values."""

    @cached_property
    def config(self) -> DictConfig:
        """The same as OmegaConf has it, which resolves interpolations."""
        if self.node is not None:
            return self.node
        assert self.start is not None
        config = self.start.with_values(self.on_top)
        assert config is not None
        return config


class Opened(Protocol):
    """What an open composition does for its jobs."""

    @property
    def loader(self) -> ConfigLoader: ...

    def origins(self, overrides: tuple[str, ...], layers: Layers | None = None) -> Origins: ...

    def layers(self, overrides: tuple[str, ...]) -> Layers: ...

    def set_users_values(self, config: DictConfig, origins: Origins) -> None: ...

    def task(self, config: DictConfig) -> DictConfig: ...


def composed_jobs(
    expansion: Expansion, base: DictConfig, opened: Opened, first: int = 0
) -> Iterator[tuple[Task, Origins]]:
    """What each job composes: one composition for each choice of files, with the plain values of the jobs on top.

    `first` is the number of the first of them within its sweep. The first job, the last and one between them are
    composed by Hydra as well. Where one of them differs, all are.
    """
    last = len(expansion.jobs) - 1
    composed = _Jobs(expansion, base, opened, first)
    for number in sorted({0, last // 2, last}):
        composed.compare(number)
    for number in range(len(expansion.jobs)):
        yield composed.job(number)


class _Jobs:
    """Composes the jobs of a sweep."""

    def __init__(self, expansion: Expansion, base: DictConfig, opened: Opened, first: int) -> None:
        self._expansion = expansion
        self._base = base
        self._opened = opened
        self._first = first
        self._on_top = True
        self._started: dict[tuple[str, ...], _Start | None] = {}

    def job(self, number: int) -> tuple[Task, Origins]:
        """The configuration of one job, and where its values come from."""
        overrides = self._expansion.jobs[number]
        on_top = tuple(one for one in overrides if one in self._expansion.plain)
        others = tuple(one for one in overrides if one not in self._expansion.plain)
        if others not in self._started:
            self._started[others] = self._start(others) if on_top and self._on_top else None
        start = self._started[others]
        if start is not None and self._on_top:
            task = start.task(on_top)
            if task is not None:
                return task, self._opened.origins(overrides, start.layers)
        config = by_hydra(overrides, self._base, self._opened, self._first + number)
        origins = self._opened.origins(overrides, start.layers if start else None)
        self._opened.set_users_values(config, origins)
        return task_of(config), origins

    def compare(self, number: int) -> None:
        """Have all jobs composed by Hydra where it composes this one otherwise."""
        task, origins = self.job(number)
        if self._started[tuple(one for one in origins.overrides if one not in self._expansion.plain)] is None:
            return
        other = by_hydra(origins.overrides, self._base, self._opened, self._first + number)
        self._opened.set_users_values(other, origins)
        if task.as_written != as_written(other) or as_written(task.config) != task.as_written:
            _log.warning("job %s of the sweep is composed by Hydra, and so are all others", number)
            self._on_top = False

    def _start(self, overrides: tuple[str, ...]) -> _Start | None:
        """What jobs with these overrides have in common; `None` where they may differ in more than plain values."""
        try:
            task = by_hydra(overrides, self._base, self._opened, 0)
        except Exception:
            return None  # the same error comes with the whole job
        if "${hydra:" in OmegaConf.to_yaml(task):
            return None
        layers = self._opened.layers(overrides)
        self._opened.set_users_values(task, self._opened.origins(overrides, layers))
        return _Start(pickle.dumps(task, pickle.HIGHEST_PROTOCOL), as_written(task), layers)


@dataclass(frozen=True, slots=True)
class _Start:
    """What jobs have in common that differ in plain values."""

    pickled: bytes
    """The configuration: a copy is made six times faster so."""
    as_written: Any
    layers: Layers
    known: dict[str, Any] = field(default_factory=dict)

    def task(self, overrides: tuple[str, ...]) -> Task | None:
        """The job with these values on top; `None` where one cannot be set, which Hydra explains better.

        Most are set in place of others, which needs no OmegaConf.
        """
        values = self.as_written
        for override in map(_parsed, overrides):
            values = None if override.adds else _with_value(values, override.key.split("."), override.value)
            if values is None:
                config = self.with_values(overrides)
                return None if config is None else task_of(config)
        return Task(values, start=self, on_top=overrides, known=self.known)

    def with_values(self, overrides: Sequence[str]) -> DictConfig | None:
        """The configuration with values set; `None` where one cannot be set."""
        config: DictConfig = pickle.loads(self.pickled)
        try:
            for override in map(_parsed, overrides):
                there = OmegaConf.select(config, override.key, throw_on_missing=False) is not None
                if override.adds and not override.forced and there and not _is_container(override.value):
                    return None
                OmegaConf.update(config, override.key, override.value, merge=True, force_add=override.adds)
        except OmegaConfBaseException:
            return None
        return config


def task_of(config: DictConfig) -> Task:
    """What a configuration is that was composed by itself."""
    return Task(as_written(config), config)


def as_written(config: DictConfig) -> Any:
    """A configuration as a plain container, with interpolations as written."""
    return OmegaConf.to_container(config, resolve=False)


def by_hydra(overrides: tuple[str, ...], base: DictConfig, opened: Opened, number: int) -> DictConfig:
    """The job with this number as Hydra composes it, without the values of the user's own file."""
    whole = opened.loader.load_sweep_config(base, list(overrides))
    with open_dict(whole.hydra):
        whole.hydra.job.id = whole.hydra.job.num = number
        declared_sweep.without(whole)
    return opened.task(whole)


@dataclass(frozen=True, slots=True)
class _Override:
    """One value to set. It `adds` a key with `+` or `++`; the latter is `forced`, also where there is the key."""

    key: str
    value: Any
    adds: bool = False
    forced: bool = False


@lru_cache(maxsize=10_000)
def _parsed(override: str) -> _Override:
    """An override by Hydra's grammar. The jobs of a sweep have the same few in other combinations."""
    if simple := _INTEGER_OR_QUOTED.fullmatch(override):
        key, integer, quoted = simple.groups()
        return _Override(key, quoted if integer is None else int(integer))
    from hydra.core.override_parser.overrides_parser import OverridesParser

    found = OverridesParser.create().parse_override(override)
    forced = found.is_force_add()
    return _Override(found.key_or_group, found.value(), adds=forced or found.is_add(), forced=forced)


def _with_value(container: Any, path: Sequence[str], value: Any) -> Any:
    """A plain container with one plain value in place of another, sharing all else with it.

    `None` where that is not all there is to it: the key is new, refers to another, or is more than a plain value.
    """
    name, *below = path
    if not isinstance(container, dict) or name not in container:
        return None
    old = container[name]
    if below:
        new = _with_value(old, below, value)
        return None if new is None else {**container, name: new}
    if _is_container(old) or _is_container(value) or _refers(old) or _refers(value):
        return None
    return {**container, name: value}


def _is_container(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _refers(value: Any) -> bool:
    return isinstance(value, str) and "${" in value
