"""Runs the jobs of a sweep side by side, in one session for each outputs root."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from runner.errors import JournalError, RunnerError
from runner.planning.plan import Plan
from runner.store.budget import Spend
from runner.sweeps.job import JobOutcome, JobState, SweepOutcome
from runner.sweeps.objectives import objective_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from runner.api import Event
    from runner.config.compose import SweepJob
    from runner.outputs.outcome import RunOutcome
    from runner.session import Session

AT_ONCE: Final = 256
"""Jobs at a time where `sweep.max_jobs` says nothing: each has a folder and a place in the display, and little else."""


async def run_jobs(
    jobs: Sequence[tuple[SweepJob, Plan | RunnerError]],
    sessions: Mapping[Path, Session],
    *,
    observer: Callable[[Event], object] | None = None,
    ended: Callable[[JobOutcome], object] | None = None,
    max_jobs: int | None = None,
    fail_fast: bool = False,
    objective: str | None = None,
) -> SweepOutcome:
    """Run all jobs that have a plan, at most `max_jobs` at a time; the sessions are open, one for each outputs root.

    `ended` is called with each job as soon as it has ended. Jobs wait for the shots that they share: each is generated
    once. Each job that is fine gets the value that `objective` names. With `fail_fast` the first failure stops the
    others, as `Session.cancel` does: what was begun is resumed by the same command.
    """
    found: dict[int, JobOutcome] = {}
    stopped_by: JobOutcome | None = None

    def note(one: JobOutcome) -> None:
        found[one.job.number] = one
        if ended is not None:
            ended(one)

    for job, planned in jobs:
        if not isinstance(planned, Plan):
            note(JobOutcome(job=job, error=planned))
    for root, session in sessions.items():
        ours = [
            (job, planned)
            for job, planned in jobs
            if isinstance(planned, Plan) and planned.project.output_root == root
        ]
        plans = [plan for _, plan in ours]
        outcomes = session.outcomes(plans, observer, at_once=max_jobs or AT_ONCE)
        async with contextlib.aclosing(outcomes):
            async for at, outcome in outcomes:
                job, plan = ours[at]
                one = JobOutcome(job=job, plan=plan, outcome=outcome, value=value_of(outcome, objective))
                note(one)
                if fail_fast and stopped_by is None and one.state is JobState.FAILED:
                    stopped_by = one
                    for other in sessions.values():
                        other.cancel()
    return SweepOutcome(
        jobs=tuple(found[job.number] for job, _ in jobs),
        so_far=await spent_so_far(sessions.values(), found.values()),
        stopped_by=stopped_by,
        objective=objective,
    )


def value_of(outcome: RunOutcome, objective: str | None) -> float | None:
    """The number that `objective` names; `None` without one, and where a run has none, or not all of its shots."""
    if objective is None or outcome.exit_code != 0:
        return None
    with contextlib.suppress(RunnerError):
        return objective_of(outcome, objective)
    return None


async def spent_so_far(sessions: Iterable[Session], jobs: Iterable[JobOutcome]) -> Spend:
    """What a sweep has at risk in the roots of all sessions."""
    jobs = list(jobs)
    return Spend.sum([await _so_far(session, jobs) for session in sessions])


async def _so_far(session: Session, jobs: Iterable[JobOutcome]) -> Spend:
    """What the sweep has at risk in the root of a session. A journal that cannot be read loses no summary."""
    plans = (job.plan for job in jobs if job.plan and job.plan.project.output_root == session.root)
    plan = next(plans, None)
    with contextlib.suppress(JournalError):
        return await session.spend(plan) if plan is not None else Spend()
    return Spend()
