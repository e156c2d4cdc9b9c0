"""The length and the size of a clip, from a request."""

from __future__ import annotations

import contextlib
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runner.testing.provider.drawing import even

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Model

_SHORT_SIDES: Final = {"std": 720, "standard": 720, "pro": 1080, "high": 1080, "2k": 1440, "4k": 2160}
_DEFAULT_SHORT_SIDE: Final = 360  # where no resolution is requested: small is fast
_RATIOS: Final = {"landscape": (16, 9), "portrait": (9, 16)}
_LONGEST_S: Final = 60
_NARROWEST: Final = 4  # an image of one pixel's height must not lead to a huge clip


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def duration_s(model: Model, given: Mapping[str, Any]) -> Decimal:
    """The seconds that a completed input requests."""
    for name in ("duration", "n_frames", "extend_times"):
        # Some models accept any value (Grok).
        with contextlib.suppress(InvalidOperation, ValueError):
            asked = Decimal(str(given[name])) if given.get(name) is not None else Decimal(0)
            if asked.is_finite() and 0 < asked <= _LONGEST_S:
                return asked
    return Decimal(model.duration_s)


def short_side(given: Mapping[str, Any]) -> int:
    """Pixels of the shorter side."""
    for name in ("resolution", "mode", "quality", "size"):
        word = str(given.get(name) or "").lower()
        if word in _SHORT_SIDES:
            return _SHORT_SIDES[word]
        if word.endswith("p") and word[:-1].isdecimal():
            return max(64, min(int(word[:-1]), 2160))
    return _DEFAULT_SHORT_SIDE


def size(model: Model, given: Mapping[str, Any], picture: Size | None, most: int) -> Size:
    """Width and height, both even. `picture` is the size of the first image; `most` caps the shorter side."""
    across, down = _ratio(given)
    if picture is not None and (model.follows_image or not across):
        across, down = picture
    if not across:
        across, down = 16, 9
    side = min(short_side(given), most) if most else short_side(given)
    longest = min(max(across, down), _NARROWEST * min(across, down))
    across, down = (longest, min(across, down)) if across > down else (min(across, down), longest)
    return Size(*even(across, down, side))


def _ratio(given: Mapping[str, Any]) -> tuple[int, int]:
    word = str(given.get("aspect_ratio") or given.get("ratio") or "").lower()
    if word in _RATIOS:
        return _RATIOS[word]
    across, colon, down = word.partition(":")
    if colon and across.isdecimal() and down.isdecimal() and 0 < int(down) <= 100 and 0 < int(across) <= 100:
        return int(across), int(down)
    return 0, 0
