"""Hydra's singletons, where Hydra looks for configuration files, and in which order it merges them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from runner import bundle
from runner.config import catalogue, data_files, whole_files, yaml_text
from runner.config.origins import Layer
from runner.config.schema import SECTIONS, SWITCHES
from runner.errors import UsageError

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.object_type import ObjectType

    from runner.config.data_files import Variable

_YAML: Final = "yaml"
_PLUGINS: Final = "runner-plugins"
_VERSION: Final = "1.3"

# Hydra has one configuration loader per process, so one composition takes place at a time.
_LOCK: Final = threading.RLock()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a composition looks: the working folder, and one more folder of files where one is named."""

    folder: Path
    config_dir: Path | None = None
    variables: dict[tuple[str, str], Variable] = field(default_factory=dict)
    """What the files that were read take from the environment, by place and name."""
    checked: set[tuple[Path, str]] = field(default_factory=set)
    """The files that were checked, each with its package: Hydra reads a file several times over."""


# Unset outside of a composition: another program's use of Hydra in this process is left alone.
_place: ContextVar[Place | None] = ContextVar("place", default=None)


@contextlib.contextmanager
def looking_in(place: Place) -> Iterator[None]:
    """Register our files with Hydra; its search path follows `place` while this is open.

    Raises `UsageError` where `place.config_dir` is no folder.
    """
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    if place.config_dir is not None and not (place.folder / place.config_dir).is_dir():
        raise UsageError("there is no such configuration folder", where=str(place.folder / place.config_dir))
    for plugin in (YamlFiles, PluginProfiles, WorkingFolder):
        Plugins.instance().register(plugin)
    ConfigStore.instance().store(name="open_sections", node=_open_sections())
    yaml_text.forget()
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


@contextlib.contextmanager
def loader(place: Place) -> Iterator[ConfigLoader]:
    """Hydra's loader for `place`. What the process had in Hydra's singletons is there again afterwards."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    with _LOCK, looking_in(place):
        outer, outer_config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
        GlobalHydra.instance().clear()
        try:
            conf = str(bundle.folder("conf"))
            with initialize_config_dir(conf, job_name="runner", version_base=_VERSION):
                yield GlobalHydra.instance().config_loader()
        finally:
            GlobalHydra.instance().hydra = outer
            HydraConfig.instance().cfg = outer_config


class YamlFiles(ConfigSource):
    """Reads files as Hydra does, but by libyaml and each file once."""

    @staticmethod
    def scheme() -> str:
        return _YAML

    def load_config(self, config_path: str) -> ConfigResult:
        file = self._file(self._normalize_file_name(config_path))
        if not file.is_file():
            raise ConfigLoadError(f"there is no file {file}")
        content = yaml_text.mapping(file)
        text = yaml_text.read(file)
        header = self._get_header_dict(text[:512])
        place = _place.get()
        package = header.get("package") or config_path.lstrip("/").rpartition("/")[0].replace("/", ".")
        is_data = Path(self.path) != bundle.folder("conf")
        if place is not None and is_data and (file, package) not in place.checked:
            place.checked.add((file, package))
            relative = self._normalize_file_name(config_path)
            for one in data_files.check(Path(self.path), relative, yaml_text.nodes(text), package):
                place.variables[one.place, one.name] = one
        whole_files.check(file, content, config_path, header.get("package"))
        config = OmegaConf.create(content)
        return ConfigResult(
            config=config, path=f"{_YAML}://{self.path}", provider=self.provider, header=header
        )

    def available(self) -> bool:
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        with contextlib.suppress(OSError, ValueError):  # no name of a file
            return self._file(config_path).is_dir()
        return False

    def is_config(self, config_path: str) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self._file(self._normalize_file_name(config_path)).is_file()
        return False

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        found: list[str] = []
        for file in self._file(config_path).iterdir():
            self._list_add_result(found, f"{config_path}/{file.name}", file.name, results_filter)
        return sorted(set(found))

    def _file(self, config_path: str) -> Path:
        return Path(self.path) / config_path.lstrip("/")


class PluginProfiles(ConfigSource):
    """The profiles that nobody wrote: `generator=NAME` selects a plugin module of the working folder."""

    @staticmethod
    def scheme() -> str:
        return _PLUGINS

    def load_config(self, config_path: str) -> ConfigResult:
        name = config_path.partition("/")[2].removesuffix(".yaml")
        return ConfigResult(
            config=OmegaConf.create({"plugin": name}),
            path=self.full_path(),
            provider=self.provider,
            header={"package": None},
        )

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return any(config_path == group for group, _ in self._selectable())

    def is_config(self, config_path: str) -> bool:
        group, _, name = config_path.removesuffix(".yaml").partition("/")
        if (group, name) in self._selectable():
            return True
        return group in catalogue.GROUPS and name in catalogue.names_in_plugins(Path(self.path))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        found: list[str] = []
        for group, name in self._selectable():
            if group == config_path:
                self._list_add_result(found, f"{group}/{name}", f"{name}.yaml", results_filter)
        return sorted(found)

    def _selectable(self) -> tuple[tuple[str, str], ...]:
        return tuple(catalogue.selectable_plugins(Path(self.path)))


class WorkingFolder(SearchPathPlugin):
    """Puts `conf` of the working folder before the bundled folder, so that the user's own files win.

    A folder whose config.yaml belongs to another program comes after it: that file would replace ours.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        place = _place.get()
        if place is None:
            return
        for folder in catalogue.conf_folders(place.folder):
            if folder == bundle.folder("conf"):
                continue
            if _is_foreign(folder / "config.yaml"):
                search_path.append(provider="runner", path=str(folder))
            else:
                search_path.prepend(provider="runner", path=str(folder))
        if place.config_dir is not None:
            search_path.append(
                provider="command-line", path=str((place.folder / place.config_dir).absolute())
            )
        for one in search_path.get_path():
            scheme, separator, rest = (one.path or "").partition("://")
            if not separator or scheme == "file":
                one.path = f"{_YAML}://{rest if separator else scheme}"
        search_path.append(provider="runner", path=f"{_PLUGINS}://{place.folder.absolute()}")


