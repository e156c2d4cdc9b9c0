"""One shot of a run: its clip, under its name in the run folder, or why there is none."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine import kill_points
from runner.engine.clip import stored_clip
from runner.engine.judge import judged, why_held
from runner.engine.measure import with_metrics
from runner.errors import BudgetStop, OutcomeUnknown, RunnerError, ShotError
from runner.money import to_usd
from runner.outputs.outcome import Artifact, Ending, ShotOutcome
from runner.store import recovery

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import JSON
    from runner.engine.run_context import RunContext
    from runner.media.look import Look
    from runner.planning.plan import PlannedSequence, PlannedShot
    from runner.store.attempt import Attempt
    from runner.store.clip_record import StoredFrame

_log = logging.getLogger(__name__)


async def make_shot(
    run: RunContext,
    sequence: PlannedSequence,
    planned: PlannedShot,
    before: ShotOutcome | None,
    anchor: Look | None = None,
) -> ShotOutcome:
    """Reuse or generate one clip. Raises only cancellations.

    `before` is the outcome of the shot it chains from, `anchor` what its chain is to look like.

    The outcome is of the take that is in force: a later one than planned where earlier clips ignored their frame.
    """
    outcome = await make_take(run, sequence, planned, before, anchor)
    outcome = await with_metrics(run, outcome, before)
    report(run, planned, outcome)
    return outcome


def report(run: RunContext, planned: PlannedShot, outcome: ShotOutcome) -> None:
    """Tell the observers what became of a shot."""
    bus = run.bus
    if outcome.error is not None:
        ending = {"ending": str(outcome.ending)}
        bus.shot_event(EventKind.SHOT_FAILED, planned, outcome.error.line, detail=ending)
        return
    path = outcome.clip.path if outcome.clip else None
    if outcome.reused:
        bus.shot_event(EventKind.SHOT_REUSED, planned, "paid for already", detail={"path": path})
        return
    for warning in outcome.warnings:
        bus.shot_event(EventKind.SHOT_WARNED, planned, warning)
    detail = {"elapsed_s": round(outcome.elapsed_s, 3), "path": path, "cost_usd": to_usd(outcome.cost)}
    bus.shot_event(EventKind.SHOT_FINISHED, planned, detail=detail)


async def make_take(
    run: RunContext,
    sequence: PlannedSequence,
    planned: PlannedShot,
    before: ShotOutcome | None,
    anchor: Look | None = None,
) -> ShotOutcome:
    """The same without a word to the observers: it may be one of several takes."""
    timing = run.resources.timing
    began = timing.monotonic()
    try:
        outcome = await _made(run, sequence, planned, before, anchor)
    except Exception as problem:
        error = problem if isinstance(problem, RunnerError) else _bug(planned, problem)
        elapsed_s = timing.monotonic() - began
        return ShotOutcome(planned=planned, ending=_ending(error), error=error, elapsed_s=elapsed_s)
    return replace(outcome, elapsed_s=0.0 if outcome.reused else timing.monotonic() - began)


async def _made(
    run: RunContext,
    sequence: PlannedSequence,
    planned: PlannedShot,
    before: ShotOutcome | None,
    anchor: Look | None,
) -> ShotOutcome:
    previous = run.folder.path / before.clip.path if before is not None and before.clip is not None else None
    costs: list[int | None] = []
    takes = (planned, *planned.retakes)
    for take in takes:
        run.requested[take.key] = take
        attempt, reused = await stored_clip(run, sequence, take, previous, anchor)
        _check_continuity(run, take, attempt)
        costs += [] if reused else [attempt.at_risk]
        judgement = await judged(run, take, attempt)
        kill_points.reach("after_judged")
        if not judgement.ignored or take is takes[-1]:
            break
        message = f"take {take.request.take} does not start from the frame it was given: another take is used"
        run.bus.shot_event(EventKind.SHOT_WARNED, planned, message)
    target = run.folder.clip(sequence, take)
    try:
        await run.resources.in_files_thread(run.resources.objects.place, attempt.digest, target)
        frame = await run.resources.in_files_thread(_placed_frame, run, sequence, take, attempt)
    except OSError as error:
        raise ShotError(
            "the clip cannot be placed in the run folder", where=str(target), why=str(error)
        ) from error
    kill_points.reach("after_shown")
    outcome = _outcome(run, take, attempt, target, frame, costs)
    if judgement.held:
        held = why_held(run, take, attempt, judgement, target)
        return replace(outcome, ending=Ending.HELD, error=held, rejected=judgement.rejected)
    return replace(outcome, accepted=judgement.accepted)


def _check_continuity(run: RunContext, planned: PlannedShot, attempt: Attempt) -> None:
    """A clip that an earlier run accepted may be none that this one accepts."""
    fallback = attempt.record.fallback
    if fallback and run.plan.project.continuity.fallback == "none":
        raise ShotError(
            "its clip was generated from its prompt alone, by a run that allowed it",
            where=planned.name,
            why=fallback,
            hint=f"pay for another one that starts from its frame: {planned.shot.at}.take={planned.request.take + 1}\n"
            "or accept it: continuity.fallback=text_to_video",
        )


def _placed_frame(
    run: RunContext, sequence: PlannedSequence, planned: PlannedShot, attempt: Attempt
) -> Artifact | None:
    """The hand-over frame that this shot started from, under its name in the run folder. Blocking."""
    found = attempt.record.first_frame
    if found is None or planned.previous is None:
        return None
    root, objects = run.resources.root, run.resources.objects
    if not objects.exists(found.sha256) and not recovery.restore(root, found.sha256):
        return None
    target = (
        run.folder.anchor(sequence, planned, found.extension)
        if planned.reanchored
        else run.folder.frame(
            sequence, planned.previous, found.extension, run.plan.project.continuity.hand_over
        )
    )
    objects.place(found.sha256, target)
    return Artifact(
        path=run.folder.relative(target),
        sha256=found.sha256,
        bytes=found.bytes,
        properties={
            "width": found.width,
            "height": found.height,
            "time_s": found.time_s,
            "method": found.method,
            **_chosen(found),
            **_corrected(found),
        },
    )


def _chosen(found: StoredFrame) -> dict[str, JSON]:
    """How a frame was chosen that is not simply the last one."""
    if found.frame is None:
        return {}
    candidates: list[JSON] = [[offset, score] for offset, score in found.candidates]
    return {"rule": found.rule, "offset": found.offset, "frame": found.frame, "candidates": candidates}


def _corrected(found: StoredFrame) -> dict[str, JSON]:
    """What was done to the colours of a frame."""
    return {} if found.transform is None else {"transform": dataclasses.asdict(found.transform)}


def _bug(planned: PlannedShot, problem: Exception) -> RunnerError:
    """A bug of ours must not take the other chains with it."""
    _log.error("%s failed", planned.name, exc_info=problem)
    return ShotError(
        "the runner itself failed; this is a bug in it",
        where=planned.name,
        why=f"{type(problem).__name__}: {problem}",
        hint="runner.log in the run folder has the traceback; the same command goes on from here",
    )


def _ending(error: RunnerError) -> Ending:
    if error.exit_code == OutcomeUnknown.exit_code:
        return Ending.UNKNOWN
    return Ending.STOPPED if isinstance(error, BudgetStop) else Ending.FAILED


def _outcome(
    run: RunContext,
    planned: PlannedShot,
    attempt: Attempt,
    target: Path,
    frame: Artifact | None,
    costs: list[int | None],
) -> ShotOutcome:
    """`costs` are those of the clips that this run generated for the shot."""
    record = attempt.record
    assert record.clip is not None, "a stored clip is recorded"
    return ShotOutcome(
        planned=planned,
        ending=Ending.DONE,
        record=record,
        input_mode=record.input_mode,
        clip=Artifact.of_clip(run.folder.relative(target), attempt.digest, record.clip),
        first_frame=frame,
        look=record.look,
        trim_before=record.first_frame.offset if planned.continues and record.first_frame is not None else 0,
        # Of a grafted clip after a cut: it started from a frame of another film.
        adherence=None
        if planned.shot.graft and planned.given is None and not planned.previous
        else record.adherence,
        fallback=record.fallback,
        warnings=record.warnings,
        reused=not costs,
        task=attempt.task,
        cost=None if not costs or None in costs else sum(cost or 0 for cost in costs),
    )
