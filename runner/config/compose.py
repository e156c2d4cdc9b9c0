"""Composition: overrides and a working folder become a configuration, or one for each job of a sweep.

Nothing of the process is read or changed but its environment, for the variables that `${oc.env:NAME}` names and for
secrets to hide: not its arguments, its current folder, its output, its logging. Hydra composes; its launchers,
callbacks and logging never run.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from runner.config import (
    declared_sweep,
    hydra_files,
    jobs,
    launching,
    sweep_words,
    trust,
    user_file,
    yaml_text,
)
from runner.config.hydra_errors import explained
from runner.config.origins import Origins
from runner.config.resolve import check_references, plain
from runner.errors import UsageError
from runner.redaction import (
    hidden_override,
    hidden_value,
    key_file_options,
    remember_environment,
    remember_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hydra.core.config_loader import ConfigLoader

    from runner.config.data_files import Variable
    from runner.config.jobs import Task


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
    """One composed configuration. `as_written` is the same with secrets hidden and interpolations kept.

    Paths in it that are relative start from `folder`, the working folder. `variables` are the environment variables
    that files of the working folder take secrets from.
    """

    config: dict[str, Any]
    as_written: Any
    overrides: tuple[str, ...]
    origins: Origins
    job: SweepJob | None
    folder: Path = Path()
    variables: tuple[Variable, ...] = ()
    config_dir: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The working folder, and the further one that files of the project may lie in."""
        return (self.folder, *([self.folder / self.config_dir] if self.config_dir is not None else []))

    @property
    def text(self) -> str:
        """YAML of `as_written`."""
        return yaml_text.text(self.as_written)

    @property
    def shown_overrides(self) -> list[str]:
        return [hidden_override(override) for override in self.overrides]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryConfig:
    """Which primary file is composed (without its ending), a further folder in which files are looked up, and the
    user's own file; see `user_file`."""

    name: str = "config"
    folder: Path | None = None
    user_file: Path | None = None


_BUNDLED = PrimaryConfig()
_REQUEST: Final = declared_sweep.Place(None, "the request")


def compose(
    words: Sequence[str],
    folder: Path = Path(),
    source: PrimaryConfig = _BUNDLED,
    requested: Sequence[str] = (),
) -> Composed:
    """Compose one run from overrides, with files and relative paths looked up in `folder`.

    `requested` are those of `words` that somebody else sent: they may set what a file of data may set, and no more.

    Raises `ConfigError` with every problem of the files, `UsageError` for words that are no overrides. Two threads may
    compose at the same time; they take turns.
    """
    with _hydra(words, folder, source) as opened:
        opened = replace(opened, declared=dict.fromkeys(requested, _REQUEST))
        config = _one(words, source)
        origins = opened.origins(_overrides(config))
        task = opened.task(config)
        opened.set_users_values(task, origins)
        return opened.composed(jobs.task_of(task), origins)


def compose_sweep(
    words: Sequence[str], folder: Path = Path(), source: PrimaryConfig = _BUNDLED
) -> tuple[Composed, ...]:
    """Compose every job of a sweep, in the order of its numbers; errors are those of `compose`."""
    launching.chosen(words).require_known_jobs()
    with _hydra(words, folder, source) as opened:
        base, declared = opened.base(words)
        identity = sweep_words.identity(base, declared.jobs)
        expansion = sweep_words.expand(words, base, opened.loader, declared.jobs)
        return replace(opened, declared=declared.places).jobs(expansion, base, identity)


def search(words: Sequence[str], folder: Path = Path(), source: PrimaryConfig = _BUNDLED) -> launching.Search:
    """What the jobs of a search have in common: a sweep whose sweeper chooses jobs from the results of earlier ones.

    Errors are those of `compose`.
    """
    with _hydra(words, folder, source) as opened:
        base, _ = opened.base(words)
        return launching.search(base, words)


def compose_batch(
    words: Sequence[str],
    batch: Sequence[Sequence[str]],
    first: int = 0,
    folder: Path = Path(),
    source: PrimaryConfig = _BUNDLED,
) -> tuple[Composed, ...]:
    """Compose jobs that the sweeper of a search chose: the overrides of each, the first one's number being `first`.

    `words` are those of the whole search. Errors are those of `compose`.
    """
    with _hydra(words, folder, source) as opened:
        base, declared = opened.base(words)
        if declared.jobs:
            launching.chosen(words).refuse_declared()
        found = launching.search(base, words)
        expansion = sweep_words.listed(words, batch, opened.loader)
        return opened.jobs(expansion, base, (found.sweep_key, found.project), first)


def compose_job(
    words: Sequence[str],
    overrides: Sequence[str],
    job: SweepJob,
    declared: Mapping[str, declared_sweep.Place],
    folder: Path = Path(),
    source: PrimaryConfig = _BUNDLED,
) -> Composed:
    """Compose one job of a sweep again, in another process: what it was composed from is `overrides` and `declared`,
    the places of those that files declare. Errors are those of `compose`."""
    with _hydra(words, folder, source) as opened:
        opened = replace(opened, declared=declared)
        base, _ = opened.base(words)
        config = jobs.by_hydra(tuple(overrides), base, opened, job.number)
        origins = opened.origins(tuple(overrides))
        opened.set_users_values(config, origins)
        return opened.composed(jobs.task_of(config), origins, job)


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
    with _hydra(words, folder, source) as opened:
        config = _one(words, source)
        origins = opened.origins(_overrides(config))
        task = opened.task(config)
        opened.set_users_values(task, origins)
        as_written = opened.checked(jobs.task_of(task), origins)
        shown = OmegaConf.create(
            hidden_value(OmegaConf.to_container(task, resolve=True) if resolve else as_written)
        )
        if package in ("", "_global_"):
            return yaml_text.text(OmegaConf.to_container(shown))
        part = OmegaConf.select(shown, package)
        if part is None:
            raise UsageError(f"there is no key {package}", hint="leave out --package to see every key")
        if not OmegaConf.is_config(part):
            return f"{part}\n"
        return f"# @package {package}\n{yaml_text.text(OmegaConf.to_container(part))}"


