"""Turning one mapping into one typed value, noting every problem instead of stopping at the first."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from pydantic import PlainValidator, TypeAdapter, ValidationError

from runner.config.origins import COMMAND_LINE
from runner.errors import PluginError, Problem
from runner.naming import nearest as nearest
from runner.outgoing import printable
from runner.redaction import HIDDEN, hidden_value, remember, scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runner.config.origins import Origins

T = TypeVar("T")
_MOST_PROBLEMS: Final = 100


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


class Reader:
    """Reads mappings into dataclasses and collects what is wrong with them."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.problems: list[Problem] = []
        self.left_out = 0
        """How many further problems there are: a person reads no thousand, and to explain them takes minutes."""
        self.offline = False
        """Nothing is fetched: the configuration has to be the same without a network."""
        self.secrets: dict[str, str] = {}
        """The values of fields marked `runner.api.SECRET`, by their dotted keys."""

    def problem(
        self, key: str, message: str, *, value: object = None, allowed: str = "", unknown: bool = False
    ) -> None:
        """Note a problem once, with the place that set the key. The value of an `unknown` key, which may be a secret in
        the wrong place, is shown nowhere.

        That nothing is there (no `value`) is not worth a word where the key has a problem already.
        """
        if self.is_full():
            return
        shown = printable(key.replace("\n", "\\n").replace("\t", "\\t"))
        if value is None and any(known.key == shown for known in self.problems):
            return
        text = "" if value is None else _shown(key, value)
        source = self.origins.of(key)
        if unknown and source.startswith(COMMAND_LINE):
            source = source.partition("=")[0]
        found = Problem(key=shown, message=message, value=text, allowed=allowed, source=source)
        if found not in self.problems:
            self.problems.append(found)

    def is_full(self) -> bool:
        """Whether no further problem is noted; one more is counted then."""
        self.left_out += len(self.problems) >= _MOST_PROBLEMS
        return len(self.problems) >= _MOST_PROBLEMS

    def read(self, cls: type[T], raw: object, at: str) -> T:
        """Read `raw` as `cls`, one of the sections. A key with a problem falls back to its default."""
        good = self._known(cls, raw, at, ())
        try:
            return _adapter(cls).validate_python(good)
        except ValidationError as error:
            for key in self._note(error, cls, good, at):
                good.pop(key, None)
        # Built all the same, so that later checks can find more problems.
        blank = {
            field.name: ""
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }
        return _adapter(cls).validate_python({**blank, **good})

    def options(self, cls: type[T], raw: object, at: str, *, also: Iterable[str]) -> T | None:
        """Read the options of a plugin; `None` where not even its defaults can be used.

        `also` are keys that may stand beside them and are read elsewhere. Raises `PluginError` for a class that
        cannot be read from a configuration, or that fails otherwise than by `ValueError`.
        """
        good = self._known(cls, raw, at, also)
        for key, secret in _secrets(cls, good, at):
            remember(secret)
            self.secrets[key] = secret
        try:
            return _adapter(cls).validate_python(good)
        except ValidationError as error:
            for key in self._note(error, cls, good, at):
                good.pop(key, None)
        except Exception as error:
            raise PluginError(
                f"the options of a plugin cannot be read: {cls.__module__}.{cls.__qualname__}",
                where=at,
                why=f"{type(error).__name__}: {error}".splitlines()[0],
                hint="its fields need types that YAML can hold, and checks that raise ValueError",
            ) from error
        try:
            return _adapter(cls).validate_python(good)
        except Exception:
            return None  # what is wrong has been noted

    def _known(self, cls: type[T], raw: object, at: str, also: Iterable[str]) -> dict[str, Any]:
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            self.problem(at, "should be a mapping of keys", value=raw)
            raw = {}
        fields = _names_of(cls)  # type: ignore[arg-type]  # a class is hashable
        for key in raw:
            if str(key) not in fields and not self.is_full():
                allowed = nearest(str(key), [*fields, *also]) or f"the keys are {listed([*fields, *also])}"
                self.problem(f"{at}.{key}", "there is no such key", allowed=allowed, unknown=True)
        types = types_of(cls)  # type: ignore[arg-type]
        whole = _read_whole(cls)  # type: ignore[arg-type]
        return {
            str(key): self._known(types[str(key)], value, f"{at}.{key}", ())
            if dataclasses.is_dataclass(types.get(str(key)))
            and isinstance(value, dict)
            and str(key) not in whole
            else value
            for key, value in raw.items()
            if str(key) in fields
        }

    def _note(self, error: ValidationError, cls: Any, raw: Mapping[str, Any], at: str) -> set[str]:
        """Note every problem of `error`; the keys that have one."""
        bad = set()
        shown = _without_secrets(cls, raw)
        for detail in error.errors(include_url=False):
            message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
            name = str(detail["loc"][0]) if detail["loc"] else _named_in(message, raw)
            if name in bad:
                continue  # a union reports once for each of its members; the first is the one that people mean
            bad.add(name)
            key = f"{at}.{name}" if name else at
            allowed = str(detail.get("ctx", {}).get("expected", ""))
            if detail["type"] == "missing":
                self.problem(key, "is required")
            else:
                message = _not_of_type(detail["type"], raw.get(name)) or message
                self.problem(key, message, value=shown.get(name), allowed=allowed)
        return bad


