"""`runner plugins`: what is registered, from where, with which capabilities and options."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from runner import plugins
from runner.api import (
    GeneratorCapabilities,
    GeneratorSpec,
    Range,
    UploaderCapabilities,
    UploaderSpec,
)
from runner.config import own_cards
from runner.config.convert import listed, nearest
from runner.errors import UsageError
from runner.redaction import HIDDEN, is_secret
from runner.verbs.arguments import Common, Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from runner.plugins import Registered, Registry


class _Arguments(Common):
    words: list[str]


def _parsed(words: Sequence[str]) -> tuple[_Arguments, list[str]]:
    """The arguments, and the names among them."""
    parser = Parser(
        "plugins",
        "List the plugins: where each comes from, what it can do, its options and models.",
        examples=("plugins", "plugins kie", "plugins plugins.dirs=[plugins,more] --json"),
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME",
        help="only these; plugins.dirs=[DIR,...], plugins.block=[NAME,...]",
    )
    arguments = parser.read(words, _Arguments())
    return arguments, [word for word in arguments.words if "=" not in word]


def main(words: Sequence[str]) -> int:
    """List what there is; 2 when something could not be loaded."""
    arguments, wanted = _parsed(words)
    dirs: list[str] = ["plugins"]
    block: list[str] = []
    for word in (word for word in arguments.words if word not in wanted):
        key, _, value = word.partition("=")
        names = [name.strip() for name in value.strip("[]").split(",") if name.strip()]
        if key == "plugins.dirs":
            dirs = names
        elif key == "plugins.block":
            block = names
        else:
            raise UsageError(
                f"plugins cannot use {word!r}",
                why="it takes names, plugins.dirs=[...] and plugins.block=[...] only",
            )
    registry = plugins.load(dirs, block)
    found = sorted(registry.registered.values(), key=lambda one: (one.kind, one.spec.name))
    known = {one.spec.name for one in found}
    for name in wanted:
        if name not in known:
            why = " ".join(filter(None, (nearest(name, known), f"there are: {listed(known)}")))
            raise UsageError(f"there is no plugin named {name}", why=why)
    found = [one for one in found if not wanted or one.spec.name in wanted]
    if arguments.as_json:
        print(json.dumps(_as_json(registry, found), indent=2, ensure_ascii=False))
    else:
        _show(registry, found, whole=bool(wanted))
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
                    name: {"type": kind, "default": default}
                    for name, kind, default in _options(one.spec.options)
                },
                "models": _models(one),
            }
            for one in found
        ],
        "broken": [str(error) for error in registry.broken],
        "without_plugins": [source.place for source in registry.idle],
        "blocked": registry.blocked,
    }


def _models(one: Registered) -> dict[str, str]:
    models = one.spec.models if isinstance(one.spec, GeneratorSpec) else None
    return dict(models(own_cards.files(one.spec.name, Path()))) if models is not None else {}


def _show(registry: Registry, found: list[Registered], *, whole: bool) -> None:
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    for one in found:
        console.print(Text.assemble((f"{one.kind} {one.spec.name}", "bold cyan"), f"  {one.spec.summary}"))
        console.print(Text(f"  from {one.source}", style="dim", overflow="fold"))
        caps = _capabilities(one)
        if caps:
            console.print(Text("  " + "; ".join(f"{key}: {value}" for key, value in caps.items())))
        for name, kind, default in _options(one.spec.options):
            console.print(
                Text(f"  {one.kind}.{name}={default}", style="green").append(f"  {kind}", style="dim")
            )
        models = _models(one)
        if models and not whole:
            console.print(Text(f"  {len(models)} models: python -m runner plugins {one.spec.name}"))
        elif models:
            console.print(Text(f"  models, for {one.kind}.model="))
            console.print(_table(models))
    for error in registry.broken:
        console.print(Text(f"broken: {error}", style="red"))
    for source in registry.idle:
        console.print(Text(f"registers nothing: {source.place}", style="yellow"))
    for name in registry.blocked:
        console.print(Text(f"blocked: {name}", style="yellow"))


def _table(models: dict[str, str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, about in models.items():
        table.add_row(Text(name, style="green"), Text(about))
    return table


def _capabilities(one: Registered) -> dict[str, str]:
    """What can be said without a model or options being chosen."""
    spec = one.spec
    if isinstance(spec, GeneratorSpec):
        return (
            _of_generator(spec.capabilities) if isinstance(spec.capabilities, GeneratorCapabilities) else {}
        )
    if isinstance(spec, UploaderSpec):
        caps = spec.capabilities
        if not isinstance(caps, UploaderCapabilities):
            try:
                caps = caps(spec.options())
            except Exception:
                # An uploader with required options can say nothing before they are given.
                return {}
        return {"addresses": caps.reach.name.lower()}
    return {}


def _of_generator(caps: GeneratorCapabilities) -> dict[str, str]:
    starts = [name for name, can in (("text", caps.text), ("image", caps.image)) if can]
    durations = caps.request.durations_s
    if isinstance(durations, Range):
        lasting = f"{durations.low:g} to {durations.high:g} s"
    else:
        lasting = "any" if durations is None else ", ".join(f"{one:g}" for one in durations) + " s"
    return {
        "start from": ", ".join(starts),
        "durations": lasting,
        "aspect ratios": "any"
        if caps.request.aspect_ratios is None
        else ", ".join(caps.request.aspect_ratios),
        "resolutions": "any" if caps.request.resolutions is None else ", ".join(caps.request.resolutions),
    }


def _options(cls: type, under: str = "") -> Iterator[tuple[str, str, str]]:
    """(name, type, default) of each option, also of those one level down; secrets have no default worth showing."""
    kinds = _kinds(cls)
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        inner = field.default_factory
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            yield from _options(inner, f"{under}{field.name}.")
        else:
            yield f"{under}{field.name}", _type(kinds.get(field.name, field.type)), _default(field)


def _kinds(cls: type) -> dict[str, Any]:
    """The types of the fields; none where an annotation cannot be resolved."""
    try:
        return get_type_hints(cls)
    except Exception:
        return {}


def _type(kind: Any) -> str:
    """A type in the words of someone who types a value: the values themselves where there is a choice."""
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return " or ".join(str(one.value) for one in kind)
    if get_origin(kind) in (tuple, list):
        return f"list of {_type(get_args(kind)[0])}"
    return kind if isinstance(kind, str) else inspect.formatannotation(kind)


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
    secret = field.metadata.get("secret") or is_secret(field.name)
    return HIDDEN if value and secret else json.dumps(value, default=str)
