"""How many of the known-bad clips a comparison of five takes with five catches, and how often it cries wolf.

python -m tests.compare.known_bads                  # pan; about two minutes
python -m tests.compare.known_bads rain hand_held   # other footage of tests/media/calibration_footage.py

A shot has ten takes before and ten after, each of other footage. Takes after it are spoilt, one defect at a time, and
measured as a run measures them. Five of each side are drawn, again and again, and compared.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.compare.baseline import MetricFacts, Shots, Take
from runner.compare.comparison import compare
from runner.media import thresholds
from tests.media.calibration import METRICS, measured, specs
from tests.media.calibration_defects import DEFECTS, NOT_SEPARABLE
from tests.media.calibration_footage import FOOTAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.media.calibration_defects import Defect

SHOT: Final = "main/two"
TAKES: Final = 5
BEFORE: Final = range(500, 510)
"""The seeds of the footage before, and after: limits were chosen on none of them."""
AFTER: Final = range(520, 530)
GOOD: Final = DEFECTS[0]


class Caught(NamedTuple):
    """What comparisons came to."""

    worse: int
    error: int
    undecided: int
    fine: int

    @property
    def share(self) -> float:
        """Of comparisons that say that something is wrong."""
        return (self.worse + self.error) / sum(self)


def takes(footage: str, defect: Defect, seeds: Iterable[int]) -> list[Take]:
    """A take for each seed, as a run folder would have it."""
    with tempfile.TemporaryDirectory() as folder:
        return [_take(footage, defect, seed, Path(folder)) for seed in seeds]


def _take(footage: str, defect: Defect, seed: int, folder: Path) -> Take:
    margins = measured(footage, defect, folder, seed).margins
    name = f"{footage}-{defect.name}-{seed}"
    if "whole" in margins and margins["whole"] > 0:
        return Take(key=name, take=seed, ending="failed", error="the file that arrived is not complete")
    numbers = {}
    for check, metric in METRICS.items():
        maximum = specs()[metric].maximum
        if check in margins and maximum is not None:
            numbers[metric] = (margins[check] + 1) * maximum
    verdict = "reframed" if margins["framing"] > 0 else "ignored" if margins["frame"] > 0 else "locked"
    return Take(
        key=name,
        take=seed,
        clip=name,
        verdict=verdict,
        properties={
            "width": 320,
            "height": 180,
            "fps": "24",
            "audio": True,
            "duration_s": 2.0,
            "black": (margins["black"] + 1) * thresholds.BLACK_SHARE,
            "frozen": (margins["frozen"] + 1) * thresholds.FROZEN_SHARE,
            "ends_blank": margins["ending"] > 0,
        },
        metrics=numbers,
    )


def shots(chosen: Sequence[Take]) -> Shots:
    facts = {name: MetricFacts.of(specs()[name]) for name in METRICS.values()}
    return Shots(project="film", takes={SHOT: tuple(chosen)}, metrics=facts)


def caught(before: Sequence[Take], after: Sequence[Take], draws: int, count: int = TAKES) -> Caught:
    """What comparisons of `count` takes, drawn from each side, come to."""
    chance = random.Random(7)
    found = [
        compare(shots(chance.sample(before, count)), shots(chance.sample(after, count))).outcome
        for _ in range(draws)
    ]
    return Caught(*(found.count(one) for one in ("worse", "error", "undecided", "fine")))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("footage", nargs="*", default=["pan"], help=", ".join(FOOTAGE))
    parser.add_argument("--draws", type=int, default=100)
    chosen = parser.parse_args()
    missed = 0
    print(f"{'footage':<10} {'clip':<14} {'worse':>6} {'error':>6} {'undecided':>10} {'fine':>6}")
    for footage in chosen.footage:
        before = takes(footage, GOOD, BEFORE)
        for defect in (GOOD, *(one for one in DEFECTS if one.check)):
            result = caught(before, takes(footage, defect, AFTER), chosen.draws)
            excused = (footage, defect.name) in NOT_SEPARABLE
            right = result.share >= 0.95 if defect.check else result.share <= 0.05
            missed += not right and not excused
            mark = "" if right else "  not separable" if excused else "  WRONG"
            counts = f"{result.worse:>6} {result.error:>6} {result.undecided:>10} {result.fine:>6}"
            print(f"{footage:<10} {defect.name:<14} {counts}{mark}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
