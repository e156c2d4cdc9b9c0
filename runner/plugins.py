"""Finding, loading, naming and blocking plugins.

This module is its own plugin package: `__path__` holds the folder of the bundled plugins and then the user's,
so `runner.plugins.pyav` is imported by Python's ordinary machinery, under one name, from a checkout and a
wheel alike.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pluggy

from runner import api, bundle, contract, hookspecs
from runner.api import EmulatorSpec, ExtractorSpec, GeneratorSpec, MetricSpec, PluginSpec, UploaderSpec
from runner.errors import PluginError
from runner.kinds import KINDS, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from runner.api import Event, ShotRequest

BUNDLED: Final = bundle.folder("plugins")
ENTRY_POINTS: Final = "runner"
__path__ = [str(BUNDLED)]

S = TypeVar("S", GeneratorSpec, ExtractorSpec, UploaderSpec, MetricSpec)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a plugin module comes from.

    `kind` is "bundled", "folder" or "entry point"; `code` is the file or folder that holds its code.
    """

    name: str
    kind: str
    place: str
    code: Path | None = None

    def refuses(self, what: str, *, where: str = "", why: str = "") -> PluginError:
        """The error that names this plugin, and how to go on without it."""
        return PluginError(
            f"plugin {self.name} {what}",
            where=where or self.place,
            why=why,
            hint=f"fix it, or leave it out: plugins.block=[{self.name}]",
        )

    def __str__(self) -> str:
        return self.kind if self.kind == "bundled" else f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered specification and where it comes from."""

    kind: Kind
    spec: PluginSpec
    source: Source


@dataclass(slots=True)
class Registry:
    """All that was registered, and what could not be loaded."""

    manager: pluggy.PluginManager
    registered: dict[tuple[Kind, str], Registered] = field(default_factory=dict)
    emulators: dict[str, EmulatorSpec] = field(default_factory=dict)
    broken: list[PluginError] = field(default_factory=list)
    idle: list[Source] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    foreign: list[Source] = field(default_factory=list)
    """The loaded plugins that do not come with the program."""

    def names(self, kind: Kind) -> list[str]:
        return sorted(name for of_kind, name in self.registered if of_kind is kind)

    def generator(self, name: str) -> GeneratorSpec | None:
        return self._find(GeneratorSpec, name)

    def extractor(self, name: str) -> ExtractorSpec | None:
        return self._find(ExtractorSpec, name)

    def uploader(self, name: str) -> UploaderSpec | None:
        return self._find(UploaderSpec, name)

    def metrics(self) -> list[MetricSpec]:
        """All metrics, by name."""
        found = (self._find(MetricSpec, name) for name in self.names(Kind.METRIC))
        return [spec for spec in found if spec is not None]

    def _find(self, cls: type[S], name: str) -> S | None:
        kind = next(kind for kind, row in KINDS.items() if row.spec is cls)
        found = self.registered.get((kind, name))
        return found.spec if found and isinstance(found.spec, cls) else None

    def observers(self) -> tuple[tuple[str, Callable[[Event], object]], ...]:
        """A function for each plugin that implements `runner_event`, in pluggy's order: none disturbs another."""
        return tuple(
            (f"plugin {name}", functools.partial(_observe, caller))
            for name, caller in self._each("runner_event")
        )

    def transforms(self) -> tuple[tuple[str, Callable[[ShotRequest], object]], ...]:
        """A function for each plugin that implements `runner_transform`, in pluggy's order."""
        return tuple(
            (name, functools.partial(_transform, caller)) for name, caller in self._each("runner_transform")
        )

    def _each(self, hook: str) -> Iterator[tuple[str, pluggy.HookCaller]]:
        """The hook of one plugin after the other: tryfirst before the others, the last loaded first, trylast last."""
        implementations = getattr(self.manager.hook, hook).get_hookimpls()
        plugins = [one.plugin for one in implementations]
        for one in reversed(implementations):
            others = [plugin for plugin in plugins if plugin is not one.plugin]
            yield one.plugin_name, self.manager.subset_hook_caller(hook, remove_plugins=others)

    def require_whole(self) -> None:
        """Raise the first loading error, if there was one: a run does not start on half of its plugins."""
        if self.broken:
            raise self.broken[0]


