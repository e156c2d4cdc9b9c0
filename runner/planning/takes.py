"""Takes that stand in for planned ones: where a clip ignores its first frame, the next take of its shot is in force."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.planning import identity
from runner.store.attempt import Phase, decisive
from runner.store.interface import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.planning.plan import Plan, PlannedShot
    from runner.store.attempt import Attempt
    from runner.store.interface import Decision, JournalReader


def following(planned: PlannedShot, previous: PlannedShot) -> PlannedShot:
    """The same shot, starting from the clip of `previous`: another take of the shot that it was planned to start from.

    Its key, and those of its takes, are what they would be if the user had typed that take.
    """
    if planned.previous is None or planned.previous.key == previous.key:
        return planned
    start = planned.identity["starts_from"]
    assert isinstance(start, dict), "a chained shot starts from another one"
    identifying = {**planned.identity, "starts_from": {**start, "of": previous.key}}
    return replace(
        planned,
        identity=identifying,
        key=planned.shot.graft or identity.digest(identifying),
        previous=previous,
        retakes=tuple(following(take, previous) for take in planned.retakes),
        candidates=tuple(following(take, previous) for take in planned.candidates),
    )


def is_passed_over(attempt: Attempt | None, decisions: Iterable[Decision]) -> bool:
    """Whether a clip ignored its first frame, and the user did not decide about it: another take is requested."""
    if attempt is None or attempt.phase is not Phase.FETCHED:
        return False
    if any(one.digest == attempt.digest for one in decisions):
        return False
    return attempt.record.adherence is not None and attempt.record.adherence.ignored


def is_accepted(attempt: Attempt, decisions: Iterable[Decision]) -> bool | None:
    """What the user decided about a clip; `None` where nothing was decided."""
    made = [one.verdict for one in decisions if one.digest == attempt.digest]
    return made[-1] is Judgement.ACCEPTED if made else None


def standing_in(plan: Plan, reader: JournalReader) -> dict[str, PlannedShot]:
    """By the keys of the plan, the takes that stand in for its shots as far as the journal knows their clips. Blocking.

    Empty where no further takes are planned.
    """
    found: dict[str, PlannedShot] = {}
    if not any(shot.retakes for shot in plan.shots):
        return found
    for planned in plan.shots:
        previous = planned.previous
        shot = following(planned, found.get(previous.key, previous)) if previous else planned
        takes = (shot, *shot.retakes)
        for take in takes:
            attempt = decisive(reader.by_keys([take.key]).get(take.key, []))
            shot = take
            if not is_passed_over(attempt, reader.decisions([take.key])):
                break
        if shot.key != planned.key:
            found[planned.key] = shot
    return found
