"""A chain with a beam: several takes of each shot side by side, of which the best are gone on from.

The way is that of `planning.beam`. Every take is a shot of its own, with its own key: what is there is reused, and a
rerun chooses the same. The takes that were not chosen stay in the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine.chain import begun, look_of, looked_at, skipped
from runner.engine.measure import number_of, with_metrics
from runner.engine.shot import make_take, report
from runner.errors import ShotError
from runner.outputs.outcome import Alternate, Ending, ShotOutcome
from runner.planning import beam
from runner.planning.beam import Scored, Way

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engine.chain import Made, Seen
    from runner.engine.run_context import RunContext
    from runner.outputs.outcome import Artifact
    from runner.planning.plan import PlannedSequence, PlannedShot


@dataclass(frozen=True, slots=True)
class _Take:
    """One take: from which way, and what came of it."""

    way: Way
    outcome: ShotOutcome
    worth: float | None


async def run_beam(
    run: RunContext, sequence: PlannedSequence, chain: tuple[PlannedShot, ...], made: Made
) -> None:
    """Carry a chain out. Its outcomes are put into `made` when the best way is known. Raises only cancellations."""
    keys = run.plan.project.beam
    given = await begun(run, chain)
    ways, levels = [Way()], list[list[_Take]]()
    for planned in chain:
        takes = await _takes(run, sequence, planned, ways, levels, given)
        levels.append(takes)
        done = [one for one in takes if one.outcome.ending is Ending.DONE]
        if not done:
            break
        ways = beam.best([one.way.extended(one.outcome.planned, one.worth) for one in done], keys.keep)
    await _chosen(run, sequence, chain, ways[0], levels, given, made)


async def _takes(
    run: RunContext,
    sequence: PlannedSequence,
    planned: PlannedShot,
    ways: list[Way],
    levels: list[list[_Take]],
    given: Seen,
) -> list[_Take]:
    """All takes of a shot, from each of the ways, side by side."""
    known = {one.outcome.planned.key: one.outcome for level in levels for one in level}
    wanted = [(way, _as_candidate(take, True)) for way in ways for take in way.starts(planned)]

    async def make(way: Way, take: PlannedShot) -> _Take:
        start = known.get(take.previous.key) if take.previous is not None else None
        anchor = given.anchor
        if anchor is None and way.shots:
            anchor = await look_of(run, known[way.shots[0].key])
        outcome = await make_take(run, sequence, take, start, anchor)
        scored = await _scored(run, outcome, start)
        score = scored.score
        outcome = replace(outcome, score=score)
        detail = {"take": take.request.take, "score": score}
        state = "done" if outcome.ending is Ending.DONE else str(outcome.ending)
        message = f"take {take.request.take} {state}" + (
            "" if score is None else f", {run.plan.project.beam.score} {score:g}"
        )
        run.bus.shot_event(EventKind.TAKE_FINISHED, planned, message, detail=detail)
        return _Take(way, outcome, scored.worth)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(make(way, take)) for way, take in wanted]
    return [task.result() for task in tasks]


async def _scored(run: RunContext, outcome: ShotOutcome, before: ShotOutcome | None) -> Scored:
    """What tells a take from others; nothing where it is not done."""
    if outcome.record is None or outcome.ending is not Ending.DONE:
        return Scored()
    project = run.plan.project
    if project.score is None:
        return beam.by_record(outcome.record, project.beam)
    number, problems = await number_of(run, outcome, before, project.score)
    for problem in problems:
        text = f"take {outcome.planned.request.take}: {problem}"
        run.bus.shot_event(EventKind.SHOT_WARNED, outcome.planned, text)
    return beam.by_metric(number, project.score.spec)


async def _chosen(
    run: RunContext,
    sequence: PlannedSequence,
    chain: tuple[PlannedShot, ...],
    best: Way,
    levels: list[list[_Take]],
    seen: Seen,
    made: Made,
) -> None:
    """Put the takes of the best way under the names of their shots, and the others beside them."""
    before: ShotOutcome | None = None
    for number, planned in enumerate(chain):
        if number >= len(levels):
            assert before is not None, "the first shot has takes"
            before = made.shots[planned.name] = skipped(run, planned, before)
            continue
        takes = levels[number]
        if number < len(best.shots):
            (mine,) = (one for one in takes if one.outcome.planned.key == best.shots[number].key)
            outcome = await _shown(run, sequence, mine.outcome)
        else:  # none of the takes can be gone on from: the first stands for all
            held = [one for one in takes if one.outcome.ending is Ending.HELD]
            mine = (held or takes)[0]
            outcome = mine.outcome
        others = [one.outcome for one in takes if one is not mine]
        alternates = tuple(
            Alternate(
                planned=one.planned,
                ending=one.ending,
                clip=one.clip,
                record=one.record,
                first_frame=_shared(one.first_frame, outcome.first_frame),
                score=one.score,
            )
            for one in others
        )
        costs = [one.cost for one in (outcome, *others) if not one.reused and one.clip is not None]
        outcome = replace(
            outcome,
            planned=_as_candidate(outcome.planned, False),
            alternates=alternates,
            reused=all(one.reused for one in (outcome, *others)),
            cost=None if not costs or None in costs else sum(cost or 0 for cost in costs),
        )
        outcome = await with_metrics(run, outcome, before)
        if outcome.ending is Ending.DONE:
            outcome = await looked_at(run, chain, outcome, seen, made)
        before = made.shots[planned.name] = outcome
        report(run, planned, outcome)


def _as_candidate(take: PlannedShot, wanted: bool) -> PlannedShot:
    """A take, and the one that it starts from, as one of several or as the one that the film has."""
    previous = take.previous
    return replace(
        take,
        is_candidate=wanted,
        previous=replace(previous, is_candidate=wanted) if previous is not None else None,
    )


async def _shown(run: RunContext, sequence: PlannedSequence, outcome: ShotOutcome) -> ShotOutcome:
    """A chosen take under the name of its shot. Its clip and its frame are in the object store."""
    clip, frame = outcome.clip, outcome.first_frame
    planned = _as_candidate(outcome.planned, False)
    previous = planned.previous
    try:
        if clip is not None:
            clip = await asyncio.to_thread(_moved, run, clip, run.folder.clip(sequence, planned))
        if frame is not None and previous is not None and not planned.reanchored:
            ending = frame.path.rpartition(".")[2]
            rule = run.plan.project.continuity.hand_over
            target = run.folder.frame(sequence, previous, ending, rule)
            frame = await asyncio.to_thread(_moved, run, frame, target)
    except OSError as error:
        problem = ShotError("the clip cannot be placed in the run folder", where=planned.name, why=str(error))
        return replace(outcome, ending=Ending.FAILED, error=problem)
    return replace(outcome, clip=clip, first_frame=frame)


def _shared(frame: Artifact | None, shown: Artifact | None) -> Artifact | None:
    """The frame that a take started from: where the chosen one started from it, too, it has that one's file."""
    return shown if frame is not None and shown is not None and frame.sha256 == shown.sha256 else frame


def _moved(run: RunContext, artifact: Artifact, target: Path) -> Artifact:
    """A file of the object store under another name of the folder, in place of its first one. Blocking."""
    run.resources.objects.place(artifact.sha256, target)
    first = run.folder.path / artifact.path
    if first != target:
        with contextlib.suppress(OSError):
            first.unlink()
    return replace(artifact, path=run.folder.relative(target))
