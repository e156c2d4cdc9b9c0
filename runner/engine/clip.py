"""One clip, paid for once: from wherever the journal says that the shot is, to a file in the object store.

    prepare_input -> submit -> wait -> download -> validate -> store

Each arrow is in the journal before the next step begins, so that a run that dies anywhere goes on from there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import math
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine import kill_points
from runner.engine.download import download, refresh
from runner.engine.plugin_calls import shielded
from runner.engine.prepare import PreparedInput, given_pixels, prepare_input, refreshed
from runner.engine.run_context import ShotJob
from runner.engine.submit import settle, submit
from runner.engine.validate import validate
from runner.engine.wait import revive, wait
from runner.errors import (
    BadClip,
    BudgetStop,
    FetchFailed,
    JournalError,
    LeaseLost,
    PluginFailed,
    ShotError,
    TaskFailed,
)
from runner.money import dollars
from runner.outputs import grafts
from runner.store import AlreadyDecided, recovery
from runner.store.attempt import Attempt, Phase
from runner.store.interface import Change

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator
    from pathlib import Path

    from runner.engine.download import Downloaded
    from runner.engine.run_context import RunContext
    from runner.engine.validate import ValidClip
    from runner.media.look import Look
    from runner.planning.plan import PlannedSequence, PlannedShot
    from runner.store.interface import Lease

_log = logging.getLogger(__name__)
_GONE_STATUSES = (401, 403, 404, 410)
"""HTTP statuses of a clip that cannot be had from its URL any more."""
_OF_ONE_RUN = (BudgetStop, LeaseLost, PluginFailed)
"""Errors that another run, with another budget or other plugins, may not have."""
_SAME_PRICE = 0.01
_DECISIONS = 3
"""How often another session may be faster before that is reported."""


async def stored_clip(
    run: RunContext,
    sequence: PlannedSequence,
    planned: PlannedShot,
    previous_clip: Path | None,
    anchor: Look | None = None,
) -> tuple[Attempt, bool]:
    """The attempt whose clip is in the object store, and whether it was there before.

    Joins whoever generates the same clip already: another shot of this session, or another session. Raises
    `ShotError` and other `RunnerError`, in which case the journal says how far it got.
    """
    found = await _reusable(run, planned)
    if found is not None:
        return found, True
    if planned.shot.graft:
        # Its key is that of another request, which is not what this shot describes.
        raise grafts.missing(planned)
    if run.resources.is_taken(planned.key):
        _waits(run, planned, "waiting for another run of this session that generates it")
    generator = await run.resources.plugins.generator(planned.shot.generator)
    async with run.resources.turn(planned.key):
        at = planned.key, id(generator)
        if at in run.failed:
            # To submit it again for each run that has it would pay as often.
            raise run.failed[at]
        lease = await _acquire(run, planned)
        try:
            found = await _reusable(run, planned)
            if found is not None:
                return found, True
            job = ShotJob(
                run=run,
                sequence=sequence,
                planned=planned,
                generator=generator,
                lease=lease,
                previous_clip=previous_clip,
                anchor=anchor,
            )
            return await _decided(job), False
        except ShotError as error:
            if not isinstance(error, _OF_ONE_RUN):
                run.failed[at] = error
            raise
        finally:
            await shielded(_release(run, lease))


async def _decided(job: ShotJob) -> Attempt:
    """Go on from what the journal says, again where another session changed it meanwhile."""
    for left in range(_DECISIONS - 1, -1, -1):
        try:
            return await _from_journal(job)
        except AlreadyDecided as decided:
            if not left:
                raise ShotError(
                    "other sessions keep submitting this shot",
                    where=job.planned.name,
                    why=f"attempt {decided.attempt.token[:8]} is {decided.attempt.phase}",
                    hint="rerun the same command when they are done",
                ) from decided
    raise AssertionError("the last try returns or raises")


async def _from_journal(job: ShotJob) -> Attempt:
    journal, planned = job.run.resources.journal, job.planned
    attempt = await journal.decisive(planned.key)
    if attempt is not None and attempt.phase is Phase.FAILED:
        attempt = await revive(job, attempt)
    if attempt is None or attempt.phase in (Phase.REFUSED, Phase.FAILED, Phase.ABANDONED):
        prepared = await prepare_input(job)
        async with _slot(job):
            return await _requested(job, prepared)
    if attempt.phase is Phase.LOST:
        raise _lost(planned, attempt)
    if attempt.phase is Phase.FETCHED and not attempt.task:
        # Rebuilt from a run folder that does not state it, and no copy of the clip is left.
        raise await _record_lost(job, attempt, _ClipGoneError("its task id is not known", attempt.cost))
    _check_account(job, attempt)
    async with _slot(job):
        resumed = await _resumed(job, attempt)
        return await _requested(job, await prepare_input(job)) if resumed is None else resumed


async def _resumed(job: ShotJob, attempt: Attempt) -> Attempt | None:
    """The clip of an attempt that an earlier run began; `None` where it came to nothing, at no cost."""
    journal = job.run.resources.journal
    if attempt.phase in (Phase.INTENDED, Phase.UNKNOWN):
        settled = await settle(job, attempt)
        if settled is None:
            return None
        attempt = settled
    if attempt.phase is Phase.SUBMITTED:
        try:
            attempt = await wait(job, attempt)
        except TaskFailed:
            ended = await journal.decisive(job.planned.key)
            if ended is None or ended.at_risk != 0:
                raise
            # It failed for an earlier run, and cost nothing: that run's failure is not this one's.
            return None
    try:
        return await _delivered(job, attempt, None)
    except _ClipGoneError as gone:
        if attempt.reserved != 0:
            raise await _record_lost(job, attempt, gone) from gone
        change = Change(note=str(gone), cost=gone.cost)
        await journal.move(attempt.token, Phase.ABANDONED, change)
        return None


async def _requested(job: ShotJob, prepared: PreparedInput) -> Attempt:
    """Submit and wait; what failed for a transient reason, at no cost, is submitted again a few times."""
    timing, retries = job.run.resources.timing, job.run.plan.project.limits.retries
    for failures in itertools.count(1):
        try:
            attempt = await wait(job, await submit(job, prepared))
            break
        except TaskFailed as failed:
            if failures > min(failed.max_retries, retries):
                raise
            job.run.bus.shot_event(EventKind.SHOT_PROGRESS, job.planned, f"submitted again: {failed.line}")
            await timing.sleep(timing.transient_pause_s * timing.jitter() * failures)
            # Its image may be what failed: it is verified before it is paid for again.
            prepared = await refreshed(job, prepared, verify=True)
    try:
        return await _delivered(job, attempt, prepared)
    except _ClipGoneError as gone:
        raise await _record_lost(job, attempt, gone) from gone


async def _delivered(job: ShotJob, attempt: Attempt, prepared: PreparedInput | None) -> Attempt:
    """Download, validate and store. What arrives damaged is fetched again, from new URLs where there are any."""
    timing = job.run.resources.timing
    # A request that went out without an image, after all, is not compared with one.
    given = prepared.rgb if prepared is not None else await given_pixels(job, attempt.record)
    job.run.bus.shot_event(EventKind.SHOT_FETCHING, job.planned)
    for left in range(timing.download_tries - 1, -1, -1):
        try:
            arrived = await download(job, attempt)
            valid = await asyncio.to_thread(
                validate, arrived, job.planned, job.run.plan.project.checks, given
            )
            return await _store(job, attempt, arrived, valid)
        except (FetchFailed, BadClip) as error:
            attempt, gone, cost = await refresh(job, attempt)
            if left:
                await timing.sleep(timing.download_pause_s)
                continue
            if gone and isinstance(error, FetchFailed) and error.status in _GONE_STATUSES:
                raise _ClipGoneError(f"{error.line}; {gone}", cost) from error
            error.hint = error.hint or "rerun the same command: fetching is free"
            error.hint += "\nor pay for another one, after " + job.run.command(
                "journal", "resolve", attempt.token, "--abandon"
            )
            raise
    raise AssertionError("the last try returns or raises")


async def _store(job: ShotJob, attempt: Attempt, arrived: Downloaded, valid: ValidClip) -> Attempt:
    """Move the file into the object store, then commit its digest."""
    resources = job.run.resources
    await asyncio.to_thread(resources.objects.put, arrived.path, arrived.sha256)
    if valid.ends is not None and any(one.spec.level == "seam" for one in job.run.plan.project.metrics):
        resources.ends.put(arrived.sha256, valid.ends)
    kill_points.reach("after_store")
    record = dataclasses.replace(
        attempt.record,
        clip=valid.clip,
        adherence=valid.adherence,
        look=valid.look,
        warnings=(*valid.warnings, *_other_price(attempt)),
    )
    change = Change(digest=arrived.sha256, record=record)
    moved = await resources.journal.move(attempt.token, Phase.FETCHED, change)
    kill_points.reach("after_fetched")
    return moved


async def _reusable(run: RunContext, planned: PlannedShot) -> Attempt | None:
    """An attempt whose clip is there and intact; brought back from a copy where the object store lost it."""
    resources, journal = run.resources, run.resources.journal
    attempt = await journal.decisive(planned.key)
    if attempt is None or not attempt.digest or attempt.phase not in (Phase.FETCHED, Phase.LOST):
        return None
    is_there = await resources.in_files_thread(resources.objects.intact, attempt.digest)
    if not is_there and not await asyncio.to_thread(recovery.restore, resources.root, attempt.digest):
        return None
    if attempt.phase is Phase.LOST:
        return await journal.move(attempt.token, Phase.FETCHED, Change(note="found in a run folder"))
    return attempt


async def _acquire(run: RunContext, planned: PlannedShot) -> Lease:
    """Wait until no other session works on this shot."""
    timing, reminded_at = run.resources.timing, -math.inf
    while True:
        lease = await run.resources.journal.acquire(planned.key)
        if lease is not None:
            return lease
        now = timing.monotonic()
        if now - reminded_at >= timing.remind_s:
            _waits(run, planned, "waiting for another run that is generating it")
            reminded_at = now
        await timing.sleep(timing.lease_poll_s)


def _waits(run: RunContext, planned: PlannedShot, message: str) -> None:
    """Tell observers that a shot waits for others, and is not slow itself."""
    run.bus.shot_event(EventKind.SHOT_PROGRESS, planned, message, detail={"waiting": True})


async def _release(run: RunContext, lease: Lease) -> None:
    """Give a lease back. Where that fails it ends with the session: the error must not replace an earlier one, which
    may carry the id of a paid task."""
    try:
        await run.resources.journal.release(lease)
    except JournalError as error:
        _log.warning("the lease of a shot cannot be given back: %s", error.line)


def _slot(job: ShotJob) -> contextlib.AbstractAsyncContextManager[None]:
    limits, in_flight = job.run.resources.limits, job.run.plan.project.limits.in_flight
    if limits.is_full(job.account, job.capabilities, in_flight):
        _waits(job.run, job.planned, "waiting until fewer shots are at the provider")
    return limits.slot(job.account, job.capabilities, in_flight)


class _ClipGoneError(Exception):
    """The provider does not have a finished clip any more."""

    def __init__(self, message: str, cost: int | None) -> None:
        super().__init__(message)
        self.cost = cost
        """What the task cost in the end, in millionths of a US dollar."""


async def _record_lost(job: ShotJob, attempt: Attempt, gone: _ClipGoneError) -> ShotError:
    change = Change(note=str(gone), cost=gone.cost)
    return _lost(job.planned, await job.run.resources.journal.move(attempt.token, Phase.LOST, change))


def _lost(planned: PlannedShot, attempt: Attempt) -> ShotError:
    return ShotError(
        "the clip was paid for, and is neither in the object store nor at the provider any more",
        where=planned.name,
        why=f"task {attempt.task or '(unknown)'}: {attempt.note or 'the provider does not have it'}",
        hint=f"generate another one: {planned.shot.at}.take={planned.request.take + 1}",
    )


def _check_account(job: ShotJob, attempt: Attempt) -> None:
    # Of a rebuilt attempt the account is not known: its provider says whether this one has the task.
    if attempt.account not in ("", job.account):
        raise ShotError(
            "this shot was submitted with another account's key",
            where=job.planned.name,
            why=f"{attempt.generator} task {attempt.task or 'of unknown outcome'} belongs to account "
            f"{attempt.account}, the key in use to {job.account}",
            hint="rerun with the first key; or give that attempt up: "
            + job.run.command("journal", "resolve", attempt.token, "--abandon"),
        )


def _other_price(attempt: Attempt) -> Iterator[str]:
    """That a clip did not cost what was planned: the budget was computed with another price."""
    planned, cost = attempt.reserved, attempt.cost
    if planned and cost is not None and abs(cost - planned) > planned * _SAME_PRICE:
        yield f"cost {dollars(cost)}, and {dollars(planned)} was planned"