def _not_of_type(kind: str, value: object) -> str:
    """What is most often the matter with a value of another type than is expected; empty where pydantic says it."""
    if kind == "string_type" and isinstance(value, bool):
        return f"YAML reads this as {str(value).lower()}, not as text; put it in quotes"
    if kind == "string_type" and isinstance(value, (list, dict)):
        return "should be one text; put a text with [ ] { } or a colon in quotes"
    if kind == "dict_type" and isinstance(value, list):
        return "should be a mapping, not a list; write NAME: in place of each -"
    return "should be a mapping of keys" if kind == "dict_type" else ""


@cache
def types_of(cls: type) -> dict[str, Any]:
    """The types of a class's fields; none where one has no meaning, which is told when a value is read."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):
        return {}


@cache
def _names_of(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(cls) if field.init)


@cache
def _read_whole(cls: type) -> frozenset[str]:
    """The fields of a class that read a mapping by a function of their own."""
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):
        return frozenset()
    return frozenset(
        name
        for name, hint in hints.items()
        if any(isinstance(one, PlainValidator) for one in getattr(hint, "__metadata__", ()))
    )


def _without_secrets(cls: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` with the values of fields marked `runner.api.SECRET` hidden, at any depth."""
    secret = {one.name for one in dataclasses.fields(cls) if one.metadata.get("secret")}
    types = types_of(cls)
    return {
        name: HIDDEN
        if name in secret and value
        else _without_secrets(types[name], value)
        if isinstance(value, dict) and dataclasses.is_dataclass(types.get(name))
        else value
        for name, value in raw.items()
    }


def _secrets(cls: Any, raw: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    """(dotted key, value) of the fields marked `runner.api.SECRET`, at any depth."""
    types = types_of(cls)
    for one in dataclasses.fields(cls):
        value = raw.get(one.name)
        if one.metadata.get("secret") and isinstance(value, str):
            yield f"{at}.{one.name}", value
        elif isinstance(value, dict) and dataclasses.is_dataclass(types.get(one.name)):
            yield from _secrets(types[one.name], value, f"{at}.{one.name}")


def _named_in(message: str, raw: Mapping[str, Any]) -> str:
    """The key that a dataclass's own check begins its message with."""
    words = message.split()
    first = words[0].strip("\"'`:,") if words else ""
    return first if first in raw else ""


@cache
def _any_adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _adapter(cls: type[T]) -> TypeAdapter[T]:
    """Building an adapter costs more than a hundred uses of it."""
    adapter: TypeAdapter[T] = _any_adapter(cls)  # type: ignore[arg-type]  # a class is hashable
    return adapter


def _shown(key: str, value: object) -> str:
    safe = hidden_value(value, *key.split("."))
    text = HIDDEN if safe == HIDDEN else scrubbed(repr(safe))
    return text if len(text) <= 120 else f"{text[:117]}..."
