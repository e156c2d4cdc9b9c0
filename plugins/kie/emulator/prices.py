"""What a task costs, in credits of US$0.005: the rows that the sources agree on, and one default for the rest.

A combination without a row costs `DEFAULT_PER_S` for each second: a made-up price, and the books say so
(`"price_known": false`). So does a request with reference videos: their seconds are billed too, and their length is
unknown when the credits are held. MiniMax's extra images are not billed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import TypeAdapter

from .field import STRICT
from .yaml_file import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PER_S: Final = Decimal(20)
USD: Final = Decimal("0.005")

_AUDIO: Final = ("sound", "audio", "generate_audio", "generate_audio_switch")
_RESOLUTION: Final = ("resolution", "mode", "quality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`credits` for each second or clip, where all these conditions hold. A resolution is in lower case.

    `without` is a field that may not be filled.
    """

    __pydantic_config__: ClassVar = STRICT
    credits: Decimal
    per: Literal["second", "clip"] = "second"
    resolution: str = ""
    duration_s: int = 0
    audio: bool | None = None
    field: str = ""
    value: str = ""
    without: str = ""

    def fits(self, given: Mapping[str, Any], duration_s: Decimal) -> bool:
        resolution = next((str(given[name]).lower() for name in _RESOLUTION if given.get(name)), "")
        return (
            self.resolution in ("", resolution)
            and self.duration_s in (0, duration_s)
            and (self.audio is None or self.audio == any(given.get(name) for name in _AUDIO))
            and (not self.field or str(given.get(self.field, "")) == self.value)
            and not (self.without and given.get(self.without))
        )


class Price(NamedTuple):
    """`known` tells a price of the table from the default."""

    credits: Decimal
    known: bool


def price(model: str, given: Mapping[str, Any], duration_s: Decimal) -> Price:
    """What a task of this model costs; `given` has the defaults filled in."""
    for row in price_list().get(model, ()):
        if row.fits(given, duration_s):
            return Price(row.credits * (duration_s if row.per == "second" else 1), True)
    return Price(DEFAULT_PER_S * duration_s, False)


@cache
def price_list() -> Mapping[str, tuple[Row, ...]]:
    """The rows for each model, from `prices.yaml`. The first that fits decides."""
    return read_yaml(Path(__file__).with_suffix(".yaml"), TypeAdapter(dict[str, tuple[Row, ...]]))
