"""Reading files of model cards. Every problem is reported with its file and line, all of them together."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from runner.errors import ConfigError, Problem
from runner.naming import nearest
from runner.providers.card import ModelCard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import yaml
    from pydantic import TypeAdapter

    from runner.providers.card import Conflict, PriceRule, Variant

_MERGE: Final = "<<"


def read(files: Sequence[Path], *, example: Path, credits: bool) -> dict[str, ModelCard]:
    """The cards of several files, by model. `credits` says that the provider has a price in credits.

    Raises `ConfigError` with every problem found: keys that do not exist or stand twice, values of a wrong type,
    models that stand in two files. `example` is a folder of cards to point the user to.
    """
    cards: dict[str, ModelCard] = {}
    owner: dict[str, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            state = file.stat()
            found = _read(file, state.st_mtime_ns, state.st_size, credits)
        except OSError as error:
            problems.append(Problem(key=file.name, message=error.strerror or str(error), source=str(file)))
            continue
        problems += found.problems
        for model, card in found.cards.items():
            if model in cards:
                source = f"{file}:{found.lines[model]}"
                problems.append(Problem(key=model, message=f"has a card in {owner[model]}", source=source))
            cards[model], owner[model] = card, f"{file}:{found.lines[model]}"
    if problems:
        hint = f"the cards that are shipped show how they are written: {example}"
        raise ConfigError("model cards cannot be used", tuple(problems), hint=hint)
    return cards


@dataclasses.dataclass(frozen=True, slots=True)
class _File:
    cards: Mapping[str, ModelCard]
    lines: Mapping[str, int]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=256)
def _read(file: Path, changed_ns: int, size: int, credits: bool) -> _File:
    """One file; it is read again only when it has changed."""
    import yaml
    from pydantic import ValidationError

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(file.read_bytes())
    try:
        root: yaml.Node | None = loader.get_single_node()
        if root is None:
            return _File({}, {}, ())
        twice = tuple(_twice(root, (), str(file)))
        # Building the values also puts what is merged in (`<<: *name`) into the nodes, before a mapping's own keys.
        raw = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        message = error.problem or str(error)
        return _File({}, {}, (Problem(key=file.name, message=message, source=f"{file}{line}"),))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _File({}, {}, (Problem(key=file.name, message=str(error), source=str(file)),))
    finally:
        loader.dispose()
    try:
        cards = _adapter().validate_python(raw)
    except ValidationError as error:
        return _File({}, {}, (*twice, *_problems(error, root, file)))
    lines = {model: _locate(root, (model,))[1] for model in cards}
    return _File(cards, lines, (*twice, *_rules(cards, root, file, credits=credits)))


@cache
def _adapter() -> TypeAdapter[dict[str, ModelCard]]:
    from pydantic import TypeAdapter

    # It holds for the parts of a card as well: an unknown key is an error anywhere in it.
    return TypeAdapter(dict[str, ModelCard], config={"extra": "forbid"})


def _twice(node: yaml.Node, at: tuple[str, ...], file: str) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: YAML would drop the first without a word."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _twice(inner, (*at, str(index)), file)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for name, inner in node.value:
        key, line = str(name.value), name.start_mark.line + 1
        if key in lines and key != _MERGE:
            message = f"stands twice, first in line {lines[key]}"
            yield Problem(key=".".join((*at, key)), message=message, source=f"{file}:{line}")
        lines.setdefault(key, line)
        yield from _twice(inner, (*at, key), file)


def _problems(error: Any, root: yaml.Node, file: Path) -> Iterator[Problem]:
    """What pydantic reports, in our words. A union reports once for each of its types: the first is shown."""
    shown = set()
    for detail in error.errors(include_url=False):
        loc = tuple(str(part) for part in detail["loc"] if part != "[key]")
        known, line = _locate(root, loc)
        missing, unknown = "missing" in detail["type"], detail["type"] == "unexpected_keyword_argument"
        key = loc if missing else loc[: max(known, 1)]
        if key in shown:
            continue
        shown.add(key)
        message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = detail["input"]
        if missing:
            message = "is required"
        elif unknown:
            message = "there is no such key"
        yield Problem(
            key=".".join(key) or file.name,
            message=message,
            value="" if missing or unknown or isinstance(value, dict) else repr(value)[:120],
            allowed=_instead(loc) if unknown else str(detail.get("ctx", {}).get("expected", "")),
            source=f"{file}:{line}",
        )


def _rules(
    cards: Mapping[str, ModelCard], root: yaml.Node, file: Path, *, credits: bool
) -> Iterator[Problem]:
    """Rules that would never apply, and prices that cannot be converted."""

    def problem(*at: str, message: str, allowed: str) -> Problem:
        source = f"{file}:{_locate(root, at)[1]}"
        return Problem(key=".".join(at), message=message, allowed=allowed, source=source)

    for model, card in cards.items():
        for mode in ("text", "image", "between"):
            variant: Variant | None = getattr(card, mode)
            if variant is None:
                continue
            sent = variant.own_fields | variant.always.keys() | variant.params.keys()
            conditional: dict[str, Sequence[PriceRule | Conflict]]
            conditional = {"prices": variant.prices, "conflicts": variant.conflicts}
            for name, rules in conditional.items():
                for index, rule in enumerate(rules):
                    at = (model, mode, name, str(index))
                    for field in rule.when.keys() - sent:
                        message = "names no field of this variant, so the rule would never apply"
                        allowed = nearest(field, sent) or ", ".join(sorted(sent))
                        yield problem(*at, "when", field, message=message, allowed=allowed)
            for index, price in enumerate(variant.prices if not credits else ()):
                if price.credits or price.credits_per_s:
                    at = (model, mode, "prices", str(index))
                    yield problem(*at, message="this provider has no credits", allowed="usd, usd_per_s")


def _locate(root: yaml.Node, path: Sequence[str]) -> tuple[int, int]:
    """How many parts of `path` there are in the document, and the line of the last one that is."""
    import yaml

    node, line, known = root, root.start_mark.line + 1, 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            # A key of the mapping itself comes after one that was merged in, and wins.
            found = next((pair for pair in reversed(node.value) if str(pair[0].value) == part), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
        known += 1
    return known, line


def _instead(loc: Sequence[str]) -> str:
    """The keys that may stand where an unknown one does, the nearest first."""
    cls: Any = ModelCard
    parts = iter(loc[1:-1])
    for part in parts:
        hint = typing.get_type_hints(cls).get(part) if dataclasses.is_dataclass(cls) else None
        if typing.get_origin(hint) in (tuple, dict):
            next(parts, None)  # which one of them
        # The class in `X | None`, `tuple[X, ...]` or `dict[str, X]`.
        cls = next((one for one in typing.get_args(hint) if dataclasses.is_dataclass(one)), hint)
    names = [one.name for one in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    return nearest(loc[-1], names) or f"the keys are {', '.join(sorted(names))}"
