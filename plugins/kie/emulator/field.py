"""One field of a model's `input`: what it may hold, and what is said when it does not."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Final

_DIGITS: Final = 9
NAMELESS: Final = "This field is required"
SERVER_EXCEPTION: Final = "Server exception, please try again later or contact customer service"


class Kind(enum.Enum):
    """The types of JSON that the API tells apart; a number in quotes is a string."""

    TEXT = "a string"
    DIGITS = "a string with a whole number in it"
    INTEGER = "an integer"
    NUMBER = "a number"
    EITHER = "a number or a string"
    FLAG = "a boolean"
    URL = "a URL"
    URLS = "an array of URLs"
    LIST = "an array"


_TYPES: Final[dict[Kind, tuple[type, ...]]] = {
    Kind.TEXT: (str,),
    Kind.DIGITS: (str,),
    Kind.INTEGER: (int,),
    Kind.NUMBER: (int, float),
    Kind.EITHER: (int, float, str),
    Kind.FLAG: (bool,),
    Kind.URL: (str,),
    Kind.URLS: (list,),
    Kind.LIST: (list,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`low` and `high` bound a number, the length of a text, or the count of a list.

    `missing` is the answer when a required field is not there: some models name the field, some do not. `parts` are
    the fields of each object of a list.
    """

    name: str
    kind: Kind
    required: bool = False
    missing: str = ""
    choices: tuple[object, ...] = ()
    low: float | None = None
    high: float | None = None
    default: object = None
    parts: tuple[Field, ...] = ()

    def absent(self, given: dict[str, Any]) -> bool:
        """Whether the field is not there, empty, or no URL where one belongs.

        Pictures inline (a data URL, bare base64) count as not there: the model answers that it needs its field.
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
        return self.missing or f"{self.name} is required"

    def problem(self, value: object) -> str:
        """What is wrong with a value that is there; "" if nothing. The wording is ours: none was recorded."""
        if not self._typed(value):
            return f"{self.name} must be {self.kind.value}"
        if self.choices and value not in self.choices:
            return f"{self.name} is not within the range of allowed options"
        return self._outside(value) or self._amiss(value)

    def _amiss(self, value: Any) -> str:
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
        right = isinstance(value, _TYPES[self.kind])
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
    """Whether the API takes this for an address. It may still be one that it cannot fetch."""
    scheme, colon, _ = value.strip().partition(":")
    return bool(colon) and scheme.lower() != "data" and len(scheme) < 10
