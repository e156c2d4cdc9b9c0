"""A comparison in several looks that buys takes in between: where it is most uncertain, and no longer than it has to.

The looks are planned before the first one: after how many takes, and which part of the error rate each may spend. The
parts add up to alpha, so that the rate of false alarms over all looks is at most alpha, whatever the looks have in
common (Bonferroni over looks; Holm over metrics within each).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from runner.compare.verdicts import ALPHA, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runner.compare.permutation import Stratum
    from runner.compare.verdicts import Judgement, Sample

_LAST_SHARE: Final = 0.6
"""Of alpha, for the last look: it decides with most takes. Earlier ones share the rest, each twice the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One planned look."""

    takes: int
    """Of each shot, by then, at most."""
    alpha: float
    """What it may spend."""


def planned_looks(takes: Sequence[int], alpha: float = ALPHA) -> tuple[Look, ...]:
    """The looks after so many takes, in growing numbers. Raises `ValueError` for others, or none."""
    if not takes or list(takes) != sorted(set(takes)) or takes[0] < 2:
        raise ValueError("looks should be growing numbers of takes, from 2 on")
    if len(takes) == 1:
        return (Look(takes=takes[0], alpha=alpha),)
    weights = [2.0**at for at in range(len(takes) - 1)]
    early = [(1 - _LAST_SHARE) * alpha * weight / sum(weights) for weight in weights]
    return tuple(
        Look(takes=count, alpha=share)
        for count, share in zip(takes, [*early, _LAST_SHARE * alpha], strict=True)
    )


def is_over(judgements: Iterable[Judgement], *, last: bool) -> bool:
    """Whether no further take is bought: a regression is found, all metrics are fine, or it was the last look."""
    verdicts = [one.verdict for one in judgements]
    return last or Verdict.WORSE in verdicts or Verdict.UNDECIDED not in verdicts


def uncertainty(
    samples: Iterable[Sample], groups: Mapping[str, str], more: Mapping[str, int] = MappingProxyType({})
) -> dict[str, float]:
    """How much one more take of each group of shots would make the effects more certain; the largest first.

    `groups` has the group of each shot, such as its sequence; `more` is how many takes of a group are on order. The
    measure is the variance of a shot's mean that one more take removes, in units of the metric's own variance, so that
    metrics can be added.
    """
    found: dict[str, float] = dict.fromkeys(groups.values(), 0.0)
    for sample in samples:
        overall = float(np.mean([np.var(one.before + one.after) for one in sample.strata])) or 1.0
        for one in sample.strata:
            group = groups[one.name]
            found[group] += _removed(one, overall, len(one.after) + more.get(group, 0))
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _removed(stratum: Stratum, overall: float, count: int) -> float:
    spread = float(np.var(stratum.after, ddof=1)) if len(stratum.after) > 1 else overall
    return spread / overall / (count * (count + 1))


def purchases(
    samples: Sequence[Sample], groups: Mapping[str, str], have: Mapping[str, int], most: int
) -> list[str]:
    """The groups to buy a take of, one after the other, until each has `most`; `have` is how many takes there are.

    Each take is of the group that it makes most certain. Where nothing is known yet, groups take turns: where the money
    ends early, all of them have been looked at.
    """
    found: list[str] = []
    more = dict.fromkeys(have, 0)
    while short := [group for group in have if have[group] + more[group] < most]:
        gains = uncertainty(samples, groups, more) if samples else {}
        best = max(short, key=lambda group: (gains.get(group, 0.0), -have[group] - more[group]))
        more[best] += 1
        found.append(best)
    return found
