"""A beam over a chain: several takes of each shot, the best of which the next shot is tried from.

Which takes those are is known when their clips are there. `Frontier` follows a chain as far as the journal knows it;
the engine goes the same way with the clips that it makes. Ties go to the lower take: the way is always the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.planning.takes import following
from runner.store.attempt import Phase
from runner.store.clip_scores import SCORES
from runner.store.interface import subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.api import MetricSpec
    from runner.config.beam_keys import Beam
    from runner.config.project import Project
    from runner.planning.plan import PlannedShot
    from runner.store.attempt import Attempt
    from runner.store.clip_record import ClipRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Takes of the first shots of a chain, in their order, with what each is worth: more is better."""

    shots: tuple[PlannedShot, ...] = ()
    worths: tuple[float | None, ...] = ()

    def extended(self, shot: PlannedShot, worth: float | None) -> Way:
        return Way(shots=(*self.shots, shot), worths=(*self.worths, worth))

    @property
    def worth(self) -> tuple[bool, float]:
        """By which ways are compared: the mean of what is known, and last those of which nothing is."""
        known = [worth for worth in self.worths if worth is not None]
        return (bool(known), sum(known) / len(known)) if known else (False, 0.0)

    def starts(self, planned: PlannedShot) -> Iterator[PlannedShot]:
        """The takes of the next shot of the chain, from where this way ends."""
        by_name = {shot.name: shot for shot in self.shots}
        for take in (planned, *planned.candidates):
            start = by_name.get(take.previous.name) if take.previous is not None else None
            yield take if start is None else following(take, start)


@dataclass(frozen=True, slots=True)
class Scored:
    """What tells a take from others."""

    score: float | None = None
    """As people read it; `None` where the take has no such number."""
    worth: float | None = None
    """The same such that more is better."""


def by_record(record: ClipRecord, keys: Beam) -> Scored:
    """By a number that is in the record of each clip."""
    kind = SCORES[keys.score]
    return Scored(kind.of(record), kind.worth(record))


def by_metric(number: float | None, metric: MetricSpec) -> Scored:
    """By what a metric measured."""
    if number is None or not math.isfinite(number):
        return Scored()
    return Scored(number, number if metric.better == "higher" else -number)


def best(ways: Sequence[Way], keep: int) -> list[Way]:
    """Those that the next shot is tried from, the best one first. Sorting is stable: earlier takes win ties."""
    return sorted(ways, key=lambda way: way.worth, reverse=True)[:keep]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """How far a chain has come: the takes that are to do next, and how many requests may come after them at worst."""

    ahead: tuple[PlannedShot, ...]
    further: tuple[tuple[PlannedShot, int], ...]
    """Shots whose takes are not known yet, each with the most requests for it."""


def frontier(
    chain: Sequence[PlannedShot],
    project: Project,
    attempt_of: Callable[[str], Attempt | None],
    number_of: Callable[[str, MetricSpec], float | None],
) -> Frontier:
    """Follow a chain through the clips that there are.

    `attempt_of` returns what counts for the key of a shot. `number_of` returns what a metric measured on a subject,
    infinity where it has no number for it, and `None` where it was not measured: there the way is not known further.
    """
    keys, choice = project.beam, project.score
    ways = [Way()]
    for number, planned in enumerate(chain):
        takes = [(way, take, attempt_of(take.key)) for way in ways for take in way.starts(planned)]
        later = tuple((shot, keys.takes * keys.keep) for shot in chain[number + 1 :])
        missing = [take for _, take, one in takes if one is None or one.phase is not Phase.FETCHED]
        if missing:
            return Frontier(ahead=tuple(missing), further=later)
        scored: list[Way] = []
        for path, take, one in takes:
            assert one is not None
            if choice is None:
                worth = by_record(one.record, keys).worth
            else:
                measured = _measured(path, take, one, choice.spec, attempt_of, number_of)
                if measured is None:
                    return Frontier(ahead=(), further=later)
                worth = by_metric(measured, choice.spec).worth
            scored.append(path.extended(take, worth))
        ways = best(scored, keys.keep)
    return Frontier(ahead=(), further=())


def _measured(
    way: Way,
    take: PlannedShot,
    attempt: Attempt,
    metric: MetricSpec,
    attempt_of: Callable[[str], Attempt | None],
    number_of: Callable[[str, MetricSpec], float | None],
) -> float | None:
    """The number of a take in the journal; infinity where it has none, as the first shot of a chain has no seam."""
    if metric.level == "clip":
        return number_of(subject_of(attempt.digest), metric)
    previous = take.previous.key if take.previous is not None else ""
    before = attempt_of(previous) if any(shot.key == previous for shot in way.shots) else None
    if before is None or take.reanchored:
        return math.inf
    return number_of(subject_of(attempt.digest, before.digest), metric)
