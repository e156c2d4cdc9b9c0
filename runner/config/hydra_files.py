"""Where Hydra looks for configuration files, how they are read, and in which order they were merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

from runner import bundle
from runner.config import catalogue, yaml_text
from runner.config.origins import Layer

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.plugins.config_source import ConfigResult

_SCHEME: Final = "yaml"


@cache
def config_source() -> type:
    """Hydra's way to read files, but by libyaml and each file once."""
    from hydra._internal.core_plugins.file_config_source import FileConfigSource
    from hydra.plugins.config_source import ConfigResult
    from omegaconf import OmegaConf

    class YamlFiles(FileConfigSource):
        """Does what its base class does with `file://`."""

        @staticmethod
        def scheme() -> str:
            return _SCHEME

        def load_config(self, config_path: str) -> ConfigResult:
            file = (Path(self.path) / self._normalize_file_name(config_path)).resolve()
            content = yaml_text.mapping(file) if file.is_file() else None
            if content is None:
                return super().load_config(config_path)
            with file.open(encoding="utf-8") as text:
                header = self._get_header_dict(text.read(512))
            return ConfigResult(
                config=OmegaConf.create(content),
                path=f"{_SCHEME}://{self.path}",
                provider=self.provider,
                header=header,
            )

    return YamlFiles


@cache
def search_path() -> type:
    """The plugin that tells Hydra where to look."""
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    class UserConf(SearchPathPlugin):
        """Puts `./conf` before the bundled folder, so that a person's own files are found, and win.

        A folder whose config.yaml is another program's comes after it: that file would take the place of ours.
        """

        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            for folder in catalogue.conf_folders():
                if folder == bundle.folder("conf"):
                    continue
                if _is_foreign(folder / "config.yaml"):
                    search_path.append(provider="runner", path=f"file://{folder}")
                else:
                    search_path.prepend(provider="runner", path=f"file://{folder}")
            for place in search_path.get_path():
                scheme, separator, rest = (place.path or "").partition("://")
                if separator and scheme == "file":
                    place.path = f"{_SCHEME}://{rest}"

    return UserConf


class Layers(Sequence[Layer]):
    """The files of a composition in the order in which they were merged. Found out when first asked: few ask."""

    def __init__(self, config_name: str, overrides: tuple[str, ...]) -> None:
        from hydra.core.global_hydra import GlobalHydra

        loader = GlobalHydra.instance().config_loader()
        self._find: Callable[[], tuple[Layer, ...]] = cache(lambda: _layers(loader, config_name, overrides))

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, index: int | slice) -> Layer | tuple[Layer, ...]:
        return self._find()[index]

    def __len__(self) -> int:
        return len(self._find())


def _layers(loader: ConfigLoader, config_name: str, overrides: tuple[str, ...]) -> tuple[Layer, ...]:
    from hydra.types import RunMode

    defaults = loader.compute_defaults_list(config_name, list(overrides), RunMode.RUN).defaults
    folders = [Path(source.path) for source in loader.get_sources() if source.scheme() in ("file", _SCHEME)]
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


def _is_foreign(config: Path) -> bool:
    """Whether a primary configuration is not made for this program: ours have the open sections."""
    try:
        return "open_sections" not in config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
