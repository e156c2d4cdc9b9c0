"""One field of a model's `input`: which values it accepts, and the message for every other."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator

STRICT: Final = {"extra": "forbid"}  # an unknown key in the description of a model is an error
_DIGITS: Final = 9


class Kind(enum.Enum):
    """The types of JSON that the API tells apart; a number in quotes is a string."""

    TEXT = "text"
    DIGITS = "digits"
    INTEGER = "integer"
    NUMBER = "number"
    EITHER = "either"
    FLAG = "flag"
    URL = "url"
    URLS = "urls"
    LIST = "list"


_TYPES: Final[dict[Kind, tuple[str, tuple[type, ...]]]] = {
    Kind.TEXT: ("a string", (str,)),
    Kind.DIGITS: ("a string with a whole number in it", (str,)),
    Kind.INTEGER: ("an integer", (int,)),
    Kind.NUMBER: ("a number", (int, float)),
    Kind.EITHER: ("a number or a string", (int, float, str)),
    Kind.FLAG: ("a boolean", (bool,)),
    Kind.URL: ("a URL", (str,)),
    Kind.URLS: ("an array of URLs", (list,)),
    Kind.LIST: ("an array", (list,)),
}


def named(values: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """From a mapping by name, as YAML has it, to items that have a name."""
    return [{"name": name, **value} for name, value in values.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`low` and `high` bound a number, the length of a text, or the count of a list.

    `required` may be the answer when the field is missing; true is the usual one, which names the field. `parts` are
    the fields of each object of a list.

    Raises `ValueError` for a choice or a default that the field itself does not accept.
    """

    __pydantic_config__: ClassVar = STRICT
    name: str
    kind: Kind
    required: bool | str = False
    choices: tuple[object, ...] = ()
    low: float | None = None
    high: float | None = None
    default: object = None
    parts: Annotated[tuple[Field, ...], BeforeValidator(named)] = ()

    def __post_init__(self) -> None:
        own = [*self.choices, *([] if self.default is None else [self.default])]
        if problem := next(filter(None, map(self.problem, own)), ""):
            raise ValueError(problem)

    def absent(self, given: dict[str, Any]) -> bool:
        """Whether the field is missing, empty, or no URL where one is expected.

        An inline image (a data URL, bare base64) counts as missing: the model answers that it needs its field.
        """
        value = given.get(self.name)
        if value is None or value in ("", []):
            return True
        if self.kind is Kind.URL:
            return isinstance(value, str) and not is_address(value)
        if self.kind is Kind.URLS:
            return isinstance(value, list) and not any(
                isinstance(one, str) and is_address(one) for one in value
            )
        return False

    def need(self) -> str:
        """The answer when a required field is missing."""
        return self.required if isinstance(self.required, str) else f"{self.name} is required"

    def problem(self, value: object) -> str:
        """What is wrong with a value; "" if nothing. The wording is ours: none was recorded."""
        if not self._typed(value):
            return f"{self.name} must be {_TYPES[self.kind][0]}"
        if self.choices and value not in self.choices:
            return f"{self.name} is not within the range of allowed options"
        return self._outside(value) or self._problem_of_parts(value)

    def _problem_of_parts(self, value: Any) -> str:
        """What is wrong with the objects of a list."""
        for place, one in enumerate(value if self.parts else ()):
            if not isinstance(one, dict):
                return f"{self.name}[{place}] must be an object"
            for part in self.parts:
                problem = part.need() if part.absent(one) else part.problem(one[part.name])
                if problem:
                    return f"{self.name}[{place}]: {problem}"
        return ""

    def _typed(self, value: Any) -> bool:
        right = isinstance(value, _TYPES[self.kind][1])
        if not right or isinstance(value, bool) != (self.kind is Kind.FLAG):
            return False
        if self.kind is Kind.DIGITS:
            return bool(value.isdecimal()) and len(value) <= _DIGITS
        return self.kind is not Kind.URLS or all(isinstance(one, str) for one in value)

    def _outside(self, value: Any) -> str:
        match self.kind:
            case Kind.FLAG | Kind.EITHER:
                return ""
            case Kind.INTEGER | Kind.NUMBER:
                size, what = value, "value"
            case Kind.DIGITS:
                size, what = int(value), "value"
            case _:
                size, what = len(value), "length"
        if self.high is not None and size > self.high:
            return f"{self.name}: the {what} must not exceed {self.high:g}"
        if self.low is not None and size < self.low:
            return f"{self.name}: the {what} must be at least {self.low:g}"
        return ""


def is_address(value: str) -> bool:
    """Whether the API accepts this as a URL. It may still be one that it cannot fetch."""
    scheme, colon, _ = value.strip().partition(":")
    return bool(colon) and scheme.lower() != "data" and len(scheme) < 10
