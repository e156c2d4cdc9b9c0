"""How far a run is, in one line: shots, money, and about how long it still takes."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Final

from runner import store
from runner.api import EventKind
from runner.errors import JournalError
from runner.money import dollars, from_usd
from runner.report.progress_words import OVER
from runner.store.attempt import Phase
from runner.store.interface import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.api import Event
    from runner.planning.plan import Plan, PlannedShot

_RECENT: Final = 20
"""How many earlier clips of a model count: providers get faster, and slower."""
_SIDE_BY_SIDE: Final = 8
"""Shots at one time where neither the configuration nor the generator states a limit."""

Model = tuple[str, str]
"""A generator and its model, which is empty where it has none."""


class Headway:
    """Follows the events of one run.

    A shot takes as long as those of the same generator and model did: in this run, or else in `earlier`, seconds for
    each model, by default from the journal. Where there is nothing to go by, nothing is estimated.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        earlier: Mapping[Model, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._earlier = earlier_durations(plan) if earlier is None else earlier
        self._clock = clock
        self._began = clock()
        self._by_name = {(shot.sequence, shot.shot.name): shot for shot in plan.shots}
        self._under_way: dict[tuple[str, str], float] = {}
        self._over: set[tuple[str, str]] = set()
        self._took: dict[Model, list[float]] = {}
        self._failed = self._micros = self._unpriced = 0

    def observe(self, event: Event) -> None:
        name = (event.sequence, event.shot)
        if name not in self._by_name:
            return
        if event.kind not in OVER:
            self._under_way.setdefault(name, self._clock())
            return
        self._over.add(name)
        self._failed += event.kind is EventKind.SHOT_FAILED
        if event.kind is EventKind.SHOT_FINISHED:
            took, cost = event.detail.get("elapsed_s"), event.detail.get("cost_usd", 0)
            if isinstance(took, (int, float)):
                self._took.setdefault(_model(self._by_name[name]), []).append(took)
            self._unpriced += cost is None
            self._micros += from_usd(cost) or 0 if isinstance(cost, (int, float)) else 0

    @property
    def line(self) -> str:
        """`3 of 6 shots · $0.12 · about 2 min left`; what is not known is left out."""
        failed = f" ({self._failed} failed)" if self._failed else ""
        total = len(self._by_name)
        parts = [f"{len(self._over)} of {total} {'shot' if total == 1 else 'shots'}{failed}"]
        if self._micros:
            parts.append(dollars(self._micros))
        if self._unpriced:
            parts.append(f"{self._unpriced} of unknown price")
        left = self.left_s
        if left is not None:
            parts.append(f"{_duration(left)} left")
        return " · ".join(parts)

    @property
    def line_with_clock(self) -> str:
        """The line, with the time since the run began, labelled."""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        return f"{self.line} · {minutes}:{seconds:02d} elapsed"

    @property
    def left_s(self) -> float | None:
        """About how many seconds are left; `None` where all is over, or cannot be estimated."""
        now, longest, together = self._clock(), 0.0, 0.0
        for sequence in self._plan.sequences:
            for chain in sequence.chains:
                of_chain = 0.0
                for shot in chain:
                    name = (shot.sequence, shot.shot.name)
                    if name in self._over:
                        continue
                    takes = self._takes(shot)
                    if takes is None:
                        return None
                    # One that takes longer than the others is about to end.
                    of_chain += max(takes - (now - self._under_way.get(name, now)), 0.1 * takes)
                longest, together = max(longest, of_chain), together + of_chain
        return max(longest, together / self._at_one_time) if together else None

    def _takes(self, shot: PlannedShot) -> float | None:
        took = self._took.get(_model(shot))
        return statistics.median(took) if took else self._earlier.get(_model(shot))

    @property
    def _at_one_time(self) -> int:
        stated = [shot.capabilities.limits.in_flight for shot in self._plan.shots]
        stated.append(self._plan.project.limits.in_flight)
        return min((limit for limit in stated if limit), default=_SIDE_BY_SIDE)


def earlier_durations(plan: Plan) -> dict[Model, float]:
    """Seconds from the intent to the clip, for each model of the plan that the journal has clips of. Blocking."""
    found: dict[Model, list[float]] = {}
    try:
        reader = store.read_journal(plan.project.output_root)
        if reader is None:
            return {}
        with reader:
            for generator in {shot.shot.generator.spec.name for shot in plan.shots}:
                for attempt in reader.attempts(Filter(generator=generator, phases=[Phase.FETCHED])):
                    # A clip that a later run fetched says nothing about how long one takes.
                    if 0 < attempt.updated - attempt.created < plan.project.limits.task_timeout_s:
                        took = found.setdefault((generator, attempt.model), [])
                        took.append(attempt.updated - attempt.created)
    except JournalError:
        return {}  # whoever needs the journal says so
    return {model: statistics.median(took[-_RECENT:]) for model, took in found.items()}


def _model(shot: PlannedShot) -> Model:
    return shot.shot.generator.spec.name, shot.request.model or ""


def _duration(seconds: float) -> str:
    if seconds < 45:
        return "less than a minute"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    return f"about {seconds / 3600:.1f} h"
