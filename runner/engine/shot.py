"""One shot of a run: its clip, under its name in the run folder, or why there is none."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine import kill_points
from runner.engine.clip import stored_clip
from runner.errors import BudgetStop, OutcomeUnknown, RunnerError, ShotError
from runner.money import to_usd
from runner.outputs.outcome import Artifact, Ending, ShotOutcome
from runner.store import recovery

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engine.run_context import RunContext
    from runner.planning.plan import PlannedSequence, PlannedShot
    from runner.store.attempt import Attempt

_log = logging.getLogger(__name__)


async def make_shot(
    run: RunContext, sequence: PlannedSequence, planned: PlannedShot, before: ShotOutcome | None
) -> ShotOutcome:
    """Reuse or generate one clip. `before` is the outcome of the shot it chains from. Raises only cancellations."""
    timing, bus = run.resources.timing, run.bus
    began = timing.monotonic()
    try:
        outcome = await _made(run, sequence, planned, before)
    except Exception as problem:
        error = problem if isinstance(problem, RunnerError) else _bug(planned, problem)
        bus.shot_event(EventKind.SHOT_FAILED, planned, error.line)
        elapsed_s = timing.monotonic() - began
        return ShotOutcome(planned=planned, ending=_ending(error), error=error, elapsed_s=elapsed_s)
    if outcome.reused:
        bus.shot_event(EventKind.SHOT_REUSED, planned, "paid for already")
        return outcome
    elapsed_s = timing.monotonic() - began
    for warning in outcome.warnings:
        bus.shot_event(EventKind.SHOT_WARNED, planned, warning)
    path = outcome.clip.path if outcome.clip else None
    detail = {"elapsed_s": round(elapsed_s, 3), "path": path, "cost_usd": to_usd(outcome.cost)}
    bus.shot_event(EventKind.SHOT_FINISHED, planned, detail=detail)
    return replace(outcome, elapsed_s=elapsed_s)


async def _made(
    run: RunContext, sequence: PlannedSequence, planned: PlannedShot, before: ShotOutcome | None
) -> ShotOutcome:
    previous = run.folder.path / before.clip.path if before is not None and before.clip is not None else None
    attempt, reused = await stored_clip(run, sequence, planned, previous)
    _check_continuity(run, planned, attempt)
    target = run.folder.clip(sequence, planned)
    try:
        await asyncio.to_thread(run.resources.objects.place, attempt.digest, target)
        frame = await asyncio.to_thread(_placed_frame, run, sequence, planned, attempt)
    except OSError as error:
        raise ShotError(
            "the clip cannot be placed in the run folder", where=str(target), why=str(error)
        ) from error
    kill_points.reach("after_shown")
    return _outcome(run, planned, attempt, target, frame, reused=reused)


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
    target = run.folder.frame(sequence, planned.previous, found.extension)
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
        },
    )


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
    *,
    reused: bool,
) -> ShotOutcome:
    record = attempt.record
    assert record.clip is not None, "a stored clip is recorded"
    return ShotOutcome(
        planned=planned,
        ending=Ending.DONE,
        input_mode=record.input_mode,
        clip=Artifact.of_clip(run.folder.relative(target), attempt.digest, record.clip),
        first_frame=frame,
        adherence=record.adherence,
        fallback=record.fallback,
        warnings=record.warnings,
        reused=reused,
        task=attempt.task,
        cost=None if reused else attempt.at_risk,
    )