def load(dirs: Sequence[str | Path] = ("plugins",), block: Sequence[str] = ()) -> Registry:
    """Load the bundled plugins, those of `dirs` (where they exist), and installed entry points.

    Names in `block` are not even imported. A plugin that fails is noted in `broken` with its file and line.
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
            if source.kind != "bundled":
                registry.foreign.append(source)
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
                yield Source(module.name, kind, str(place), place), None
    for entry in sorted(metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        yield Source(entry.name, "entry point", f"{entry.value} ({package})", _code(entry)), entry


def _code(entry: metadata.EntryPoint) -> Path | None:
    """Where the package of an entry point lies, found without importing it."""
    try:
        found = importlib.util.find_spec(entry.module.partition(".")[0])
    except (AttributeError, ImportError, ValueError):
        return None  # loading it will say what is wrong with it
    if found is None:
        return None
    inside = next(iter(found.submodule_search_locations or ()), None)
    place = inside or (found.origin if found.has_location else None)
    return Path(place) if place else None


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
        if loaded is not None and not (loaded.__file__ and _is_code_of(source, loaded.__file__)):
            _forget(name)
        try:
            return importlib.import_module(name)
        finally:
            # Python binds a submodule in its package, over what had that name here; a plugin may be api.py.
            if source.name in _HOST:
                globals()[source.name] = _HOST[source.name]
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise source.refuses("cannot be loaded", where=_where(error, source), why=why) from error


def _is_code_of(source: Source, file: str) -> bool:
    return source.code is not None and Path(file).is_relative_to(source.code)


def _forget(name: str) -> None:
    for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
        del sys.modules[loaded]


def _where(error: BaseException, source: Source) -> str:
    """The last line of the plugin's own code on the way to the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_code_of(source, frame.filename):
            return f"{frame.filename}:{frame.lineno}"
    return source.place


def _register(registry: Registry, source: Source, module: ModuleType) -> None:
    _check_version(source, module)
    manager = registry.manager
    try:
        name = manager.register(module, name=f"{source.name} ({source.kind})")
        manager.check_pending()
        found = [
            spec if isinstance(spec, EmulatorSpec) else _registered(spec, source, call)
            for call in _registering(manager, module)
            for spec in _specs(call)
        ]
    except PluginError:
        manager.unregister(module)
        raise
    except Exception as error:
        if manager.is_registered(module):
            manager.unregister(module)
        where = _where(error, source)
        if where == source.place:
            where = _definition(module, str(error)) or where
        raise source.refuses(
            "cannot be registered", where=where, why=" - ".join(str(error).splitlines())
        ) from error
    if name is None or not manager.get_hookcallers(module):
        registry.idle.append(source)
    for one in found:
        if isinstance(one, EmulatorSpec):
            registry.emulators.setdefault(one.name, one)
        else:
            _add(registry, one)


def _registering(manager: pluggy.PluginManager, module: ModuleType) -> list[Callable[[], object]]:
    hooks = manager.hook.runner_register.get_hookimpls()
    return [hook.function for hook in hooks if hook.plugin is module]


def _specs(call: Callable[[], object]) -> list[object]:
    result = call()
    return list(result) if isinstance(result, Iterable) else [result]


def _definition(module: ModuleType, message: str) -> str:
    """The place of the hook that pluggy's message is about."""
    for name in re.findall(r"'(runner_\w+)'", message):
        code = getattr(getattr(module, name, None), "__code__", None)
        if code is not None:
            return f"{code.co_filename}:{code.co_firstlineno}"
    return ""


def _check_version(source: Source, module: ModuleType) -> None:
    version = getattr(module, "runner_api_version", api.API_VERSION)
    if not (isinstance(version, int) and api.OLDEST_API_VERSION <= version <= api.API_VERSION):
        raise source.refuses(
            f"was written for version {version} of the plugin interface",
            where=_assignment(module, "runner_api_version") or source.place,
            why=f"this runner supports {_versions()}",
        )


def _versions() -> str:
    """The supported versions of the plugin interface."""
    oldest, newest = api.OLDEST_API_VERSION, api.API_VERSION
    return f"version {newest}" if oldest == newest else f"versions {oldest} to {newest}"


def _assignment(module: ModuleType, name: str) -> str:
    lines = inspect.getsource(module).splitlines() if getattr(module, "__file__", None) else []
    return next((f"{module.__file__}:{at}" for at, line in enumerate(lines, 1) if line.startswith(name)), "")


def _registered(spec: object, source: Source, call: Callable[[], object]) -> Registered:
    code = getattr(call, "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
    kind = kind_of(spec)
    if kind is None:
        raise source.refuses(
            f"registers {type(spec).__name__}",
            where=where,
            why="runner_register returns a GeneratorSpec, ExtractorSpec, UploaderSpec, MetricSpec, EmulatorSpec, or a "
            "list of them",
        )
    assert isinstance(spec, PluginSpec)
    if not (isinstance(spec.options, type) and is_dataclass(spec.options)):
        raise source.refuses(
            "registers options that are not a dataclass",
            where=where,
            why=f"{kind} {spec.name} has options={spec.options!r}",
        )
    if isinstance(spec, MetricSpec):
        contract.check_metric(spec, where)
    stated = getattr(spec, "capabilities", None)
    if kind in (Kind.GENERATOR, Kind.UPLOADER) and not callable(stated):
        contract.check_stated(f"{kind} {spec.name}", "capabilities", stated, where)
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


def _observe(caller: pluggy.HookCaller, event: Event) -> object:
    return caller(event=event)


def _transform(caller: pluggy.HookCaller, request: ShotRequest) -> object:
    results = [result for result in caller(request=request) if result is not None]
    return results[0] if results else None


_HOST: Final = dict(globals())
