"""The jobs of a sweep, composed: once for each choice of files, with the plain values of the jobs on top."""

from __future__ import annotations

import logging
import pickle
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import declared_sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override

    from runner.config.hydra_files import Layers
    from runner.config.origins import Origins
    from runner.config.sweep_words import Expansion

_log = logging.getLogger(__name__)


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
) -> Iterator[tuple[DictConfig, Origins]]:
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
        self._started: dict[tuple[str, ...], tuple[bytes, Layers] | None] = {}

    def job(self, number: int) -> tuple[DictConfig, Origins]:
        """The configuration of one job, and where its values come from."""
        overrides = self._expansion.jobs[number]
        on_top = [one for one in overrides if one in self._expansion.plain]
        others = tuple(one for one in overrides if one not in self._expansion.plain)
        if others not in self._started:
            self._started[others] = self._start(others) if on_top and self._on_top else None
        start = self._started[others]
        if start is not None and self._on_top:
            config = _with_values(start[0], on_top)
            if config is not None:
                return config, self._opened.origins(overrides, start[1])
        config = by_hydra(overrides, self._base, self._opened, self._first + number)
        origins = self._opened.origins(overrides, start[1] if start else None)
        self._opened.set_users_values(config, origins)
        return config, origins

    def compare(self, number: int) -> None:
        """Have all jobs composed by Hydra where it composes this one otherwise."""
        config, origins = self.job(number)
        if self._started[tuple(one for one in origins.overrides if one not in self._expansion.plain)] is None:
            return
        other = by_hydra(origins.overrides, self._base, self._opened, self._first + number)
        self._opened.set_users_values(other, origins)
        if OmegaConf.to_container(config, resolve=False) != OmegaConf.to_container(other, resolve=False):
            _log.warning("job %s of the sweep is composed by Hydra, and so are all others", number)
            self._on_top = False

    def _start(self, overrides: tuple[str, ...]) -> tuple[bytes, Layers] | None:
        """What jobs with these overrides have in common, pickled: a copy is made six times faster so.

        `None` where they may differ in more than plain values.
        """
        try:
            task = by_hydra(overrides, self._base, self._opened, 0)
        except Exception:
            return None  # the same error comes with the whole job
        if "${hydra:" in OmegaConf.to_yaml(task):
            return None
        layers = self._opened.layers(overrides)
        self._opened.set_users_values(task, self._opened.origins(overrides, layers))
        return pickle.dumps(task, pickle.HIGHEST_PROTOCOL), layers


def by_hydra(overrides: tuple[str, ...], base: DictConfig, opened: Opened, number: int) -> DictConfig:
    """The job with this number as Hydra composes it, without the values of the user's own file."""
    whole = opened.loader.load_sweep_config(base, list(overrides))
    with open_dict(whole.hydra):
        whole.hydra.job.id = whole.hydra.job.num = number
        declared_sweep.without(whole)
    return opened.task(whole)


@lru_cache(maxsize=10_000)
def _parsed(override: str) -> Override:
    """An override by Hydra's grammar. The jobs of a sweep have the same few in other combinations."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(override)


def _with_values(pickled: bytes, overrides: Sequence[str]) -> DictConfig | None:
    """A configuration with values set; `None` where one cannot be set, which Hydra explains better."""
    config: DictConfig = pickle.loads(pickled)
    try:
        for override in map(_parsed, overrides):
            key, value = override.key_or_group, override.value()
            there = OmegaConf.select(config, key, throw_on_missing=False) is not None
            if override.is_add() and there and not isinstance(value, (dict, list)):
                return None
            adds = override.is_add() or override.is_force_add()
            OmegaConf.update(config, key, value, merge=True, force_add=adds)
    except OmegaConfBaseException:
        return None
    return config
