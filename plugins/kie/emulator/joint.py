"""What must hold between several fields of an input. The wording is ours: none was recorded.

A rule's `problem` says what is wrong with an input whose fields are fine by themselves and whose defaults are filled
in; "" if nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .field import STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBoth:
    """Two fields of which only one may be filled."""

    __pydantic_config__: ClassVar = STRICT
    not_both: tuple[str, str]

    def problem(self, given: Mapping[str, Any]) -> str:
        both = all(given.get(name) for name in self.not_both)
        return f"{' and '.join(self.not_both)} cannot be used together" if both else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Values that exclude each other. The message names the first field."""

    __pydantic_config__: ClassVar = STRICT
    never: dict[str, object]

    def problem(self, given: Mapping[str, Any]) -> str:
        found = _matches(self.never, given)
        return f"{next(iter(self.never))} is not within the range of allowed options" if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMost:
    """`at_most` elements in all the lists `of` together, where the fields in `when` have these values."""

    __pydantic_config__: ClassVar = STRICT
    at_most: int
    of: tuple[str, ...]
    when: dict[str, object] = field(default_factory=dict)

    def problem(self, given: Mapping[str, Any]) -> str:
        count = sum(len(given.get(name) or ()) for name in self.of)
        if count <= self.at_most or not _matches(self.when, given):
            return ""
        together = " together" if len(self.of) > 1 else ""
        return f"{' and '.join(self.of)}: the length must not exceed {self.at_most}{together}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationsWithin:
    """The seconds of all objects in the list `durations_of` fit into those that the field `within` says."""

    __pydantic_config__: ClassVar = STRICT
    durations_of: str
    within: str

    def problem(self, given: Mapping[str, Any]) -> str:
        # As floats 0.3, 8.3 and 6.4 are a little more than 15.
        scenes, limit = given.get(self.durations_of) or (), given[self.within]
        long = round(sum(one.get("duration") or 0 for one in scenes), _PLACES) > int(limit)
        return f"{self.durations_of}: the durations must not exceed {limit} together" if long else ""


Rule = NotBoth | Never | AtMost | DurationsWithin


def _matches(values: Mapping[str, object], given: Mapping[str, Any]) -> bool:
    return all(given.get(name) == value for name, value in values.items())
