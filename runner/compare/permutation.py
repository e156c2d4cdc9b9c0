"""A stratified permutation test: whether numbers got worse, by shuffling takes within each shot.

A stratum is one shot: its takes before and after. Under no change the labels "before" and "after" are arbitrary within
each stratum, so that the probability of the observed effect is a count over relabellings: no distribution is assumed.
Small samples are enumerated in full; larger ones are sampled, and then p is (1 + hits) / (1 + samples), which keeps the
declared error rate (Phipson and Smyth 2010).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_EXACT: Final = 40_000
"""Relabellings up to which all are counted."""
_SAMPLES: Final = 9_999
_TIE: Final = 1e-9
"""Relative: sums of the same numbers in another order differ by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The takes of one shot. Numbers are oriented: more is worse."""

    name: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    paired: bool = False
    """The takes belong together in their order: they have the same seeds."""

    @property
    def effect(self) -> float:
        """How much worse it got, in the unit of the metric."""
        return math.fsum(self.after) / len(self.after) - math.fsum(self.before) / len(self.before)

    @property
    def relabellings(self) -> int:
        """In how many ways its labels can be arranged."""
        if self.paired:
            return int(2 ** len(self.before))
        return math.comb(len(self.before) + len(self.after), len(self.before))


def effect(strata: Sequence[Stratum]) -> float:
    """How much worse it got: the mean over shots, each of which counts the same."""
    return math.fsum(one.effect for one in strata) / len(strata)


def smallest_p(strata: Sequence[Stratum]) -> float:
    """The smallest probability that the test can come to with so many takes."""
    ways = math.prod(one.relabellings for one in strata)
    return 1.0 / ways if ways <= _EXACT else max(1.0 / ways, 1.0 / (_SAMPLES + 1))


def p_worse(strata: Sequence[Stratum], seed: int = 0) -> float:
    """The probability of an effect as large as the observed one, or larger, where nothing changed.

    `seed` is that of the samples, where there are too many relabellings to count.
    """
    observed = effect(strata)
    scale = max((abs(value) for one in strata for value in (*one.before, *one.after)), default=0.0)
    limit = observed - _TIE * max(scale, abs(observed))
    if math.prod(one.relabellings for one in strata) <= _EXACT:
        sums = np.zeros(1)
        for one in strata:
            sums = np.add.outer(sums, _all_effects(one)).ravel()
        return float(np.mean(sums / len(strata) >= limit))
    rng = np.random.default_rng(seed)
    total = np.zeros(_SAMPLES)
    for one in strata:
        total += _sampled_effects(one, rng)
    return (1 + int(np.sum(total / len(strata) >= limit))) / (1 + _SAMPLES)


def _all_effects(one: Stratum) -> NDArray[np.float64]:
    before, after = np.array(one.before), np.array(one.after)
    if one.paired:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(before))))
        return np.asarray(signs @ (after - before) / len(before))
    values = np.concatenate([before, after])
    chosen = np.array(list(itertools.combinations(range(len(values)), len(after))))
    of_after = values[chosen].sum(axis=1)
    return np.asarray(of_after / len(after) - (values.sum() - of_after) / len(before))


def _sampled_effects(one: Stratum, rng: np.random.Generator) -> NDArray[np.float64]:
    before, after = np.array(one.before), np.array(one.after)
    if one.paired:
        signs = rng.choice((1.0, -1.0), size=(_SAMPLES, len(before)))
        return np.asarray(signs @ (after - before) / len(before))
    values = np.concatenate([before, after])
    order = rng.permuted(np.tile(values, (_SAMPLES, 1)), axis=1)
    of_after = order[:, : len(after)].sum(axis=1)
    return np.asarray(of_after / len(after) - (values.sum() - of_after) / len(before))
