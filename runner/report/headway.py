"""How far a run is, in one line: shots, money, and about how long it still takes."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Final

from runner import store
from runner.api import EventKind
from runner.errors import JournalError
from runner.money import dollars, from_usd
from runner.planning.sharing import at_one_time, model_of
from runner.report.progress_words import OVER
from runner.store.attempt import Phase
from runner.store.interface import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.api import Event
    from runner.planning.plan import Plan, PlannedShot
    from runner.planning.sharing import Model

_RECENT: Final = 20
"""How many earlier clips of a model count: providers get faster, and slower."""

_FRESH_S: Final = 0.5
"""An estimate is as good for so long: hundreds of jobs have thousands of shots."""


class Headway:
    """Follows the events of one run, or of all runs of a sweep: a shot that several of them have counts once.

    A shot takes as long as those of the same generator and model did: in this run, or else in `earlier`, seconds for
    each model, by default from the journal. Where there is nothing to go by, nothing is estimated.
    """

    def __init__(
        self,
        *plans: Plan,
        earlier: Mapping[Model, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        of_sweep: bool = False,
    ) -> None:
        self._plans = plans
        self._of_sweep = of_sweep or len(plans) > 1
        self._earlier = earlier_durations(plans) if earlier is None else earlier
        self._clock = clock
        self._began = clock()
        self._shots = {self._name(plan.key, shot): shot for plan in plans for shot in plan.shots}
        self._units = {self._unit(shot) for shot in self._shots.values()}
        self._under_way: dict[str, float] = {}
        self._over: set[str] = set()
        self._took: dict[Model, list[float]] = {}
        self._failed: set[str] = set()
        self._micros = self._unpriced = 0
        self._left: tuple[float, float | None] = (-math.inf, None)

    def add(self, plans: Sequence[Plan]) -> None:
        """Follow more runs of a sweep. Blocking."""
        new = earlier_durations(plans)
        self._earlier = {**new, **self._earlier}
        self._plans = (*self._plans, *plans)
        self._shots |= {self._name(plan.key, shot): shot for plan in plans for shot in plan.shots}
        self._units |= {self._unit(shot) for plan in plans for shot in plan.shots}
        self._left = (-math.inf, None)

    def observe(self, event: Event) -> None:
        shot = self._shots.get(self._name(event.run, event))
        if shot is None:
            return
        if event.kind not in OVER:
            self._under_way.setdefault(self._unit(shot), self._clock())
            return
        self._over.add(self._unit(shot))
        self._left = (-math.inf, None)
        if event.kind is EventKind.SHOT_FAILED:
            self._failed.add(self._unit(shot))
        if event.kind is EventKind.SHOT_FINISHED:
            took, cost = event.detail.get("elapsed_s"), event.detail.get("cost_usd", 0)
            if isinstance(took, (int, float)):
                self._took.setdefault(model_of(shot), []).append(took)
            self._unpriced += cost is None
            self._micros += from_usd(cost) or 0 if isinstance(cost, (int, float)) else 0

    def _unit(self, shot: PlannedShot) -> str:
        """What is counted: a shot of a run, or in a sweep a clip, whoever needs it."""
        return shot.key if self._of_sweep else shot.name

    def _name(self, run: str, of: Event | PlannedShot) -> tuple[str, str, str]:
        shot = of.shot if isinstance(of.shot, str) else of.shot.name
        return run if self._of_sweep else "", of.sequence, shot

    @property
    def line(self) -> str:
        """`3 of 6 shots · $0.12 · about 2 min left`; what is not known is left out."""
        failed = f" ({len(self._failed)} failed)" if self._failed else ""
        total = len(self._units)
        parts = [f"{len(self._over)} of {total} {'shot' if total == 1 else 'shots'}{failed}"]
        if self._micros:
            parts.append(dollars(self._micros))
        if self._unpriced:
            parts.append(f"{self._unpriced} of unknown price")
        left = self.left_s
        if left is not None:
            parts.append(f"{duration(left)} left")
        return " · ".join(parts)

    @property
    def line_with_clock(self) -> str:
        """The line, with the time since the run began, labelled."""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        return f"{self.line} · {minutes}:{seconds:02d} elapsed"

    @property
    def left_s(self) -> float | None:
        """About how many seconds are left; `None` where all is over, or cannot be estimated."""
        now = self._clock()
        if now - self._left[0] >= _FRESH_S:
            self._left = (now, self._estimated(now))
        return self._left[1]

    def _estimated(self, now: float) -> float | None:
        longest, each = 0.0, dict[str, float]()
        chains = (chain for plan in self._plans for sequence in plan.sequences for chain in sequence.chains)
        for chain in chains:
            of_chain = 0.0
            for shot in chain:
                unit = self._unit(shot)
                if unit in self._over:
                    continue
                takes = self._takes(shot)
                if takes is None:
                    return None
                # One that takes longer than the others is about to end.
                left = max(takes - (now - self._under_way.get(unit, now)), 0.1 * takes)
                each[unit] = left
                of_chain += left
            longest = max(longest, of_chain)
        together = sum(each.values())
        return max(longest, together / at_one_time(self._plans)) if together else None

    def _takes(self, shot: PlannedShot) -> float | None:
        took = self._took.get(model_of(shot))
        return statistics.median(took) if took else self._earlier.get(model_of(shot))


def earlier_durations(plans: Sequence[Plan]) -> dict[Model, float]:
    """Seconds from the intent to the clip, for each model of the plans that the journal has clips of. Blocking."""
    found: dict[Model, list[float]] = {}
    generators = {shot.shot.generator.spec.name for plan in plans for shot in plan.shots}
    at_most = max((plan.project.limits.task_timeout_s for plan in plans), default=0.0)
    try:
        for root in {plan.project.output_root for plan in plans}:
            reader = store.read_journal(root)
            if reader is None:
                continue
            with reader:
                for generator in generators:
                    for attempt in reader.attempts(Filter(generator=generator, phases=[Phase.FETCHED])):
                        # A clip that a later run fetched says nothing about how long one takes.
                        if 0 < attempt.updated - attempt.created < at_most:
                            took = found.setdefault((generator, attempt.model), [])
                            took.append(attempt.updated - attempt.created)
    except JournalError:
        return {}  # whoever needs the journal says so
    return {model: statistics.median(took[-_RECENT:]) for model, took in found.items()}


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 45:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    return f"about {seconds / 3600:.1f} h"
