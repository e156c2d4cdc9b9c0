"""Composition: overrides and a working folder become a configuration, or one for each job of a sweep.

Nothing of the process is read or changed but the environment variables that `${oc.env:NAME}` names: not its
arguments, its current folder, its output, its logging. Hydra composes; its launchers, callbacks and logging never run.
"""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import hydra_files, sweep_words, yaml_text
from runner.config.hydra_errors import explained
from runner.config.origins import Origins
from runner.config.resolve import plain
from runner.errors import UsageError
from runner.redaction import hidden_override, hidden_value, remember_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hydra.core.config_loader import ConfigLoader


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """A job's place in its sweep. `sweep_key` is 64 hex digits.

    `overrides` are those in which the jobs differ, with secrets hidden.
    """

    number: int
    overrides: tuple[str, ...]
    sweep_key: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """One composed configuration. `text` is its YAML as written, with secrets hidden and interpolations kept.

    Paths in it that are relative start from `folder`, the working folder.
    """

    config: dict[str, Any]
    text: str
    overrides: tuple[str, ...]
    origins: Origins
    job: SweepJob | None
    folder: Path = Path()

    @property
    def shown_overrides(self) -> list[str]:
        return [hidden_override(override) for override in self.overrides]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryConfig:
    """Which primary file is composed (without its ending), and a further folder in which files are looked up."""

    name: str = "config"
    folder: Path | None = None


_BUNDLED = PrimaryConfig()


def compose(words: Sequence[str], folder: Path = Path(), source: PrimaryConfig = _BUNDLED) -> Composed:
    """Compose one run from overrides, with files and relative paths looked up in `folder`.

    Raises `ConfigError` with every problem of the files, `UsageError` for words that are no overrides. Two threads may
    compose at the same time; they take turns.
    """
    with _hydra(words, folder, source) as loader:
        config = _one(words, source)
        overrides = _overrides(config)
        return _composed(
            _task(config, folder), overrides, hydra_files.Layers(loader, source.name, overrides), folder
        )


def compose_sweep(
    words: Sequence[str], folder: Path = Path(), source: PrimaryConfig = _BUNDLED
) -> tuple[Composed, ...]:
    """Compose every job of a sweep, in the order of its numbers; errors are those of `compose`."""
    from hydra.types import RunMode

    with _hydra(words, folder, source) as loader:
        base = loader.load_configuration(source.name, list(words), RunMode.MULTIRUN)
        sweep_key, project = sweep_words.identity(base)
        expansion = sweep_words.expand(words, base, loader)
        # Plain values on top choose no other files.
        layers = (
            hydra_files.Layers(loader, source.name, tuple(expansion.shared))
            if expansion.values_only
            else None
        )
        jobs = []
        for number, (overrides, config) in enumerate(_jobs(expansion, base, loader, folder)):
            differs = (one for one in overrides if one not in expansion.shared)
            job = SweepJob(
                number=number,
                overrides=tuple(map(hidden_override, differs)),
                sweep_key=sweep_key,
                project=project,
            )
            found = layers or hydra_files.Layers(loader, source.name, overrides)
            jobs.append(_composed(config, overrides, found, folder, job))
    return tuple(jobs)


def written(
    words: Sequence[str],
    folder: Path = Path(),
    source: PrimaryConfig = _BUNDLED,
    *,
    resolve: bool = False,
    package: str = "",
) -> str:
    """The configuration as YAML with secrets hidden, or the part of it at the dotted key `package`.

    Interpolations stay as written unless `resolve`. Nothing is validated. Errors are those of `compose`.
    """
    with _hydra(words, folder, source):
        task = _task(_one(words, source), folder)
        shown = OmegaConf.create(hidden_value(OmegaConf.to_container(task, resolve=resolve)))
        if package in ("", "_global_"):
            return yaml_text.text(OmegaConf.to_container(shown))
        part = OmegaConf.select(shown, package)
        if part is None:
            raise UsageError(f"there is no key {package}", hint="leave out --package to see every key")
        if not OmegaConf.is_config(part):
            return f"{part}\n"
        return f"# @package {package}\n{yaml_text.text(OmegaConf.to_container(part))}"


@contextlib.contextmanager
def _hydra(words: Sequence[str], folder: Path, source: PrimaryConfig) -> Iterator[ConfigLoader]:
    """Hydra's loader for this composition; its errors in our words."""
    remember_environment()
    for word in words:
        hidden_override(word)  # remembers what it hides, wherever it is written to from here
    option = next((word for word in words if word.startswith("-")), None)
    if option is not None:
        raise UsageError(f"{option.partition('=')[0]} is no override", why="an override is KEY=VALUE")
    try:
        with hydra_files.loader(hydra_files.Place(folder, source.folder)) as loader:
            yield loader
    except Exception as error:
        raise explained(error, words, folder) from error


def _one(words: Sequence[str], source: PrimaryConfig) -> DictConfig:
    import hydra

    return hydra.compose(source.name, list(words), return_hydra_config=True)


def _task(config: DictConfig, folder: Path) -> DictConfig:
    """A copy of `config` without Hydra's own section, to which `${hydra:...}` in it refers."""
    from hydra.core.hydra_config import HydraConfig

    config.hydra.runtime.cwd = str(folder.absolute())
    HydraConfig.instance().set_config(config)
    task = copy.deepcopy(config)
    with open_dict(task):
        del task["hydra"]
    return task


def _overrides(config: DictConfig) -> tuple[str, ...]:
    # As they were typed: an interpolation in an override is not resolved within Hydra's own section.
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return tuple(str(override) for override in typed)


def _jobs(
    expansion: sweep_words.Expansion, base: DictConfig, loader: ConfigLoader, folder: Path
) -> Iterator[tuple[tuple[str, ...], DictConfig]]:
    """The overrides of each job and what they compose, which is made from `base` where that gives the same."""
    values_only = expansion.values_only and "${hydra:" not in OmegaConf.to_yaml(base)
    task = _task(base, folder) if values_only else base
    for number, overrides in enumerate(expansion.jobs):
        on_top = [one for one in overrides if one not in expansion.shared]
        config = _with_values(task, on_top) if values_only else None
        if config is None:
            whole = loader.load_sweep_config(base, list(overrides))
            with open_dict(whole.hydra):
                whole.hydra.job.id = whole.hydra.job.num = number
            config = _task(whole, folder)
        yield overrides, config


def _with_values(task: DictConfig, overrides: Sequence[str]) -> DictConfig | None:
    """A copy of `task` with values set; `None` where one cannot be set, which Hydra explains better."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    config = copy.deepcopy(task)
    try:
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    except OmegaConfBaseException:
        return None
    return config


def _composed(
    task: DictConfig,
    overrides: tuple[str, ...],
    layers: hydra_files.Layers,
    folder: Path,
    job: SweepJob | None = None,
) -> Composed:
    origins = Origins(overrides, layers, folder)
    return Composed(
        config=plain(task, origins),
        text=yaml_text.text(hidden_value(OmegaConf.to_container(task, resolve=False))),
        overrides=overrides,
        origins=origins,
        job=job,
        folder=folder,
    )
