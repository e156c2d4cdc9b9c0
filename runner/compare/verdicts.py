"""The verdict on each metric: worse, fine, or undecided, which is never a pass."""

from __future__ import annotations

import enum
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.compare import statistics
from runner.compare.permutation import Stratum, effect, p_worse, smallest_p

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALPHA: Final = 0.05
"""The rate of false alarms, over all metrics of a comparison."""
LEAST_SD: Final = 2.0
"""The smallest change that matters where a metric states none: in standard deviations between the takes before."""
_LEAST_SHARE: Final = 0.01
"""And no less than this share of the number itself: takes of a replay have no noise at all."""

_LEAST: Final = 1e-9
"""And more than rounding: numbers that are all 0 did not change."""


class Verdict(enum.StrEnum):
    """What there is to say about one metric."""

    FINE = "fine"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The numbers of one metric, before and after."""

    metric: str
    strata: tuple[Stratum, ...]
    """Oriented: more is worse."""
    unit: str = ""
    higher_is_better: bool = True
    least: float | None = None
    """The smallest change that matters, in the unit of the metric; `None` is `LEAST_SD` of its noise before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one metric with its numbers. Effects are oriented: more is worse."""

    metric: str
    verdict: Verdict
    why: str
    unit: str
    effect: float
    interval: tuple[float, float]
    least: float
    p: float
    p_corrected: float
    noise: float
    takes: tuple[int, int]
    """The fewest takes of a shot, before and after."""
    takes_needed: int | None
    """Takes of each shot on both sides that would decide; `None` where it is decided, or none would."""
    worst_shot: str
    before: float
    """The mean, as it was measured."""
    after: float


def judge(
    samples: Sequence[Sample], alpha: float = ALPHA, spent: float | None = None, least_sd: float = LEAST_SD
) -> list[Judgement]:
    """The verdict on each metric. The rate of any false alarm over all of them is at most `alpha`.

    `spent` is the part of alpha that this look of a sequential comparison may spend; by default all of it.
    """
    level = alpha if spent is None else spent
    usable = [one for one in samples if one.strata]
    raw = [p_worse(one.strata, _seed(one)) for one in usable]
    corrected = statistics.holm(raw)
    found: Mapping[str, Judgement] = {
        sample.metric: _judged(sample, p, p_corrected, level, len(usable), least_sd)
        for sample, p, p_corrected in zip(usable, raw, corrected, strict=True)
    }
    return [found[one.metric] for one in usable]


def _judged(
    sample: Sample, p: float, p_corrected: float, alpha: float, metrics: int, least_sd: float
) -> Judgement:
    strata = sample.strata
    change, sd = effect(strata), statistics.noise(strata)
    sign = -1 if sample.higher_is_better else 1
    before = sign * math.fsum(math.fsum(one.before) / len(one.before) for one in strata) / len(strata)
    least = sample.least
    # Planned with the noise before: how many takes decide is known before new ones are paid for.
    calm = statistics.noise(strata, before=True)
    if least is None:
        least = max(least_sd * calm, _LEAST_SHARE * abs(before), _LEAST)
    # What Holm asks of the first of several metrics: with less, no result could ever be an alarm.
    each = alpha / metrics
    needed: int | None = None
    if p_corrected <= alpha and change >= least:
        verdict, why = Verdict.WORSE, "worse, beyond noise"
    elif not statistics.can_decide(strata, least, each, calm):
        verdict = Verdict.UNDECIDED
        # A change that was seen takes fewer takes to confirm than the smallest one that matters.
        needed = statistics.takes_to_decide(strata, max(least, change), each, calm)
        impossible = smallest_p(strata) > each
        why = "so few takes cannot decide" if impossible else "too noisy for so many takes"
    elif change >= least:
        verdict, why = Verdict.UNDECIDED, "a change that matters, and it may be noise"
        more = min(min(len(one.before), len(one.after)) for one in strata) + 1
        needed = max(more, statistics.takes_to_decide(strata, change, each, sd) or more)
    else:
        verdict = Verdict.FINE
        why = "changed by less than what matters" if p_corrected <= alpha else "no change beyond noise"
    return Judgement(
        metric=sample.metric,
        verdict=verdict,
        why=why,
        unit=sample.unit,
        effect=change,
        interval=statistics.interval(strata, seed=_seed(sample)),
        least=least,
        p=p,
        p_corrected=p_corrected,
        noise=sd,
        takes=(min(len(one.before) for one in strata), min(len(one.after) for one in strata)),
        takes_needed=needed,
        worst_shot=max(strata, key=lambda one: one.effect).name,
        before=before,
        after=before + sign * change,
    )


def _seed(sample: Sample) -> int:
    """The same comparison has the same result, whenever it is made."""
    return int.from_bytes(hashlib.sha256(repr(sample.strata).encode()).digest()[:6], "big")
