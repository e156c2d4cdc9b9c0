"""Interpolations (`${...}`) read as text: what they refer to, and how much text they become.

OmegaConf resolves them. Before it does, this tells which ones call a resolver, and bounds the text that all of them
become: thirty lines of `${next}${next}` are a thousand million characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 20_000
"""Characters of a text with interpolations in it."""
_MOST_CHARACTERS: Final = 2_000_000
_MOST_STEPS: Final = 40
_OPENING: Final = re.compile(r"(\\*)\$\{")
_ESCAPED: Final = re.compile(r"(?<!\\)(?:\\\\)*\\\$\{")
_DYNAMIC: Final = 2_000
"""What counts for a reference whose name is itself made of references: how much is behind it is not known."""


@dataclass(frozen=True, slots=True)
class Interpolation:
    """One `${...}`. `resolver` is the text before its colon, empty for a reference to a key; `inner` what follows.

    `dynamic` is one with further interpolations in the name of its resolver, or in the key that it refers to.
    """

    resolver: str
    inner: str
    dynamic: bool


def found_in(text: str) -> Iterator[Interpolation]:
    """All interpolations of a text, those inside of others too. An escaped one counts as well."""
    open_ones: list[
        tuple[int, int, bool]
    ] = []  # where it starts, where its colon is, whether others are before that
    at = 0
    while at < len(text):
        if text.startswith("${", at):
            if open_ones and not open_ones[-1][1]:
                open_ones[-1] = (open_ones[-1][0], 0, True)
            open_ones.append((at + 2, 0, False))
            at += 2
            continue
        if open_ones and text[at] == ":" and not open_ones[-1][1]:
            open_ones[-1] = (open_ones[-1][0], at, open_ones[-1][2])
        elif open_ones and text[at] == "}":
            yield _one(text, *open_ones.pop(), at)
        at += 1
    while open_ones:  # are no valid ones; what a parser makes of them is not relied on
        yield _one(text, *open_ones.pop(), len(text))


def literal(value: Any) -> Any:
    """A plain value written so that OmegaConf reads it back as it is: no `${` in its texts is an interpolation."""
    if isinstance(value, str):
        return _OPENING.sub(lambda found: f"{found.group(1) * 2}\\${{", value)
    if isinstance(value, list):
        return [literal(one) for one in value]
    return {key: literal(one) for key, one in value.items()} if isinstance(value, dict) else value


def _one(text: str, start: int, colon: int, dynamic: bool, end: int) -> Interpolation:
    if colon:
        return Interpolation(text[start:colon].strip(), text[colon + 1 : end], dynamic)
    return Interpolation("", text[start:end].strip(), dynamic)


def too_much(config: Any) -> tuple[str, str] | None:
    """(dotted key, what is wrong) of the first value that would become too much text; `None` where none does.

    `config` is a plain container with its interpolations as written.
    """
    sizes = _Sizes(config)
    for path, text in _texts(config, ()):
        if len(text) > LONGEST:
            return ".".join(path), f"has more than {LONGEST:,} characters and refers to other keys"
        size = sizes.of(path)
        if size is None:
            return ".".join(path), "refers to a key through too many others"
        sizes.total += size
        if sizes.total > _MOST_CHARACTERS:
            return ".".join(path), "becomes too much text by what it refers to"
    return None


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        if "${" in value:
            yield path, value
    elif isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*path, str(name)))


@dataclass(slots=True)
class _Sizes:
    """Upper bounds of the lengths that values have once they are resolved."""

    config: Any
    total: int = 0
    _known: dict[tuple[str, ...], int | None] = field(default_factory=dict)

    def of(self, path: tuple[str, ...], steps: int = 0) -> int | None:
        """Characters of the value at `path`; `None` where it refers too far."""
        if path in self._known:
            return self._known[path]
        if steps > _MOST_STEPS:
            return None
        self._known[path] = 0  # for one that refers to itself, which OmegaConf finds
        size = self._size(self._at(path), path, steps)
        self._known[path] = size
        return size

    def _size(self, value: Any, path: tuple[str, ...], steps: int) -> int | None:
        if isinstance(value, (dict, list)):
            total = 1
            for name in value if isinstance(value, dict) else range(len(value)):
                inner = self.of((*path, str(name)), steps + 1)
                if inner is None:
                    return None
                total += inner
            return total
        if not isinstance(value, str) or "${" not in value:
            return 1 + len(str(value))
        total = len(value)
        for one in found_in(_ESCAPED.sub("", value)):
            inner = self._referred(one, path, steps)
            if inner is None:
                return None
            total += inner
            if total > _MOST_CHARACTERS:
                break
        return total

    def _referred(self, one: Interpolation, path: tuple[str, ...], steps: int) -> int | None:
        if one.resolver or one.dynamic:
            return _DYNAMIC
        dots = len(one.inner) - len(one.inner.lstrip("."))
        if not re.fullmatch(r"[^{}$\n]+", one.inner):
            return 0  # OmegaConf will say what is wrong with it
        start = path[: max(len(path) - dots, 0)] if dots else ()
        target = list(start)
        for name in filter(None, re.split(r"[.\[\]'\"]+", one.inner)):
            target.append(name)
            if isinstance(self._at(tuple(target)), str):
                break  # an interpolation on the way stands for all that is behind it
        return self.of(tuple(target), steps + 1)

    def _at(self, path: tuple[str, ...]) -> Any:
        value = self.config
        for name in path:
            if isinstance(value, dict):
                value = value[name] if name in value else _by_text(value, name)
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                return None
        return value


def _by_text(value: dict[Any, Any], name: str) -> Any:
    return next((inner for key, inner in value.items() if str(key) == name), None)
