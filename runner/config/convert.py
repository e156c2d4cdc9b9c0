"""Turning one mapping into one typed value, noting every problem instead of stopping at the first."""

from __future__ import annotations

import dataclasses
import difflib
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from runner.config.redact import HIDDEN, is_secret
from runner.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.config.origins import Origins

T = TypeVar("T")


def nearest(word: str, among: Iterable[str]) -> str:
    """`did you mean X?` where one of `among` is close to `word`, else nothing."""
    names = list(among)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class Reader:
    """Reads mappings into dataclasses and collects what is wrong with them."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.problems: list[Problem] = []

    def problem(self, key: str, message: str, *, value: object = None, allowed: str = "") -> None:
        """Note a problem once, with the place that set the key."""
        text = "" if value is None else _shown(key, value)
        found = Problem(key=key, message=message, value=text, allowed=allowed, source=self.origins.of(key))
        if found not in self.problems:
            self.problems.append(found)

    def read(self, cls: type[T], raw: object, at: str, *, also: Iterable[str] = ()) -> T:
        """Read `raw` as `cls`. A key with a problem is noted and falls back to its default.

        `also` are keys that may stand beside the fields of `cls` and are read elsewhere.
        """
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            self.problem(at, "should be a mapping of keys", value=raw)
            raw = {}
        fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        good = {str(key): value for key, value in raw.items() if str(key) in fields}
        for key in raw:
            if str(key) not in fields:
                allowed = nearest(str(key), [*fields, *also]) or f"the keys are {listed([*fields, *also])}"
                self.problem(f"{at}.{key}", "there is no such key", allowed=allowed)
        try:
            return _adapter(cls).validate_python(good)
        except ValidationError as error:
            for key in self._note(error, good, at):
                good.pop(key, None)
            return self._without_required(cls, good)

    def _note(self, error: ValidationError, raw: Mapping[str, Any], at: str) -> set[str]:
        bad = set()
        # A union reports once for each of its members; the first is the one that people mean.
        seen = set()
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0]) if detail["loc"] else ""
            bad.add(name)
            if name in seen:
                continue
            seen.add(name)
            key = f"{at}.{name}" if name else at
            allowed = str(detail.get("ctx", {}).get("expected", ""))
            message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
            if detail["type"] == "missing":
                self.problem(key, "is required")
            else:
                self.problem(key, message, value=raw.get(name), allowed=allowed)
        return bad

    def _without_required(self, cls: type[T], good: Mapping[str, Any]) -> T:
        """Build the value all the same, so that later checks can find more problems."""
        fill = {
            field.name: ""
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
        try:
            return _adapter(cls).validate_python({**fill, **good})
        except ValidationError:
            return _adapter(cls).validate_python(fill)


@cache
def _any_adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _adapter(cls: type[T]) -> TypeAdapter[T]:
    """Building an adapter costs more than a hundred uses of it."""
    adapter: TypeAdapter[T] = _any_adapter(cls)  # type: ignore[arg-type]  # a class is hashable
    return adapter


def _shown(key: str, value: object) -> str:
    if is_secret(key):
        return HIDDEN
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
