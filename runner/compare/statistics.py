"""Around the test: correction over metrics, intervals, noise, and how many takes would decide. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from runner.compare.permutation import Stratum, smallest_p

if TYPE_CHECKING:
    from collections.abc import Sequence

POWER: Final = 0.8
"""How often a comparison should notice a change that just matters."""
_RESAMPLES: Final = 2_000
_MOST_TAKES: Final = 200


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being several (Holm 1979): one at or below alpha keeps the rate of any false alarm."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    found, so_far = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        so_far = max(so_far, min(1.0, p_values[at] * (len(p_values) - rank)))
        found[at] = so_far
    return found


def noise(strata: Sequence[Stratum], *, before: bool = False) -> float:
    """The standard deviation of takes of one shot, pooled over shots; 0 where no shot has two takes.

    Of both sides, or of those `before` alone: a change may be one of the noise, too.
    """
    squares, degrees = 0.0, 0
    for one in strata:
        if before:
            sides: list[Sequence[float]] = [one.before]
        elif one.paired:
            # Of paired takes, what counts is how their differences vary.
            differences = [new - old for old, new in zip(one.before, one.after, strict=True)]
            sides = [[value / math.sqrt(2) for value in differences]]
        else:
            sides = [one.before, one.after]
        for side in sides:
            mean = math.fsum(side) / len(side)
            squares += math.fsum((value - mean) ** 2 for value in side)
            degrees += len(side) - 1
    return math.sqrt(squares / degrees) if degrees else 0.0


def interval(strata: Sequence[Stratum], level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """A bootstrap interval of the effect: takes are drawn anew within each shot (percentiles)."""
    rng = np.random.default_rng(seed)
    total = np.zeros(_RESAMPLES)
    for one in strata:
        before, after = np.array(one.before), np.array(one.after)
        new = rng.integers(0, len(after), size=(_RESAMPLES, len(after)))
        old = new if one.paired else rng.integers(0, len(before), size=(_RESAMPLES, len(before)))
        total += after[new].mean(axis=1) - before[old].mean(axis=1)
    low, high = np.quantile(total / len(strata), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def can_decide(strata: Sequence[Stratum], least: float, alpha: float, sd: float) -> bool:
    """Whether so many takes notice a change of `least` with probability `POWER`, at an error rate of `alpha`.

    `sd` is the noise.
    """
    if smallest_p(strata) > alpha:
        return False
    if sd == 0:
        return True
    variance = math.fsum(1 / len(one.before) + 1 / len(one.after) for one in strata) / len(strata) ** 2
    normal = NormalDist()
    needed = normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)
    return least / (sd * math.sqrt(variance)) >= needed


def takes_to_decide(strata: Sequence[Stratum], least: float, alpha: float, sd: float) -> int | None:
    """How many takes of each shot, on both sides, would decide; `None` where not even 200 would. `sd` is the noise."""
    for takes in range(2, _MOST_TAKES + 1):
        grown = [replace(one, before=(0.0,) * takes, after=(0.0,) * takes) for one in strata]
        if can_decide(grown, least, alpha, sd):
            return takes
    return None
