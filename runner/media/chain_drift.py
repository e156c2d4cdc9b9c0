"""How the look of clips drifts along a chain: how fast, how surely, and when it will be too much. Pure."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.media.lab import delta_e_2000

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.media.lab import Colour
    from runner.media.look import Look

_95_PERCENT: Final = 1.959964
_LEAST: Final = 3
"""Clips from which on a slope has an interval, and says something about the next ones."""
_FAR: Final = 10_000
"""Shots ahead beyond which nothing is forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The change from one shot to the next."""

    per_shot: float
    low: float | None
    """The lower end of its 95 % interval; `None` with fewer than three clips."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDrift:
    """The drift of a chain so far."""

    distances: tuple[float, ...]
    """Of each clip from the anchor: CIEDE2000 between the mean colours."""
    slopes: Mapping[str, Slope] = field(default_factory=dict)
    """Of `distance`, `lightness`, `a`, `b`, `saturation`, `sharpness` and `noise`. None with a single clip."""
    breaks_at: int | None = None
    """The number of the clip, from 1, whose distance is the first above the limit, or is going to be."""

    @property
    def is_broken(self) -> bool:
        """Whether the limit is broken by a clip that is there."""
        return self.breaks_at is not None and self.breaks_at <= len(self.distances)


def chain_drift(
    looks: Sequence[Look], anchor: Colour, limit: float | None = None, since: int = 0
) -> ChainDrift:
    """The drift of the clips of a chain, in their order.

    `anchor` is the mean colour that they are to keep. `since` is the index of the clip that was last started from the
    anchor: the clips before it say nothing about how the chain goes on.
    """
    distances = tuple(round(delta_e_2000(one.lab, anchor), 3) for one in looks)
    recent = looks[since:]
    values = {
        "distance": distances[since:],
        "lightness": [one.lab[0] for one in recent],
        "a": [one.lab[1] for one in recent],
        "b": [one.lab[2] for one in recent],
        "saturation": [one.saturation for one in recent],
        "sharpness": [one.sharpness for one in recent],
        "noise": [one.noise for one in recent],
    }
    slopes = {name: theil_sen(of) for name, of in values.items()} if len(recent) > 1 else {}
    return ChainDrift(distances=distances, slopes=slopes, breaks_at=_breaks_at(distances, limit, since))


def theil_sen(values: Sequence[float]) -> Slope:
    """The median of the slopes between all pairs, at least one, with the interval of Sen (1968).

    Few outliers, such as a clip of a bright scene, hardly move it. It is what `scipy.stats.theilslopes` gives, which
    takes half a second to import.
    """
    count = len(values)
    slopes = sorted(
        (values[later] - values[earlier]) / (later - earlier)
        for earlier in range(count)
        for later in range(earlier + 1, count)
    )
    low = high = None
    if count >= _LEAST:
        spread = _95_PERCENT * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
        lower = max(round((len(slopes) - spread) / 2) - 1, 0)
        upper = min(round((len(slopes) + spread) / 2), len(slopes) - 1)
        low, high = round(slopes[lower], 4), round(slopes[upper], 4)
    return Slope(per_shot=round(statistics.median(slopes), 4), low=low, high=high)


def _breaks_at(distances: Sequence[float], limit: float | None, since: int) -> int | None:
    if limit is None:
        return None
    broken = next((number for number, one in enumerate(distances, start=1) if one > limit), None)
    recent = distances[since:]
    if broken is not None or len(recent) < _LEAST:
        return broken
    slope = theil_sen(recent).per_shot
    if slope <= 0:
        return None
    start = statistics.median(recent) - slope * (len(recent) - 1) / 2
    steps = (limit - start) / slope
    # The first whole step beyond the limit, and not before the next clip.
    at = max(math.floor(steps) + 1, len(recent)) if steps < _FAR else None
    return None if at is None else since + at + 1
