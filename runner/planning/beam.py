"""A beam over a chain: several takes of each shot, the best of which the next shot is tried from.

Which takes those are is known when their clips are there. `Frontier` follows a chain as far as the journal knows it;
the engine goes the same way with the clips that it makes. Ties go to the lower take: the way is always the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.planning.takes import following
from runner.store.attempt import Phase
from runner.store.clip_scores import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.config.beam_keys import Beam
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


def worth(record: ClipRecord, keys: Beam) -> float | None:
    """What a clip is worth by the score of a beam: more is better; `None` where it has no such number."""
    return SCORES[keys.score].worth(record)


def score(record: ClipRecord, keys: Beam) -> float | None:
    """The score of a clip as people read it."""
    return SCORES[keys.score].of(record)


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
    keys: Beam,
    attempt_of: Callable[[str], Attempt | None],
) -> Frontier:
    """Follow a chain through the clips that there are; `attempt_of` returns what counts for the key of a shot."""
    ways = [Way()]
    for number, planned in enumerate(chain):
        takes = [(way, take, attempt_of(take.key)) for way in ways for take in way.starts(planned)]
        missing = [take for _, take, one in takes if one is None or one.phase is not Phase.FETCHED]
        if missing:
            later = tuple((shot, keys.takes * keys.keep) for shot in chain[number + 1 :])
            return Frontier(ahead=tuple(missing), further=later)
        scored = [
            path.extended(take, worth(one.record, keys)) for path, take, one in takes if one is not None
        ]
        ways = best(scored, keys.keep)
    return Frontier(ahead=(), further=())
