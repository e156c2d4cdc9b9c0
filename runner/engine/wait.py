"""The third step: polling a task until it ends."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, cast

from runner.api import EventKind, State
from runner.engine import kill_points
from runner.engine.plugin_calls import Call, called
from runner.engine.run_context import task_ref
from runner.errors import PollFailed, ShotError, TaskFailed, TaskTimeout, TaskUnknown
from runner.money import dollars, from_usd
from runner.redaction import scrubbed
from runner.store.attempt import Phase
from runner.store.interface import Change

if TYPE_CHECKING:
    from runner.api import Status, SupportsCallback
    from runner.engine.run_context import ShotJob
    from runner.store.attempt import Attempt


async def wait(job: ShotJob, attempt: Attempt) -> Attempt:
    """Poll until the task has succeeded. A deadline leaves the task where it is, to be picked up by the next run.

    Returns an attempt with the URLs of its clip. Raises `TaskFailed`, `TaskTimeout`, `TaskUnknown`, or the `ShotError`
    of a generator that cannot poll.
    """
    timing, polling = job.run.resources.timing, job.capabilities.polling
    limit_s, began = job.run.plan.project.limits.task_timeout_s, timing.monotonic()
    pause_s, broken = polling.interval_s.low, 0
    unknown_since: float | None = None
    while True:
        wait_s = pause_s
        progress: float | None = None
        try:
            status = await poll(job, attempt)
        except PollFailed as error:
            # The task is paid for, and lives on: only the deadline ends the polling.
            message, wait_s = error.line, max(pause_s, error.retry_after_s or 0.0)
        except TaskUnknown as error:
            # Reported of a task that is new, and now and then of one that is not.
            now = timing.monotonic()
            message = error.line if now - began >= timing.fresh_task_s else str(State.RUNNING)
            unknown_since = now if unknown_since is None else unknown_since
            if now - unknown_since >= timing.unknown_task_s:
                _advise(job, attempt, error)
                raise
        except ShotError as error:
            broken += 1
            if broken >= timing.broken_polls:
                raise
            message = error.line
        else:
            broken, unknown_since = 0, None
            attempt = await _confirmed(job, attempt, status)
            if status.state is State.SUCCEEDED:
                return await record_ready(job, attempt, status)
            if status.state is State.FAILED:
                raise await _failed(job, attempt, status)
            message, progress = str(status.state), status.progress
        job.run.bus.shot_event(EventKind.SHOT_PROGRESS, job.planned, message, progress)
        left_s = began + limit_s - timing.monotonic()
        if left_s <= 0:
            raise TaskTimeout(
                f"{attempt.generator} has not finished after {limit_s:g} s",
                where=job.planned.name,
                why=message if message not in set(State) else f"task {attempt.task} goes on there",
                hint="rerun the same command to pick it up; or wait longer: limits.task_timeout_s=SECONDS",
            )
        await _pause(job, attempt, min(wait_s, left_s))
        pause_s = min(pause_s * timing.poll_growth, polling.interval_s.high)


async def poll(job: ShotJob, attempt: Attempt) -> Status:
    """Poll once, within the account's rate."""
    limit_s = job.run.resources.timing.poll_s
    async with job.run.resources.limits.poll(job.account, job.capabilities):
        try:
            return await called(job.call("poll", limit_s), job.generator.poll, task_ref(attempt))
        except TimeoutError as error:
            what = f"{attempt.generator} does not say what became of the task"
            raise PollFailed(what, where=job.planned.name, why=f"not within {limit_s:g} s") from error


async def poll_known(job: ShotJob, attempt: Attempt) -> Status:
    """Poll a task that was known. That it is gone is believed when it is reported twice: a paid clip depends on it."""
    try:
        return await poll(job, attempt)
    except TaskUnknown:
        await job.run.resources.timing.sleep(job.run.resources.timing.gone_check_s)
        return await poll(job, attempt)


async def revive(job: ShotJob, attempt: Attempt) -> Attempt:
    """A task that was reported as failed, and cost something: taken up again where it has succeeded after all."""
    timing = job.run.resources.timing
    if attempt.at_risk == 0 or not attempt.task or attempt.account != job.account:
        return attempt
    for _ in range(timing.revival_polls):
        try:
            status = await poll(job, attempt)
        except PollFailed:
            await timing.sleep(timing.gone_check_s)
            continue
        except ShotError:
            return attempt
        if status.state is State.SUCCEEDED and status.results:
            return await record_ready(job, attempt, status)
        return attempt
    return attempt


