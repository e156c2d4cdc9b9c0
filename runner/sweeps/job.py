"""How the jobs of a sweep ended: values that the sweep's record, its table and its exit code are made of."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.outputs import places
from runner.outputs.cost import RunCost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.config.compose import SweepJob
    from runner.errors import RunnerError
    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan
    from runner.store.budget import Spend


class JobState(enum.StrEnum):
    """How a job of a sweep ended."""

    FINE = "fine"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Stopped while it ran: the same command goes on with it."""
    NOT_STARTED = "not started"
    """The sweep was stopped before its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """One job: its outcome, or the error for which it was left out."""

    job: SweepJob
    plan: Plan | None = None
    """`None` where it cannot run."""
    outcome: RunOutcome | None = None
    error: RunnerError | None = None
    value: float | None = None
    """The number that `sweep.objective` names; `None` without one, or where it cannot be determined."""

    @property
    def state(self) -> JobState:
        if self.outcome is None or self.outcome.error is not None:
            return JobState.FAILED
        if self.outcome.interrupted:
            return JobState.NOT_STARTED if self.outcome.folder is None else JobState.CANCELLED
        return JobState.FINE if self.outcome.exit_code == 0 else JobState.FAILED

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return self.error.exit_code
        return self.outcome.exit_code if self.outcome is not None else 0

    @property
    def errors(self) -> tuple[RunnerError, ...]:
        """What went wrong in it."""
        if self.error is not None:
            return (self.error,)
        return self.outcome.errors if self.outcome is not None else ()

    @property
    def folder(self) -> str:
        """The name of its run folder; empty where there is none."""
        found = self.outcome.folder if self.outcome is not None else None
        return found.name if found is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutcome:
    """A whole sweep. `jobs` are in the order of their numbers."""

    jobs: tuple[JobOutcome, ...]
    so_far: Spend
    """What all runs of the sweep have at risk by now."""
    stopped_by: JobOutcome | None = None
    """The job whose failure ended the sweep, where `sweep.fail_fast` has it so."""
    objective: str | None = None
    """The name of the number that jobs have as their `value`."""
    direction: str = ""
    """Of a search: `minimize` or `maximize`; empty where nothing is searched for."""
    error: RunnerError | None = None
    """Why a search ended early."""

    @property
    def best(self) -> JobOutcome | None:
        """The job with the best value; `None` where nothing is searched for, or no job has one."""
        found = [job for job in self.jobs if job.value is not None]
        if not found or not self.direction:
            return None
        sign = -1.0 if self.direction == "maximize" else 1.0
        return min(found, key=lambda job: sign * (job.value or 0.0))

    @property
    def plans(self) -> Sequence[Plan]:
        return [job.plan for job in self.jobs if job.plan is not None]

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it, rather than a failure."""
        stopped = any(job.state in (JobState.CANCELLED, JobState.NOT_STARTED) for job in self.jobs)
        return stopped and self.stopped_by is None

    @property
    def exit_code(self) -> int:
        """The worst of all jobs; jobs that were stopped for the failure of another one do not count."""
        ended = (
            job
            for job in self.jobs
            if self.stopped_by is None or job.state in (JobState.FINE, JobState.FAILED)
        )
        own = [self.error.exit_code] if self.error is not None else []
        return max((*own, *(job.exit_code for job in ended)), default=0)

    @property
    def errors(self) -> tuple[RunnerError, ...]:
        own = (self.error,) if self.error is not None else ()
        return (*own, *(error for job in self.jobs for error in job.errors))

    @property
    def folder(self) -> Path | None:
        """The sweep's folder, whether it is there by now or not. Blocking."""
        folders = (job.outcome.folder for job in self.jobs if job.outcome and job.outcome.folder)
        for folder in folders:
            return folder.parent
        return next((places.sweep_path(plan, plan.job) for plan in self.plans if plan.job is not None), None)

    @property
    def cost(self) -> RunCost | None:
        """What all jobs cost; `None` where none started."""
        costs = [job.outcome.cost for job in self.jobs if job.outcome is not None and job.outcome.cost]
        return RunCost.of_all(costs, self.so_far, {}) if costs else None