class Layers(Sequence[Layer]):
    """The files of a composition in the order in which they were merged. Computed on first use: few need it.

    `own` is the user's own file, which comes right after the primary one.
    """

    def __init__(
        self, loader: ConfigLoader, config_name: str, overrides: tuple[str, ...], own: Path | None = None
    ) -> None:
        self._find: Callable[[], tuple[Layer, ...]] = cache(
            lambda: _layers(loader, config_name, overrides, own)
        )

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, index: int | slice) -> Layer | tuple[Layer, ...]:
        return self._find()[index]

    def __len__(self) -> int:
        return len(self._find())


def _layers(
    loader: ConfigLoader, config_name: str, overrides: tuple[str, ...], own: Path | None
) -> tuple[Layer, ...]:
    from hydra.types import RunMode

    with _LOCK:
        defaults = loader.compute_defaults_list(config_name, list(overrides), RunMode.RUN).defaults
    folders = [Path(source.path) for source in loader.get_sources() if source.scheme() in ("file", _YAML)]
    layers = []
    for default in defaults:
        path = default.config_path
        if path is None or (default.package or "").partition(".")[0] == "hydra":
            continue
        for folder in folders:
            file = folder / (path if path.endswith((".yaml", ".yml")) else f"{path}.yaml")
            if file.is_file():
                trusted = folder == bundle.folder("conf")
                layers.append(Layer(file, default.package or "", trusted))
                if own is not None and not default.package and file.stem == config_name:
                    layers.append(Layer(own, trusted=True, users_own=True))
                break
    return tuple(layers)


def _open_sections() -> DictConfig:
    """Empty sections that take any key, so that an override needs no `+` and all typos are reported together."""
    root = OmegaConf.create({**{section: {} for section in SECTIONS}, **dict.fromkeys(SWITCHES, True)})
    for section in SECTIONS:
        OmegaConf.set_struct(root[section], False)
    return root


def _is_foreign(config: Path) -> bool:
    """Whether a primary configuration is not made for this program: ours have the open sections."""
    try:
        return "open_sections" not in config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
