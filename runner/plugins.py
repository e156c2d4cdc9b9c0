"""Finding, loading, naming and blocking plugins.

This module is its own plugin package: `__path__` holds the folder of the bundled plugins and then the user's, so
`runner.plugins.pyav` is imported by Python's ordinary machinery, under one name, from a checkout and a wheel alike.
"""

from __future__ import annotations

import enum
import importlib
import pkgutil
import sys
import traceback
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pluggy

from runner import api, bundle, hookspecs
from runner.api import ExtractorSpec, GeneratorSpec, Spec, UploaderSpec
from runner.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

BUNDLED: Final = bundle.folder("plugins")
ENTRY_POINTS: Final = "runner"
__path__ = [str(BUNDLED)]

S = TypeVar("S", GeneratorSpec, ExtractorSpec, UploaderSpec)


class Kind(enum.StrEnum):
    """What a plugin can be."""

    GENERATOR = "generator"
    EXTRACTOR = "extractor"
    UPLOADER = "uploader"


_KINDS: Final[dict[type, Kind]] = {
    GeneratorSpec: Kind.GENERATOR,
    ExtractorSpec: Kind.EXTRACTOR,
    UploaderSpec: Kind.UPLOADER,
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin module comes from. `kind` is "bundled", "folder" or "entry point"."""

    name: str
    kind: str
    place: str

    def __str__(self) -> str:
        return self.kind if self.kind == "bundled" else f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered specification and where it comes from."""

    kind: Kind
    spec: Spec
    source: Source


@dataclass(slots=True)
class Registry:
    """All that was registered, and what could not be loaded."""

    manager: pluggy.PluginManager
    registered: dict[tuple[Kind, str], Registered] = field(default_factory=dict)
    broken: list[PluginError] = field(default_factory=list)
    idle: list[Source] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def names(self, kind: Kind) -> list[str]:
        return sorted(name for of_kind, name in self.registered if of_kind is kind)

    def generator(self, name: str) -> GeneratorSpec | None:
        return self._find(GeneratorSpec, name)

    def extractor(self, name: str) -> ExtractorSpec | None:
        return self._find(ExtractorSpec, name)

    def uploader(self, name: str) -> UploaderSpec | None:
        return self._find(UploaderSpec, name)

    def _find(self, cls: type[S], name: str) -> S | None:
        found = self.registered.get((_KINDS[cls], name))
        return found.spec if found and isinstance(found.spec, cls) else None

    def require_whole(self) -> None:
        """Raise the first loading error, if there was one: a run does not start on half of its plugins."""
        if self.broken:
            raise self.broken[0]


def load(dirs: Sequence[str | Path] = ("plugins",), block: Sequence[str] = ()) -> Registry:
    """Load the bundled plugins, those of `dirs` (where they exist), and installed entry points of group `runner`.

    Names in `block` are not even imported. A plugin that fails is noted in `broken`, naming its file and line.
    """
    folders = [BUNDLED]
    for folder in map(Path, dirs):
        if folder.is_dir() and not any(folder.samefile(known) for known in folders):
            folders.append(folder.resolve())
    __path__[:] = [str(folder) for folder in folders]
    importlib.invalidate_caches()

    registry = Registry(manager=pluggy.PluginManager("runner"))
    registry.manager.add_hookspecs(hookspecs)
    seen: dict[str, Source] = {}
    for source, entry in _candidates(folders):
        if source.name in block:
            registry.blocked.append(source.name)
            continue
        try:
            _check_not_twice(source, seen)
            _register(registry, source, _import(source, entry))
        except PluginError as error:
            registry.broken.append(error)
    return registry


def module_names(dirs: Sequence[str | Path] = ("plugins",)) -> list[str]:
    """Names of the plugin modules there are, bundled first, without importing any."""
    folders = [BUNDLED, *(Path(folder) for folder in dirs)]
    return list(dict.fromkeys(source.name for source, _ in _candidates(folders)))


def _candidates(folders: Sequence[Path]) -> Iterator[tuple[Source, metadata.EntryPoint | None]]:
    for folder in folders:
        kind = "bundled" if folder == BUNDLED else "folder"
        for module in sorted(pkgutil.iter_modules([str(folder)]), key=lambda module: module.name):
            if not module.name.startswith("_"):
                place = folder / (module.name if module.ispkg else f"{module.name}.py")
                yield Source(module.name, kind, str(place)), None
    for entry in sorted(metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        yield Source(entry.name, "entry point", f"{entry.value} ({package})"), entry


def _check_not_twice(source: Source, seen: dict[str, Source]) -> None:
    first = seen.setdefault(source.name, source)
    if first is not source:
        raise PluginError(
            f"there are two plugins named {source.name}",
            where=f"{first.place} and {source.place}",
            hint=f"rename one of them, or leave both out: plugins.block=[{source.name}]",
        )


def _import(source: Source, entry: metadata.EntryPoint | None) -> ModuleType:
    try:
        if entry is not None:
            module: ModuleType = entry.load()
            return module
        name = f"{__name__}.{source.name}"
        loaded = sys.modules.get(name)
        if loaded is not None and not _is_from(loaded, source):
            _forget(name)
        return importlib.import_module(name)
    except Exception as error:
        raise PluginError(
            f"plugin {source.name} cannot be loaded",
            where=_where(error, source),
            why=f"{type(error).__name__}: {error}",
            hint=f"mend it, or leave it out: plugins.block=[{source.name}]",
        ) from error


def _is_from(module: ModuleType, source: Source) -> bool:
    return bool(module.__file__) and str(module.__file__).startswith(source.place)


def _forget(name: str) -> None:
    for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
        del sys.modules[loaded]


def _where(error: BaseException, source: Source) -> str:
    """The last line of the plugin's own code on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(source.place):
            return f"{frame.filename}:{frame.lineno}"
    return source.place


def _register(registry: Registry, source: Source, module: ModuleType) -> None:
    _check_version(source, module)
    manager = registry.manager
    try:
        manager.register(module, name=f"{source.name} ({source.kind})")
        manager.check_pending()
        calls = manager.get_hookcallers(module) or []
        specs = list(_specs(module)) if any(call.name == "runner_register" for call in calls) else []
        found = [_registered(spec, source) for spec in specs]
    except PluginError:
        manager.unregister(module)
        raise
    except Exception as error:
        if manager.is_registered(module):
            manager.unregister(module)
        raise PluginError(
            f"plugin {source.name} cannot be registered",
            where=_where(error, source),
            why=str(error),
            hint=f"mend it, or leave it out: plugins.block=[{source.name}]",
        ) from error
    if not calls:
        registry.idle.append(source)
    for one in found:
        _add(registry, one)


def _specs(module: Any) -> Iterator[object]:
    result = module.runner_register()
    if isinstance(result, (list, tuple)):
        yield from result
    else:
        yield result


def _check_version(source: Source, module: ModuleType) -> None:
    version = getattr(module, "runner_api_version", api.API_VERSION)
    if version != api.API_VERSION:
        raise PluginError(
            f"plugin {source.name} was written for version {version} of the plugin interface",
            where=source.place,
            why=f"this runner has version {api.API_VERSION}",
            hint=f"get the {'newer' if version < api.API_VERSION else 'older'} plugin, or leave it out: "
            f"plugins.block=[{source.name}]",
        )


def _registered(spec: object, source: Source) -> Registered:
    kind = _KINDS.get(type(spec))
    if kind is None:
        raise PluginError(
            f"plugin {source.name} registers {type(spec).__name__}",
            where=source.place,
            why="runner_register returns a GeneratorSpec, ExtractorSpec or UploaderSpec, or a list of them",
        )
    assert isinstance(spec, Spec)
    if not hasattr(spec.options, "__dataclass_fields__"):
        raise PluginError(
            f"plugin {source.name} registers options that are not a dataclass",
            where=source.place,
            why=f"{kind} {spec.name} has options={spec.options!r}",
        )
    return Registered(kind, spec, source)


def _add(registry: Registry, new: Registered) -> None:
    key = (new.kind, new.spec.name)
    old = registry.registered.get(key)
    if old is not None:
        raise PluginError(
            f"two plugins register the {new.kind} {new.spec.name}",
            where=f"{old.source.place} and {new.source.place}",
            hint=f"leave one out: plugins.block=[{new.source.name}]",
        )
    registry.registered[key] = new
