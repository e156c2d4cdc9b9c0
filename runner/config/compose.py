"""Composition by Hydra: search path, open sections, and what a sweep adds. All of Hydra is behind this module.

Verbs that need a configuration hand a function to `each_job`; it is called once, or with `-m` once per job of the
sweep, with everything known about that composition.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omegaconf import DictConfig, OmegaConf

from runner import bundle
from runner.config import catalogue
from runner.config.hydra_errors import explained
from runner.config.origins import Layer, Origins
from runner.config.redact import hidden_config, hidden_override
from runner.config.schema import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# What differs between two sweeps that ask for the same clips.
_NOT_A_SWEEPS_IDENTITY: Final = ("hydra", "output", "limits", "uploader", "plugins")

# The run makes its own folders and logs: it knows their names only after the configuration is checked.
_OWN_FOLDERS: Final = (
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra.sweep.dir=${runner_sweep:}",
    "hydra.sweep.subdir=.",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """A job's place in its sweep. `overrides` are those in which the jobs differ; `sweep_key` is 64 hex digits."""

    number: int
    overrides: tuple[str, ...]
    sweep_key: str
    project: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """One composed configuration. `text` is its YAML as written, with secrets hidden and interpolations kept."""

    config: dict[str, Any]
    text: str
    overrides: tuple[str, ...]
    origins: Origins
    job: SweepJob | None

    @property
    def shown_overrides(self) -> list[str]:
        return [hidden_override(override) for override in self.overrides]


def each_job(argv: Sequence[str], task: Callable[[Composed], int]) -> list[int]:
    """Compose `argv` and call `task` for it, or for each job of a sweep; the list of what it returned.

    The list is empty when Hydra answered by itself (`--cfg job`, shell completion). Raises `ConfigError` for what
    cannot be composed. What `task` raises ends a sweep, and is raised again here.
    """
    import hydra

    call = _Call(tuple(argv), task)
    call.prepare()
    before = sys.argv
    sys.argv = [sys.argv[0], *argv, *(() if call.only_hydra else _OWN_FOLDERS)]
    # Hydra would print its own words and exit; ours come from the exception.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    decorate = hydra.main(version_base="1.3", config_path=str(bundle.folder("conf")), config_name="config")
    try:
        with tempfile.TemporaryDirectory(prefix="runner-sweep-") as scratch:
            call.scratch = scratch
            decorate(call.once)()
        if call.error is not None:
            raise call.error
    except Exception as error:
        raise explained(error, argv) from error
    finally:
        sys.argv = before
    return call.codes


class _Call:
    """One invocation of Hydra, and what is learnt along the way."""

    def __init__(self, argv: tuple[str, ...], task: Callable[[Composed], int]) -> None:
        self.argv = argv
        self.task = task
        self.codes: list[int] = []
        self.error: Exception | None = None
        self.scratch = ""
        self.sweep_key = ""
        self.sweep_project = ""

    @property
    def only_hydra(self) -> bool:
        return any(word in ("-sc", "--shell-completion") for word in self.argv)

    def prepare(self) -> None:
        from hydra.core.config_store import ConfigStore
        from hydra.core.plugins import Plugins

        store = ConfigStore.instance()
        store.store(name="open_sections", node=_open_sections())
        for group, name in catalogue.selectable_plugins():
            store.store(group=group, name=name, node={"plugin": name})
        Plugins.instance().register(_search_path_plugin())
        OmegaConf.register_new_resolver("runner_sweep", self._sweep, replace=True, use_cache=False)

    def _sweep(self, *, _root_: DictConfig) -> str:
        """Where Hydra may leave its sweep files. Asked first with the configuration that all jobs share."""
        if not self.sweep_key:
            shared: Any = OmegaConf.to_container(_root_, resolve=False)
            overrides = [
                override
                for override in shared["hydra"]["overrides"]["task"]
                if override.lstrip("+~").partition("=")[0].partition(".")[0] not in _NOT_A_SWEEPS_IDENTITY
            ]
            for section in _NOT_A_SWEEPS_IDENTITY:
                shared.pop(section, None)
            request = json.dumps([shared, sorted(overrides)], sort_keys=True, default=str)
            self.sweep_key = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
            named = shared.get("project") or {}
            self.sweep_project = str(named.get("name") or "") if isinstance(named, dict) else ""
        return self.scratch

    def once(self, config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        facts = HydraConfig.get()
        overrides = tuple(facts.overrides.task)
        job = None
        if facts.mode == RunMode.MULTIRUN:
            differing = tuple(override for override in overrides if override not in self.argv)
            job = SweepJob(
                number=int(facts.job.num),
                overrides=differing,
                sweep_key=self.sweep_key,
                project=self.sweep_project,
            )
        composed = Composed(
            config=_plain(config),
            text=hidden_config(config),
            overrides=overrides,
            origins=Origins(overrides, _layers(str(facts.job.config_name), overrides)),
            job=job,
        )
        if self.error is None:
            try:
                self.codes.append(self.task(composed))
            except Exception as error:
                # Hydra would print its own words first.
                self.error = error


def _open_sections() -> DictConfig:
    """Empty sections that take any key, so that an override needs no `+` and all typos are reported together."""
    root = OmegaConf.create({section: {} for section in SECTIONS})
    for section in SECTIONS:
        OmegaConf.set_struct(root[section], False)
    return root


def _plain(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _search_path_plugin() -> type:
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    class UserConf(SearchPathPlugin):
        """Puts `./conf` before the bundled folder, so that a person's own files are found, and win."""

        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for folder in catalogue.conf_folders():
                if folder != bundle.folder("conf"):
                    search_path.prepend(provider="runner", path=f"file://{folder}")

    return UserConf


def _layers(config_name: str, overrides: tuple[str, ...]) -> tuple[Layer, ...]:
    """The files of the composition in the order in which they were merged."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    loader = GlobalHydra.instance().config_loader()
    defaults = loader.compute_defaults_list(config_name, list(overrides), RunMode.RUN).defaults
    folders = [Path(source.path) for source in loader.get_sources() if source.scheme() == "file"]
    layers = []
    for default in defaults:
        path = default.config_path
        if path is None or (default.package or "").partition(".")[0] == "hydra":
            continue
        for folder in folders:
            file = folder / (path if path.endswith((".yaml", ".yml")) else f"{path}.yaml")
            if file.is_file():
                layers.append(Layer(file, default.package or ""))
                break
    return tuple(layers)
