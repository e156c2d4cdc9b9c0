"""Whether the film goes on from a clip: what was measured of it and at its seam, and what the user decided about it.

Asked before the next shot of the chain is paid for, of every clip alike: one that was generated just now, and one that
an earlier run paid for.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.engine import checks
from runner.errors import ClipHeld
from runner.planning import takes

if TYPE_CHECKING:
    from pathlib import Path

    from runner.engine.checks import Finding
    from runner.engine.run_context import RunContext
    from runner.planning.plan import PlannedShot
    from runner.store.attempt import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judgement on one clip."""

    held: bool = False
    """The film does not go on from it."""
    ignored: bool = False
    """It does not start from the frame it was given, and the user did not decide about it."""
    accepted: bool = False
    """The user accepted it."""
    rejected: bool = False
    """The user rejected it."""
    failed: tuple[Finding, ...] = ()
    """The technical checks that hold it."""


async def judged(run: RunContext, planned: PlannedShot, attempt: Attempt) -> Judged:
    """Judge a stored clip. Raises `JournalError`."""
    decisions = await run.resources.journal.decisions([planned.key])
    accepted = takes.is_accepted(attempt, decisions)
    if accepted is not None:
        return Judged(held=not accepted, accepted=accepted, rejected=not accepted)
    project = run.plan.project
    ignored = takes.is_passed_over(attempt, decisions)
    failed = checks.failed(attempt.record.clip, planned.request, project.checks)
    stops = ignored and project.continuity.on_ignored != "warn"
    return Judged(held=stops or bool(failed), ignored=ignored, failed=failed)


def why_held(
    run: RunContext, planned: PlannedShot, attempt: Attempt, judgement: Judged, clip: Path
) -> ClipHeld:
    """The error of a clip that is held: what is the matter with it, and the commands that settle it."""
    first = planned.request.take
    if judgement.failed:
        ignores = ("does not start from the frame it was given",) if judgement.ignored else ()
        what = "its clip " + ", and ".join((*ignores, *(one.text for one in judgement.failed)))
        keys = ", ".join(f"checks.{one.check}" for one in judgement.failed)
        why = f"it is held for {keys}; nothing more is paid for in its chain"
    elif not judgement.ignored:
        what, why = "the user rejected its clip", "nothing more is paid for in its chain"
    else:
        seam = attempt.record.adherence
        assert seam is not None, "a clip that ignored its frame was measured"
        what = "its clip does not start from the frame it was given"
        why = f"its first five frames show something else ({seam.psnr_db:.1f} dB at best); "
        why += "nothing more is paid for in its chain"
    accept = shlex.join(["python", "-m", "runner", "accept", str(run.folder.path), planned.name])
    retake = run.again_with(f"{planned.shot.at}.take={first + 1}")
    return ClipHeld(
        what,
        where=f"{planned.name}, {clip}",
        why=why,
        hint="\n".join(
            (
                "watch it, then accept it and run the same command again, or pay for another take, with one of",
                accept,
                retake,
            )
        ),
    )
