"""The keys of `checks:`, as they may be typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _off(value: Any) -> Any:
    """YAML 1.1 reads an unquoted off as false."""
    return "off" if value is False else value


Check = Annotated[Literal["warn", "fail", "off"], BeforeValidator(_off)]
"""`warn` notes it; `fail` keeps the clip and holds its shot, so that nothing more is paid for in its chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """`checks:`. What is done about a clip that decodes to its end, and is not as it should be."""

    duration: Check = "warn"
    """Its length is not the one that was requested."""
    shape: Check = "warn"
    """Its ratio of width to height is not the one that was requested."""
    rate: Check = "off"
    """Its frame rate is not the one that was requested. Most models have a rate of their own."""
    audio: Check = "warn"
    """It has sound where `params` switch sound off, or none where they switch it on."""
    black: Check = "warn"
    """Much of it is black."""
    frozen: Check = "warn"
    """Much of it stands still."""
    ending: Check = "warn"
    """It ends in a single colour, and a shot that chains from it starts from nothing."""
