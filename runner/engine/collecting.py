"""Waiting for a task, and getting its clip home."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from runner.api import EventKind, Result, State, Status, SupportsCallback, TaskRef
from runner.engine import kill_points
from runner.engine.plugin_calls import asked
from runner.engine.sink import FileSink
from runner.engine.step import GoneError, PreparedInput, Step, in_micros
from runner.errors import (
    BadClip,
    FetchFailed,
    PollFailed,
    ShotError,
    TaskFailed,
    TaskTimeout,
    TaskUnknown,
)
from runner.store.attempt import Attempt, Phase
from runner.store.budget import dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.api import SupportsCallback
    from runner.engine.arrival import Arrival

_FETCH_TRIES: Final = 3
_BROKEN_POLLS: Final = 8
_LOOKS_BACK: Final = 3
_SAME_PRICE: Final = 0.01
_GONE_S: Final = 2.0
_UNKNOWN_S: Final = 30.0  # how long a provider may not know a task, such as one that it has just taken
_FRESH_S: Final = 10.0  # how long that is nothing to speak of
_NOT_THERE: Final = (401, 403, 404, 410)  # HTTP's words for a clip that cannot be had at its address any more


@dataclass(frozen=True, slots=True)
class Collection(Step):
    """From a task id to a clip in the store. `look` checks what arrived."""

    look: Callable[[FileSink, Any], Arrival]

    async def ready(self, attempt: Attempt) -> Attempt:
        """Poll until the task ends. A deadline leaves the task where it is, to be picked up again."""
        caps, limit, began = self.planned.capabilities, self.context.task_timeout_s, time.monotonic()
        pause, broken = caps.polling.interval_s.low, 0
        unknown_since: float | None = None
        while True:
            told, wait = "", pause
            try:
                status = await self._polled(attempt)
                broken, unknown_since = 0, None
            except PollFailed as error:
                # The task is paid for, and lives on: nothing but the deadline ends the asking.
                told, wait = error.line, max(pause, error.retry_after_s or 0.0)
                status = Status(state=State.RUNNING)
            except TaskUnknown as error:
                # Said of a task that is new, and now and then of one that is not: believed when nothing else is said.
                now = time.monotonic()
                told = error.line if now - began >= _FRESH_S else ""
                unknown_since = now if unknown_since is None else unknown_since
                if now - unknown_since >= _UNKNOWN_S:
                    self._advise(attempt, error)
                    raise
                status = Status(state=State.RUNNING)
            except ShotError as error:
                broken += 1
                if broken >= _BROKEN_POLLS:
                    raise
                told, status = error.line, Status(state=State.RUNNING)
            else:
                if attempt.told_by_person:
                    self._check_told(attempt, status)
                    # The provider knows it: from now on it is not to be taken for a slip of the hand.
                    attempt = await self.move(attempt, Phase.SUBMITTED, note="")
            if status.state is State.SUCCEEDED:
                return await self._noted_ready(attempt, status)
            if status.state is State.FAILED:
                raise await self._noted_failed(attempt, status)
            self.tell(EventKind.SHOT_PROGRESS, told or str(status.state), status.progress)
            left = began + limit - time.monotonic()
            if left <= 0:
                raise TaskTimeout(
                    f"{attempt.generator} is not done after {limit:g} s",
                    where=self.planned.name,
                    why=told or f"task {attempt.task} goes on there",
                    hint="run the same command again to pick it up; or wait longer: limits.task_timeout_s=SECONDS",
                )
            await self._paused(attempt, min(wait, left))
            pause = min(pause * 1.25, caps.polling.interval_s.high)

    async def revived(self, attempt: Attempt) -> Attempt:
        """A task that was said to have failed, and cost something: taken up where it has succeeded after all."""
        if attempt.at_risk == 0 or not attempt.task or attempt.account != self.account:
            return attempt
        for _ in range(_LOOKS_BACK):
            try:
                status = await self._polled(attempt)
            except PollFailed:
                await asyncio.sleep(_GONE_S)
                continue
            except ShotError:
                return attempt
            if status.state is State.SUCCEEDED and status.results:
                return await self._noted_ready(attempt, status)
            return attempt
        return attempt

    async def _polled(self, attempt: Attempt) -> Status:
        async with self.context.limits.poll(self.account, self.planned.capabilities):
            return await asked(self.planned, "poll", self.generator.poll(TaskRef(attempt.task)))

    async def _known(self, attempt: Attempt) -> Status:
        """Poll a task that was there. That it is gone is believed when it is said twice: a clip hangs on it."""
        try:
            return await self._polled(attempt)
        except TaskUnknown:
            await asyncio.sleep(_GONE_S)
            return await self._polled(attempt)

    async def _paused(self, attempt: Attempt, seconds: float) -> None:
        """Wait until it is worth asking again: for a time, or for word from the provider."""
        if not self.planned.capabilities.polling.callback:
            await asyncio.sleep(seconds)
            return
        wait_callback = cast("SupportsCallback", self.generator).wait_callback
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asked(self.planned, "notified", wait_callback(TaskRef(attempt.task)))

    async def _noted_failed(self, attempt: Attempt, status: Status) -> TaskFailed:
        cost = self._cost(attempt, status)
        await self.move(attempt, Phase.FAILED, cost=cost, note=status.reason)
        free = cost == 0 or (cost is None and attempt.reserved == 0)
        again = "run the same command again" + ("" if free else ", which pays for another")
        return TaskFailed(
            f"{attempt.generator} gave up",
            where=self.planned.name,
            why=(status.reason or "it gives no reason") + ("" if free else f"; {_charge(attempt, cost)}"),
            hint=status.advice or (again if status.transient else f"change the prompt, then {again}"),
            transient=status.transient,
            charged=not free,
            max_retries=math.inf if status.max_retries is None else status.max_retries,
        )

    def _check_told(self, attempt: Attempt, status: Status) -> None:
        """Raise where the task that a person named was made for something else: that clip is another shot's."""
        asked_for = " ".join(self.planned.request.prompt.split())
        if status.prompt is not None and " ".join(status.prompt.split()) != asked_for:
            error = TaskUnknown(
                f"task {attempt.task} was made for another shot",
                where=self.planned.name,
                why=f"its prompt is {status.prompt[:120]!r}",
            )
            self._advise(attempt, error)
            raise error

    def _advise(self, attempt: Attempt, error: TaskUnknown) -> None:
        if error.hint:
            return
        answers: list[tuple[str, ...]] = [("--abandon",)]
        if attempt.told_by_person:
            error.hint = "correct what was said about it, with one of"
            answers = [("--submitted", "TASKID"), ("--not-submitted",), *answers]
        else:
            error.hint = "ask the provider what became of it; to give that attempt up:"
        commands = (self.context.command("journal", "resolve", attempt.token, *answer) for answer in answers)
        error.hint = "\n".join((error.hint, *commands))

    async def _noted_ready(self, attempt: Attempt, status: Status) -> Attempt:
        results = tuple(
            (result.url, result.expires_at.isoformat() if result.expires_at else "")
            for result in status.results
        )
        # Where the provider does not say what it took, the price that was reserved is what was paid.
        cost = self._cost(attempt, status)
        cost = attempt.reserved if cost is None else cost
        moved = await self.move(attempt, Phase.READY, results=results, cost=cost)
        kill_points.reach("after_ready")
        return moved

    async def fetched(self, attempt: Attempt, prepared: PreparedInput) -> Attempt:
        """Fetch, look, store. What arrives damaged is fetched again, with addresses asked for again."""
        self.tell(EventKind.SHOT_FETCHING)
        for left in range(_FETCH_TRIES - 1, -1, -1):
            status = Status(
                state=State.SUCCEEDED,
                results=tuple(Result(url) for url, _ in attempt.results),
            )
            sink = FileSink(self.context.work / f"{attempt.token}.mp4")
            try:
                # A request that went out without a picture, after all, is not compared with one.
                given = prepared.rgb if attempt.facts.get("how") == "image" else None
                arrival = await self._arrived(status, sink, given)
                return await self._kept(attempt, sink, arrival)
            except (FetchFailed, BadClip) as error:
                attempt, gone, cost = await self._asked_again(attempt)
                if left:
                    await asyncio.sleep(0.5)
                    continue
                if gone and isinstance(error, FetchFailed) and error.status in _NOT_THERE:
                    raise GoneError(f"{error.line}; {gone}", cost) from error
                error.hint = error.hint or "run the same command again: fetching is free"
                error.hint += "\nor pay for another one, after " + self.context.command(
                    "journal", "resolve", attempt.token, "--abandon"
                )
                raise
        raise AssertionError("the last try returns or raises")

    async def _arrived(self, status: Status, sink: FileSink, given: Any) -> Arrival:
        kill_points.reach("during_fetch")
        limit_s = self.context.task_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await asked(self.planned, "fetch", self.generator.fetch(status, sink))
        except TimeoutError as error:
            raise FetchFailed(
                "the clip did not arrive", where=self.planned.name, why=f"not whole within {limit_s:g} s"
            ) from error
        finally:
            sink.close()
        sink.check()
        kill_points.reach("after_fetch")
        return await asyncio.to_thread(self.look, sink, given)

    async def _kept(self, attempt: Attempt, sink: FileSink, arrival: Arrival) -> Attempt:
        digest = arrival.artifact.sha256
        await asyncio.to_thread(self.context.objects.put, sink.path, digest)
        kill_points.reach("after_store")
        facts = {
            **attempt.facts,
            "clip": {"bytes": arrival.artifact.bytes, "facts": dict(arrival.artifact.facts)},
            "adherence": dict(arrival.adherence) if arrival.adherence is not None else None,
            "warnings": [*arrival.warnings, *_dearer(attempt)],
        }
        moved = await self.move(attempt, Phase.FETCHED, digest=digest, facts=facts)
        kill_points.reach("after_fetched")
        return moved

    async def _asked_again(self, attempt: Attempt) -> _Again:
        """Ask the task for fresh addresses. The old ones are kept where it gives none: they may still be good."""
        try:
            status = await self._known(attempt)
        except TaskUnknown as unknown:
            return _Again(attempt, unknown.line, attempt.cost)
        except ShotError:
            return _Again(attempt)
        if status.state is State.FAILED:
            reason = status.reason or "the provider says that it failed"
            return _Again(attempt, reason, self._cost(attempt, status))
        if status.state is State.SUCCEEDED and status.results:
            return _Again(await self._noted_ready(attempt, status))
        return _Again(attempt)

    def _cost(self, attempt: Attempt, status: Status) -> int | None:
        return in_micros(status.cost_usd) if status.cost_usd is not None else attempt.cost


def _dearer(attempt: Attempt) -> Iterator[str]:
    """That a clip did not cost what was planned: the budget was reckoned with another price."""
    planned, cost = attempt.reserved, attempt.cost
    if planned and cost is not None and abs(cost - planned) > planned * _SAME_PRICE:
        yield f"cost {dollars(cost)}, and {dollars(planned)} was planned"


class _Again(NamedTuple):
    """The attempt with the addresses that there are now.

    `gone` says why the provider has it no more, where it says so, and `cost` what it took then.
    """

    attempt: Attempt
    gone: str = ""
    cost: int | None = None


def _charge(attempt: Attempt, cost: int | None) -> str:
    """What went into a task that failed."""
    if cost is not None:
        return f"{dollars(cost)} went into it"
    if attempt.reserved is not None:
        return f"the {dollars(attempt.reserved)} reserved for it count as spent"
    return "what it cost is not known"