async def record_ready(job: ShotJob, attempt: Attempt, status: Status) -> Attempt:
    """Commit the URLs of a finished clip and its cost, before it is fetched."""
    results = tuple(
        (result.url, result.expires_at.isoformat() if result.expires_at else "") for result in status.results
    )
    # Where the provider does not report the cost, the reserved price is what was paid.
    cost = reported_cost(attempt, status)
    change = Change(results=results, cost=attempt.reserved if cost is None else cost)
    ready = await job.run.resources.journal.move(attempt.token, Phase.READY, change)
    kill_points.reach("after_ready")
    # The journal has it without the keys that it may hold.
    return dataclasses.replace(ready, task_data=attempt.task_data)


def reported_cost(attempt: Attempt, status: Status) -> int | None:
    """What the task cost in millionths of a US dollar; `None` is unknown."""
    return attempt.cost if status.cost_usd is None else from_usd(status.cost_usd)


async def _pause(job: ShotJob, attempt: Attempt, seconds: float) -> None:
    """Wait until it is worth polling again: for a time, or for a callback of the provider."""
    timing = job.run.resources.timing
    if not job.capabilities.polling.callback:
        await timing.sleep(seconds)
        return
    generator = cast("SupportsCallback", job.generator)
    call = Call(f"generator {attempt.generator}", "wait_callback", job.planned.name, limit_s=seconds)
    with contextlib.suppress(TimeoutError):
        await called(call, generator.wait_callback, task_ref(attempt))


async def _failed(job: ShotJob, attempt: Attempt, status: Status) -> TaskFailed:
    cost = reported_cost(attempt, status)
    change = Change(cost=cost, note=status.reason)
    await job.run.resources.journal.move(attempt.token, Phase.FAILED, change)
    free = cost == 0 or (cost is None and attempt.reserved == 0)
    rerun = "rerun the same command" + ("" if free else ", which pays for another clip")
    return TaskFailed(
        f"the task failed at {attempt.generator}",
        where=job.planned.name,
        why=(status.reason or "it states no reason") + ("" if free else f"; {_charge(attempt, cost)}"),
        hint=status.advice or (rerun if status.transient else f"change the prompt, then {rerun}"),
        transient=status.transient,
        charged=not free,
        max_retries=math.inf if status.max_retries is None else status.max_retries,
    )


async def _confirmed(job: ShotJob, attempt: Attempt, status: Status) -> Attempt:
    """An attempt whose task the user named, now that the provider knows it. Raises where it is another shot's."""
    if not attempt.task_from_user:
        return attempt
    requested = " ".join(job.planned.request.prompt.split())
    if status.prompt is not None and " ".join(status.prompt.split()) != requested:
        error = TaskUnknown(
            f"task {attempt.task} was created for another shot",
            where=job.planned.name,
            why=f"its prompt is {scrubbed(status.prompt)[:120]!r}",
        )
        _advise(job, attempt, error)
        raise error
    return await job.run.resources.journal.move(attempt.token, Phase.SUBMITTED, Change(note=""))


def _advise(job: ShotJob, attempt: Attempt, error: TaskUnknown) -> None:
    if error.hint:
        return
    answers: list[tuple[str, ...]] = [("--abandon",)]
    error.hint = "look the task up at the provider; to give that attempt up:"
    if attempt.task_from_user:
        error.hint = "correct what was recorded about it, with one of"
        answers = [("--submitted", "TASKID"), ("--not-submitted",), *answers]
    commands = (job.run.command("journal", "resolve", attempt.token, *answer) for answer in answers)
    error.hint = "\n".join((error.hint, *commands))


def _charge(attempt: Attempt, cost: int | None) -> str:
    """What a failed task cost."""
    if cost is not None:
        return f"it cost {dollars(cost)}"
    if attempt.reserved is not None:
        return f"the {dollars(attempt.reserved)} reserved for it count as spent"
    return "its cost is not known"
