"""The plugin under examination: found by name, its options read as a run reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import plugins
from runner.api import Context, GeneratorSpec, UploaderSpec
from runner.config import own_cards, schema
from runner.config.convert import Reader, listed, nearest
from runner.config.origins import Origins
from runner.engine.plugin_calls import Call, failed
from runner.errors import ConfigError, RunnerError, UsageError
from runner.kinds import KINDS, Kind
from runner.net.download import Downloads
from runner.planning.plan import stated_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import httpx

    from runner.api import GeneratorCapabilities, InputMode, PluginSpec, UploaderCapabilities
    from runner.plugins import Registered, Registry, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One plugin with its options. `host` is an uploader for the images that a generator starts from."""

    kind: Kind
    spec: PluginSpec
    options: Any
    source: Source
    others: tuple[str, ...] = ()
    dirs: tuple[str, ...] = ("plugins",)
    model: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    host: Target | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.spec.name}"

    @contextlib.asynccontextmanager
    async def opened(self, work: Path, http: httpx.AsyncClient) -> AsyncIterator[Any]:
        """The object that the factory builds, entered where it can be, and left at the end."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.kind}-", dir=work))
        log = logging.getLogger(f"runner.plugins.{self.spec.name}")
        context = Context(work_dir=folder, http=http, download=Downloads(http, http), log=log)
        try:
            made: Any = self.spec.factory(self.options, context)
        except RunnerError:
            raise
        except Exception as error:
            raise failed(self.call("__init__"), error) from error
        async with contextlib.AsyncExitStack() as stack:
            yield await stack.enter_async_context(made) if hasattr(made, "__aenter__") else made

    def can_generate(self, how: InputMode) -> GeneratorCapabilities:
        """What a generator can do with these options and this model."""
        assert isinstance(self.spec, GeneratorSpec)
        caps = self.spec.capabilities
        if not callable(caps):
            return caps
        return stated_by(str(self), "capabilities", caps, self.options, self.model, how)

    def can_host(self) -> UploaderCapabilities:
        """What an uploader can do with these options."""
        assert isinstance(self.spec, UploaderSpec)
        caps = self.spec.capabilities
        return stated_by(str(self), "capabilities", caps, self.options) if callable(caps) else caps

    def call(self, method: str) -> Call:
        """A call of a method, checked as in a run."""
        return Call(str(self), method)


def find(name: str, words: Sequence[str] = ()) -> list[Target]:
    """The plugins registered under `name`, one for each kind, with the options in `words`.

    `words` are as for a run: `generator.KEY=VALUE`, `extractor.KEY=`, `uploader.KEY=`, `plugins.dirs=`,
    `plugins.block=`; `uploader=NAME` chooses who hosts the images for a generator. Raises `UsageError`,
    `ConfigError` with all that is wrong with the options, `PluginError` where the plugin may be a broken one.
    """
    config = _parsed(words)
    keys = config.pop("plugins", {})
    dirs, block = _names(keys, "dirs", ("plugins",)), _names(keys, "block", ())
    registry = plugins.load(dirs, block)
    found = [one for (_, known), one in registry.registered.items() if known == name]
    registry.require_whole()  # a run does not start on half of its plugins, either
    if not found:
        there_are = sorted({known for _, known in registry.registered})
        why = " ".join(filter(None, (nearest(name, there_are), f"there are: {listed(there_are)}")))
        raise UsageError(f"there is no plugin named {name}", why=why)
    reader = Reader(Origins(overrides=tuple(words)))
    others = tuple(module for module in plugins.module_names(dirs))
    targets = []
    for one in sorted(found, key=lambda one: one.kind):
        target = _target(one, _section(config, one.kind), reader, others, dirs)
        if target is not None and one.kind is Kind.GENERATOR:
            target = dataclasses.replace(target, host=_host(registry, config, reader, name))
        if target is not None:
            targets.append(target)
    for section in set(config) - {one.kind for one in found} - {"uploader"}:
        reader.problem(section, f"there is no {section} named {name}")
    if reader.problems:
        raise ConfigError(f"the options of {name} cannot be used", tuple(reader.problems))
    return targets


def _parsed(words: Sequence[str]) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    sections = ("plugins", *Kind)
    for word in words:
        key, equals, _ = word.partition("=")
        if not equals or key.split(".")[0] not in sections or ("." not in key and key != "uploader"):
            raise UsageError(
                f"conformance cannot use {key!r}",
                why="it takes a name and generator.KEY=VALUE, extractor.KEY=, uploader.KEY=, uploader=NAME, "
                "plugins.dirs=[...], plugins.block=[...], --spend, --json",
            )
    try:
        # The name of a host becomes a key like the others.
        dotted = [f"uploader.plugin={word[9:]}" if word.startswith("uploader=") else word for word in words]
        parsed = OmegaConf.to_container(OmegaConf.from_dotlist(dotted), resolve=True)
    except (OmegaConfBaseException, YAMLError, ValueError) as error:
        raise UsageError("the options cannot be read", why=str(error).splitlines()[0]) from error
    assert isinstance(parsed, dict)
    return {str(key): value for key, value in parsed.items()}


def _names(keys: Any, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = keys.get(key, default) if isinstance(keys, dict) else default
    return (str(value),) if isinstance(value, str) else tuple(str(one) for one in value or ())


def _section(config: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    raw = config.get(kind) or {}
    return dict(raw) if isinstance(raw, dict) else {}


def _target(
    one: Registered, raw: dict[str, Any], reader: Reader, others: tuple[str, ...], dirs: tuple[str, ...]
) -> Target | None:
    beside = KINDS[one.kind].keys
    common = {key: raw.pop(key) for key in beside if key in raw}
    if isinstance(one.spec, GeneratorSpec):
        raw = own_cards.filled_in(one.spec, raw, Path())
    options = reader.options(one.spec.options, raw, str(one.kind), also=beside)
    if options is None:
        return None
    target = Target(
        kind=one.kind, spec=one.spec, options=options, source=one.source, others=others, dirs=dirs
    )
    if one.kind is not Kind.GENERATOR:
        return target
    keys = reader.read(schema.GeneratorKeys, {**common, "plugin": one.spec.name}, str(one.kind))
    return dataclasses.replace(target, model=keys.model, params=keys.params)


def _host(registry: Registry, config: Mapping[str, Any], reader: Reader, name: str) -> Target | None:
    """The uploader that was chosen, else a bundled one that needs no options and stays on this machine."""
    raw = _section(config, Kind.UPLOADER)
    chosen = str(raw.get("plugin") or "")
    if chosen:
        one = registry.registered.get((Kind.UPLOADER, chosen))
        if one is None:
            there_are = listed(registry.names(Kind.UPLOADER))
            reader.problem("uploader", "there is no such uploader", value=chosen, allowed=there_are)
            return None
        return _target(one, raw, reader, (), ())
    if raw and (Kind.UPLOADER, name) not in registry.registered:
        reader.problem("uploader", "is not chosen", allowed="uploader=NAME")
    from runner.api import Reach

    for (kind, _), one in sorted(registry.registered.items()):
        if kind is Kind.UPLOADER and one.source.kind == "bundled":
            host = _target(one, {}, Reader(Origins()), (), ())
            if host is not None and host.can_host().reach is Reach.LOOPBACK:
                return host
    return None
