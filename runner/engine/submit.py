"""The second step: sending one request so that its answer is recorded whatever happens, and never sending it twice."""

from __future__ import annotations

import dataclasses
import logging
import sys
import uuid
from typing import TYPE_CHECKING, cast

from runner.api import EventKind, Idempotency
from runner.engine import kill_points
from runner.engine.plugin_calls import called, shielded
from runner.engine.prepare import prepare_input, refreshed
from runner.errors import (
    Busy,
    JournalError,
    OutcomeUnknown,
    PluginFailed,
    PollFailed,
    ShotError,
    SubmitRefused,
    SubmitUnknown,
    TaskIdInUse,
)
from runner.money import from_usd
from runner.outgoing import one_line, outgoing
from runner.redaction import hidden_value
from runner.store.attempt import Attempt, Phase
from runner.store.interface import Change

if TYPE_CHECKING:
    from runner.api import SupportsLookup, TaskRef
    from runner.engine.prepare import PreparedInput
    from runner.engine.run_context import ShotJob

_log = logging.getLogger(__name__)


async def submit(job: ShotJob, prepared: PreparedInput) -> Attempt:
    """Submit a request, waiting while the provider is busy. Every submission is an attempt of its own.

    Returns an attempt with a task id. Raises `ShotError`; `AlreadyDecided` where another session was faster.
    """
    timing = job.run.resources.timing
    pause_s = timing.busy_pause_s
    for left in range(timing.busy_tries - 1, -1, -1):
        prepared = await refreshed(job, prepared)
        try:
            async with job.run.resources.limits.submission(job.account, job.capabilities):
                return await _submit_once(job, prepared)
        except Busy as busy:
            if not left:
                raise
            wait_s = pause_s * timing.jitter()
            if busy.retry_after_s is not None:
                wait_s = min(busy.retry_after_s, timing.retry_after_max_s)
            message = f"again in {wait_s:.0f} s: {busy.line}"
            job.run.bus.shot_event(EventKind.SHOT_PROGRESS, job.planned, message)
            await timing.sleep(wait_s)
            pause_s = min(pause_s * 2, timing.busy_pause_max_s)
    raise AssertionError("the last try returns or raises")


async def settle(job: ShotJob, attempt: Attempt, *, earlier: bool = True) -> Attempt | None:
    """Find out what became of a submission whose answer was lost; `None` when it was certainly not accepted.

    `earlier` says that another run sent it. Raises `OutcomeUnknown` where only the user can tell.
    """
    billing = job.capabilities.billing
    if billing.lookup:
        generator = cast("SupportsLookup", job.generator)
        ref = await _looked_up(job, generator, attempt.token)
        if ref is not None:
            return await _accepted(job, attempt, ref)
        change = Change(cost=0, note="the provider does not know it")
        await job.run.resources.journal.move(attempt.token, Phase.REFUSED, change)
        return None
    if billing.idempotency is Idempotency.KEY:
        prepared = await prepare_input(job)
        try:
            return await _accepted(job, attempt, await _send(job, attempt.token, prepared))
        except (SubmitRefused, SubmitUnknown) as error:
            # A no to the repetition (busy, no credit left) says nothing about the first request.
            change = Change(note=f"its repetition failed: {error.line}")
            unknown = await job.run.resources.journal.move(attempt.token, Phase.UNKNOWN, change)
            raise _outcome_unknown(job, unknown, earlier=earlier) from error
    if attempt.reserved == 0:
        change = Change(cost=0, note="free")
        await job.run.resources.journal.move(attempt.token, Phase.ABANDONED, change)
        return None
    await job.run.resources.journal.move(attempt.token, Phase.UNKNOWN, Change())
    raise _outcome_unknown(job, attempt, earlier=earlier)


async def _submit_once(job: ShotJob, prepared: PreparedInput) -> Attempt:
    planned = job.planned
    kill_points.reach("before_intent")
    intent = Attempt(
        token=uuid.uuid4().hex,
        key=planned.key,
        scope=job.run.plan.scope,
        owner=job.run.owner,
        project=planned.request.project,
        sequence=planned.sequence,
        shot=planned.shot.name,
        generator=planned.shot.generator.spec.name,
        model=planned.request.model or "",
        account=job.account,
        phase=Phase.INTENDED,
        reserved=from_usd(planned.price.usd if planned.price else None),
        record=prepared.record,
        identity=hidden_value(dict(planned.identity)),
    )
    attempt = await job.run.resources.journal.intend(intent, job.run.budget, job.lease)
    return await shielded(_send_and_record(job, attempt, prepared))


