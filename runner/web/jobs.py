"""The jobs of a server: accepted requests, which are on disk before anybody is answered, run by one session.

What a killed server was at is queued again by the next one. The journal sees to it that nothing is paid for twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runner.engine.plugin_calls import shielded
from runner.errors import OutputError, RunnerError, UsageError
from runner.money import to_usd
from runner.outputs.outcome import Ending
from runner.outputs.places import run_of
from runner.store.job_record import JobProblem, JobRecord, JobState
from runner.web import requested as requests
from runner.web.preparation import check_confirmed

if TYPE_CHECKING:
    from pathlib import Path

    from runner.outputs.outcome import RunOutcome
    from runner.session import Session
    from runner.store.local.served import LocalServed
    from runner.web.preparation import Preparation, Prepared
    from runner.web.requested import Requested
    from runner.web.signature import Signer

_log = logging.getLogger(__name__)

_MOST_PROBLEMS: Final = 50
_NOT_OURS: Final = JobProblem(
    message="this server did not accept this job: its root was copied, moved, or is somebody else's",
    hint="look at the request; resume the job to run and pay for it here",
)


class TooManyJobs(RunnerError):
    """As many jobs as the server takes are queued already; nothing was started."""


class Job:
    """A request that was accepted, how it stands, and what carries it out."""

    def __init__(self, record: JobRecord, plan: Prepared | None = None) -> None:
        self.record = record
        self.prepared = plan
        self.task: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()
        """Set, and replaced by a new one, with each change of `record`."""

    def become(self, record: JobRecord) -> None:
        self.record = record
        self.changed.set()
        self.changed = asyncio.Event()


class Jobs:
    """Accepts requests, runs so many at a time, and keeps what became of them. For the tasks of one event loop."""

    def __init__(
        self,
        session: Session,
        files: LocalServed,
        preparation: Preparation,
        signer: Signer,
        *,
        at_once: int = 4,
        most_open: int = 100,
    ) -> None:
        """`at_once` jobs run at a time; with `most_open` of them queued or running no more are accepted."""
        self._session = session
        self._files = files
        self._preparation = preparation
        self._signer = signer
        self._turns = asyncio.Semaphore(at_once)
        self._most_open = most_open
        self._accepting = asyncio.Lock()
        self._preparing = asyncio.Lock()
        self._jobs: dict[str, Job] = {}
        self._closing = False

    async def start(self) -> None:
        """Queue again what an earlier server of this root had not ended."""
        for record in await asyncio.to_thread(self._files.jobs):
            job = self._jobs[record.id] = Job(record)
            if not record.state.is_open:
                continue
            if self._signer.is_signed(record.id, record.request, record.signature):
                job.become(replace(record, state=JobState.QUEUED))
                self._begin(job)
            else:
                # Not written down: where it belongs, it goes on.
                job.become(replace(record, state=JobState.WAITING, problems=(_NOT_OURS,)))

    def stop(self) -> None:
        """End all jobs early, so that the next server of the root goes on with them; what that means for tasks is with
        `Session.cancel`, the second time as well."""
        self._closing = True
        self._session.cancel()

    async def close(self) -> None:
        """Wait until all jobs have ended early."""
        if not self._closing:
            self.stop()
        tasks = [job.task for job in self._jobs.values() if job.task is not None and not job.task.done()]
        if tasks:
            await asyncio.wait(tasks)

    def all(self) -> list[Job]:
        """The jobs, the newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.record.created, reverse=True)

    def get(self, id: str) -> Job | None:
        return self._jobs.get(id)

    async def prepare(self, content: object) -> tuple[Requested, Prepared]:
        """The request that a body holds, and its plan. Errors are those of `requested.read` and `Preparation`."""
        # One at a time: requests that wait for images take no threads from the session.
        async with self._preparing:
            requested = await asyncio.to_thread(requests.read, content, self._preparation.folder)
            return requested, await asyncio.to_thread(self._preparation.prepare, requested)

    async def submit(self, content: object) -> tuple[Job, bool]:
        """The job of a request, and whether this made it, or set it going again.

        The same request is the same job, which is not run again. One for the same clips in other words, such as with
        another budget, takes its place where it has ended without them. When this returns, the job is on disk.

        Raises `TooManyJobs`, `NotConfirmed`, `OutputError`, and what `prepare` raises.
        """
        requested, prepared = await self.prepare(content)
        async with self._accepting:
            known = self._jobs.get(prepared.id)
            if known is not None:
                record = known.record
                is_same = requests.canonical(record.request) == requests.canonical(requested.content)
                if is_same or record.state.is_open or record.state is JobState.FINISHED:
                    return known, False
            check_confirmed(prepared)
            return await self._accept(requested, prepared), True

    async def resume(self, id: str) -> Job:
        """Go on with a job that failed, was cancelled, or waits: its clips are reused, the rest is paid for.

        Raises `UsageError` where it is not there, or has nothing left to do, and what `submit` raises.
        """
        job = self._known(id)
        if job.record.state.is_open or job.record.state is JobState.FINISHED:
            raise UsageError(f"the job is {job.record.state}", why="there is nothing to resume")
        requested, prepared = await self.prepare(job.record.request)
        if prepared.id != id:
            raise _changed()
        async with self._accepting:
            if self._known(id).record.state.is_open:
                return self._known(id)
            return await self._accept(requested, prepared)

    async def cancel(self, id: str) -> Job:
        """End a job early: pending submissions are finished, tasks live on at the provider, and `resume` goes on.

        Returns once it has ended. Raises `UsageError` where it is not there, or has ended.
        """
        job = self._known(id)
        if not job.record.state.is_open or job.task is None:
            raise UsageError(f"the job is {job.record.state}", why="there is nothing to cancel")
        job.task.cancel()
        await asyncio.wait([job.task])
        return job

    # --- one job ------------------------------------------------------------------------------------------------

    async def _accept(self, requested: Requested, prepared: Prepared) -> Job:
        """Queue a job, which is on disk before that. Call it with `_accepting` held."""
        if self._closing:
            raise OutputError("the server is stopping; nothing was started", hint="send the request again")
        if sum(job.record.state.is_open for job in self._jobs.values()) >= self._most_open:
            raise TooManyJobs(
                f"{self._most_open} jobs are queued already; nothing was started", hint="try again later"
            )
        id = prepared.id
        known = self._jobs.get(id)
        record = JobRecord(
            id=id,
            request=requested.content,
            state=JobState.QUEUED,
            created=known.record.created if known is not None else time.time(),
            signature=self._signer.sign(id, requested.content),
        )
        job = known if known is not None else Job(record)
        # The sender may be gone by now: what is on disk is carried out.
        await shielded(self._queued(job, record, prepared))
        return job

    async def _queued(self, job: Job, record: JobRecord, prepared: Prepared) -> None:
        await self._keep(record)
        job.prepared = prepared
        self._jobs[record.id] = job
        job.become(record)
        self._begin(job)

    def _begin(self, job: Job) -> None:
        job.task = asyncio.create_task(self._carry_out(job))

    async def _carry_out(self, job: Job) -> None:
        try:
            async with self._turns:
                record = await self._run(job)
        except asyncio.CancelledError:
            if self._closing:
                return
            record = replace(job.record, state=JobState.CANCELLED)
            record = replace(record, folder=await shielded(asyncio.to_thread(self.folder_of, job)))
        except RunnerError as error:
            record = replace(job.record, state=_waits_or_failed(error.exit_code), exit_code=error.exit_code)
            record = replace(record, problems=(_problem(error),))
        except Exception as error:
            _log.exception("job %s", job.record.id)
            problem = JobProblem(
                message=f"an error of this program: {type(error).__name__}", hint="see its log"
            )
            record = replace(job.record, state=JobState.FAILED, problems=(problem,))
        if record.state.is_open:  # the server is stopping
            return
        record = replace(record, ended=time.time())
        job.become(record)
        with contextlib.suppress(OutputError):
            await shielded(self._keep(record))

    async def _run(self, job: Job) -> JobRecord:
        """Run a job; how it stands then."""
        record = job.record
        prepared = job.prepared
        if prepared is None:  # an earlier server accepted it
            _, prepared = await self.prepare(record.request)
            if prepared.id != record.id:
                raise _changed()
            job.prepared = prepared
        job.become(record := replace(record, state=JobState.RUNNING))
        (outcome,) = await self._session.run([prepared.plan])
        if outcome.interrupted:
            return record
        record = _ended(record, outcome)
        return record if outcome.folder is None else replace(record, folder=self._relative(outcome.folder))

    def folder_of(self, job: Job) -> str:
        """The run folder of a job below the root, as soon as there is one; empty before. Blocking."""
        if not job.record.folder and job.prepared is not None:
            plan = job.prepared.plan
            folder = run_of(plan.project.output_root / plan.project.slug, plan.key)
            return "" if folder is None else self._relative(folder)
        return job.record.folder

    def _relative(self, folder: Path) -> str:
        return folder.relative_to(self._preparation.root).as_posix()

    def _known(self, id: str) -> Job:
        job = self._jobs.get(id)
        if job is None:
            raise UsageError("there is no such job")
        return job

    async def _keep(self, record: JobRecord) -> None:
        try:
            await asyncio.to_thread(self._files.write, record)
        except OSError as error:
            raise OutputError(
                "the job cannot be written down; nothing was started", why=error.strerror or str(error)
            ) from error


def _ended(record: JobRecord, outcome: RunOutcome) -> JobRecord:
    cost = outcome.cost.so_far.micros if outcome.cost is not None else None
    held = any(shot.ending is Ending.HELD for shot in outcome.shots)
    state = JobState.WAITING if held else _waits_or_failed(outcome.exit_code)
    return replace(
        record,
        state=JobState.FINISHED if outcome.exit_code == 0 else state,
        exit_code=outcome.exit_code,
        cost_usd=to_usd(cost),
        problems=tuple(map(_problem, outcome.errors[:_MOST_PROBLEMS])),
    )


def _waits_or_failed(exit_code: int) -> JobState:
    """Unknown outcomes and budgets are the user's to decide."""
    return JobState.WAITING if exit_code in (3, 4) else JobState.FAILED


def _problem(error: RunnerError) -> JobProblem:
    return JobProblem(message=error.line, where=error.where, hint=error.hint)


def _changed() -> RunnerError:
    return UsageError(
        "the files of the project have changed since the job was accepted: it would be another film",
        hint="send the request again",
    )