@dataclass(frozen=True, slots=True)
class _Composition:
    """Hydra's loader, open for one composition, and the user's own file."""

    loader: ConfigLoader
    place: hydra_files.Place
    source: PrimaryConfig
    own: user_file.UserFile | None
    declared: Mapping[str, declared_sweep.Place] = field(default_factory=dict)
    trees: dict[Path, Any] = field(default_factory=dict)
    """The files as nodes with their lines, for all jobs of a sweep."""

    def origins(self, overrides: tuple[str, ...], layers: hydra_files.Layers | None = None) -> Origins:
        layers = self.layers(overrides) if layers is None else layers
        return Origins(overrides, layers, self.place.folder, self.declared, self.trees)

    def layers(self, overrides: tuple[str, ...]) -> hydra_files.Layers:
        own = self.own.path if self.own else None
        return hydra_files.Layers(self.loader, self.source.name, overrides, own)

    def set_users_values(self, config: DictConfig, origins: Origins) -> None:
        """Put the values of the user's own file into `config`, where nothing closer sets them."""
        if self.own is not None:
            user_file.apply(self.own, config, origins, trust.defaults())

    def base(self, words: Sequence[str]) -> tuple[DictConfig, declared_sweep.Declared]:
        """What all jobs of a sweep have in common, and the jobs that files declare."""
        from hydra.types import RunMode

        base = self.loader.load_configuration(self.source.name, list(words), RunMode.MULTIRUN)
        typed = self.origins(tuple(words))
        self.set_users_values(base, typed)
        declared = declared_sweep.read(base, self.place.folder, typed)
        declared_sweep.without(base)
        return base, declared or declared_sweep.Declared()

    def jobs(
        self, expansion: sweep_words.Expansion, base: DictConfig, identity: tuple[str, str], first: int = 0
    ) -> tuple[Composed, ...]:
        """The composed jobs of a sweep with this key and project; the number of the first one is `first`."""
        sweep_key, project = identity
        found = []
        for number, (task, origins) in enumerate(jobs.composed_jobs(expansion, base, self, first), first):
            differs = (one for one in origins.overrides if one not in expansion.shared)
            job = SweepJob(
                number=number,
                overrides=tuple(map(hidden_override, differs)),
                sweep_key=sweep_key,
                project=project,
            )
            found.append(self.composed(task, origins, job))
        return tuple(found)

    def task(self, config: DictConfig) -> DictConfig:
        """`config` without Hydra's own section, to which `${hydra:...}` in it refers. It is changed in place."""
        from hydra.core.hydra_config import HydraConfig

        config.hydra.runtime.cwd = str(self.place.folder.absolute())
        HydraConfig.instance().set_config(config)
        with open_dict(config):
            del config["hydra"]
        return config

    def checked(self, task: Task, origins: Origins) -> Any:
        """`task` as a plain container, interpolations as written. Raises `ConfigError` for what it may not hold."""
        trust.check(task.as_written, origins, self.place.variables.values())
        check_references(task.as_written, origins)
        self._remember_key_files(task, origins)
        return task.as_written

    def _remember_key_files(self, task: Task, origins: Origins) -> None:
        """Have what is in key files hidden from here on; whoever needs a key reads it later."""
        for key in key_file_options(task.as_written):
            # A file that a stranger's project names is not read.
            if origins.untrusted(key):
                continue
            file = None
            with contextlib.suppress(OmegaConfBaseException):  # the error is for whoever resolves it all
                file = OmegaConf.select(task.config, key)
            if isinstance(file, str) and file:
                remember_file(file if file.startswith("~") else str(self.place.folder / file))

    def composed(self, task: Task, origins: Origins, job: SweepJob | None = None) -> Composed:
        as_written = self.checked(task, origins)
        return Composed(
            config=plain(task, origins),
            as_written=hidden_value(as_written),
            overrides=origins.overrides,
            origins=origins,
            job=job,
            folder=self.place.folder,
            variables=tuple(self.place.variables.values()),
            config_dir=self.source.folder,
        )


@contextlib.contextmanager
def _hydra(words: Sequence[str], folder: Path, source: PrimaryConfig) -> Iterator[_Composition]:
    """Hydra, open for this composition; its errors in our words."""
    remember_environment()
    for word in words:
        hidden_override(word)  # remembers what it hides, wherever it is written to from here
    option = next((word for word in words if word.startswith("-")), None)
    if option is not None:
        raise UsageError(f"{option.partition('=')[0]} is no override", why="an override is KEY=VALUE")
    place = hydra_files.Place(folder, source.folder)
    try:
        with hydra_files.loader(place) as loader:
            yield _Composition(loader, place, source, user_file.read(source.user_file))
    except Exception as error:
        raise explained(error, words, folder) from error


def _one(words: Sequence[str], source: PrimaryConfig) -> DictConfig:
    import hydra

    return hydra.compose(source.name, list(words), return_hydra_config=True)


def _overrides(config: DictConfig) -> tuple[str, ...]:
    # As they were typed: an interpolation in an override is not resolved within Hydra's own section.
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return tuple(str(override) for override in typed)