async def _send_and_record(job: ShotJob, attempt: Attempt, prepared: PreparedInput) -> Attempt:
    """Send one request. Shielded: once it is out, its answer is waited for and recorded, whatever happens."""
    journal = job.run.resources.journal
    kill_points.reach("after_intent")
    job.run.bus.shot_event(EventKind.SHOT_PROGRESS, job.planned, "submitting")
    try:
        ref = await _send(job, attempt.token, prepared)
    except SubmitUnknown as error:
        if attempt.reserved == 0:
            await journal.move(attempt.token, Phase.ABANDONED, Change(cost=0, note=error.line))
            raise
        # What happened, in one line: what it means is what the user is asked then.
        attempt = await journal.move(attempt.token, Phase.UNKNOWN, Change(note=error.why or error.line))
        settled = await settle(job, attempt, earlier=False)
        if settled is None:
            raise Busy("the request did not arrive", where=job.planned.name) from error
        return settled
    except SubmitRefused as error:
        await journal.move(attempt.token, Phase.REFUSED, Change(cost=0, note=error.line))
        raise
    kill_points.reach("after_submit")
    return await _accepted(job, attempt, ref)


async def _send(job: ShotJob, token: str, prepared: PreparedInput) -> TaskRef:
    request = dataclasses.replace(job.planned.request, image=prepared.image)
    limit_s = job.run.plan.project.limits.submit_timeout_s
    try:
        return await called(job.call("submit", limit_s), job.generator.submit, request, token)
    except TimeoutError as error:
        raise SubmitUnknown(
            "the provider did not answer the request", where=job.planned.name, why=f"not within {limit_s:g} s"
        ) from error
    except PluginFailed as error:  # it may have sent the request before
        raise SubmitUnknown(error.what, where=error.where, why=error.why, hint=error.hint) from error


async def _looked_up(job: ShotJob, generator: SupportsLookup, token: str) -> TaskRef | None:
    limit_s = job.run.resources.timing.poll_s
    try:
        return await called(job.call("lookup", limit_s), generator.lookup, token)
    except TimeoutError as error:
        what = "the provider does not say whether it accepted an earlier request"
        hint = "rerun the same command to look it up again; nothing is submitted before that"
        raise PollFailed(what, where=job.planned.name, why=f"not within {limit_s:g} s", hint=hint) from error


async def _accepted(job: ShotJob, attempt: Attempt, ref: TaskRef) -> Attempt:
    """Commit the task id, before anything else.

    The journal has `task_data` without the keys in it, this session has them. Raises `OutcomeUnknown` for an id that
    cannot be recorded.
    """
    journal = job.run.resources.journal
    if one_line(outgoing(ref.id)) != ref.id:
        raise await _not_to_be_recorded(job, attempt)
    try:
        change = Change(task=ref.id, task_data=ref.data)
        accepted = await journal.move(attempt.token, Phase.SUBMITTED, change)
    except TaskIdInUse as error:
        error.where = error.where or job.planned.name
        await journal.move(attempt.token, Phase.UNKNOWN, Change(note=error.line))
        raise
    except JournalError as error:
        await _save_task_id(job, attempt, ref, error)
        raise
    kill_points.reach("after_task_id")
    job.run.bus.shot_event(EventKind.SHOT_SUBMITTED, job.planned, f"task {ref.id}")
    return accepted


async def _not_to_be_recorded(job: ShotJob, attempt: Attempt) -> ShotError:
    """The error for a task that is paid for, and whose id neither the journal nor a message may hold."""
    journal, why = (
        job.run.resources.journal,
        "the provider returned a task id with a key or a control character in it",
    )
    if attempt.reserved == 0:
        await journal.move(attempt.token, Phase.ABANDONED, Change(cost=0, note=why))
        return SubmitUnknown("the task cannot be polled", where=job.planned.name, why=why)
    unknown = await journal.move(attempt.token, Phase.UNKNOWN, Change(note=why))
    return _outcome_unknown(job, unknown, earlier=False)


async def _save_task_id(job: ShotJob, attempt: Attempt, ref: TaskRef, error: JournalError) -> None:
    """Keep a task id that the journal could not take: in a file, on standard error and in the log, whatever fails."""
    spilled = await job.run.resources.journal.spill(attempt.token, ref.id, ref.data)
    command = job.run.command("journal", "resolve", attempt.token, "--submitted", ref.id)
    line = f"{job.planned.name}: the provider accepted task {ref.id}, which the journal could not record"
    print(f"runner: {line}", file=sys.stderr, flush=True)
    _log.error("%s; attempt %s; kept in %s", line, attempt.token, spilled or "no file")
    kept = f"task {ref.id} is kept in {spilled}, and the next run adopts it" if spilled else ""
    error.hint = "\n".join(part for part in (error.hint, kept, f"or record it by hand: {command}") if part)
    error.where = error.where or job.planned.name


def _outcome_unknown(job: ShotJob, attempt: Attempt, *, earlier: bool) -> OutcomeUnknown:
    request = "an earlier request" if earlier else "the request"
    answers = (("--submitted", "TASKID"), ("--not-submitted",), ("--abandon",))
    commands = (job.run.command("journal", "resolve", attempt.token, *answer) for answer in answers)
    return OutcomeUnknown(
        f"cannot tell whether {attempt.generator} accepted {request} for this shot",
        where=job.planned.name,
        why=f"{attempt.note or 'the run ended before the answer came'}; not resubmitting, to avoid paying twice",
        hint="\n".join(("look it up at the provider, then one of", *commands)),
    )
