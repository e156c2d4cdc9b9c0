"""`runner plugins`: what is registered, from where, with which capabilities and options."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import TYPE_CHECKING, Any

from runner import plugins
from runner.api import (
    GeneratorCapabilities,
    GeneratorSpec,
    Span,
    UploaderCapabilities,
    UploaderSpec,
)
from runner.config.redact import HIDDEN, is_secret
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli import Flags
    from runner.plugins import Registered, Registry


def main(flags: Flags) -> int:
    """List what there is; 2 when something could not be loaded."""
    dirs: list[str] = ["plugins"]
    block: list[str] = []
    for word in flags.rest:
        key, _, value = word.partition("=")
        names = [name.strip() for name in value.strip("[]").split(",") if name.strip()]
        if key == "plugins.dirs":
            dirs = names
        elif key == "plugins.block":
            block = names
        else:
            raise UsageError(
                f"plugins cannot use {word!r}", why="it takes plugins.dirs=[...] and plugins.block=[...] only"
            )
    registry = plugins.load(dirs, block)
    found = sorted(registry.registered.values(), key=lambda one: (one.kind, one.spec.name))
    if flags.as_json:
        print(json.dumps(_as_json(registry, found), indent=2, ensure_ascii=False))
    else:
        _show(registry, found)
    return 2 if registry.broken else 0


def _as_json(registry: Registry, found: list[Registered]) -> dict[str, Any]:
    return {
        "plugins": [
            {
                "kind": one.kind,
                "name": one.spec.name,
                "summary": one.spec.summary,
                "from": one.source.kind,
                "place": one.source.place,
                "capabilities": _capabilities(one),
                "options": {
                    name: {"type": kind, "default": default} for name, kind, default in _options(one)
                },
            }
            for one in found
        ],
        "broken": [str(error) for error in registry.broken],
        "without_plugins": [source.place for source in registry.idle],
        "blocked": registry.blocked,
    }


def _show(registry: Registry, found: list[Registered]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for one in found:
        console.print(Text.assemble((f"{one.kind} {one.spec.name}", "bold cyan"), f"  {one.spec.summary}"))
        console.print(Text(f"  from {one.source}", style="dim", overflow="fold"))
        able = _capabilities(one)
        if able:
            console.print(Text("  can  " + "; ".join(f"{key} {value}" for key, value in able.items())))
        for name, kind, default in _options(one):
            console.print(
                Text(f"  {one.kind}.{name}={default}", style="green").append(f"  {kind}", style="dim")
            )
    for error in registry.broken:
        console.print(Text(f"broken: {error}", style="red"))
    for source in registry.idle:
        console.print(Text(f"registers nothing: {source.place}", style="yellow"))
    for name in registry.blocked:
        console.print(Text(f"blocked: {name}", style="yellow"))


def _capabilities(one: Registered) -> dict[str, str]:
    """What can be said without a model or options being chosen."""
    spec = one.spec
    if isinstance(spec, GeneratorSpec):
        return (
            _of_generator(spec.capabilities) if isinstance(spec.capabilities, GeneratorCapabilities) else {}
        )
    if isinstance(spec, UploaderSpec):
        able = spec.capabilities
        if not isinstance(able, UploaderCapabilities):
            try:
                able = able(spec.options())
            except Exception:
                # An uploader with required options can say nothing before they are given.
                return {}
        return {"addresses": able.reach.name.lower()}
    return {}


def _of_generator(able: GeneratorCapabilities) -> dict[str, str]:
    starts = [name for name, can in (("text", able.text), ("image", able.image)) if can]
    durations = able.durations_s
    if isinstance(durations, Span):
        lasting = f"{durations.low:g} to {durations.high:g} s"
    else:
        lasting = "any" if durations is None else ", ".join(f"{one:g}" for one in durations) + " s"
    return {
        "start from": ", ".join(starts),
        "durations": lasting,
        "aspect ratios": "any" if able.aspect_ratios is None else ", ".join(able.aspect_ratios),
        "resolutions": "any" if able.resolutions is None else ", ".join(able.resolutions),
    }


def _options(one: Registered) -> list[tuple[str, str, str]]:
    """(name, type, default) of each option; secrets have no default worth showing."""
    return [
        (field.name, _type(field), _default(field))
        for field in dataclasses.fields(one.spec.options)
        if field.init
    ]


def _type(field: dataclasses.Field[Any]) -> str:
    return field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        try:
            value = field.default_factory()
        except Exception:
            return "(computed)"
    else:
        return "(required)"
    return HIDDEN if value and is_secret(field.name) else json.dumps(value, default=str)
