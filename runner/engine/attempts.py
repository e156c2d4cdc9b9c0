"""The way of one clip from a request to a file in the store, such that it is paid for once.

    intend -> submit -> task id -> poll -> ready -> fetch, look -> store -> fetched

Each arrow is in the journal before the next step is taken, so that a run that dies anywhere goes on from there.
Plugins do the talking; everything that money hangs on is in `submitting` and `collecting`, in this order.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.api import EventKind
from runner.engine.collecting import Collection
from runner.engine.plugin_calls import shielded
from runner.engine.step import GoneError, PreparedInput, Step, lost
from runner.engine.submitting import Submission
from runner.errors import ShotError, TaskFailed
from runner.store.attempt import Attempt, Phase
from runner.store.claims import claim, release
from runner.store.journal import known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from runner.api import JSON
    from runner.engine.arrival import Arrival
    from runner.engine.run_context import RunContext
    from runner.engine.services import Services
    from runner.engine.sink import FileSink
    from runner.planning.plan import PlannedShot

_WAIT_FOR_OTHERS_S: Final = 0.25
_TELL_AGAIN_S: Final = 10.0
_AFTER_CHANCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Gets clips. Raises `ShotError` and other `RunnerError`, in which case the journal says how far it got."""

    context: RunContext
    services: Services

    async def clip(
        self,
        planned: PlannedShot,
        begin: Callable[[], Awaitable[PreparedInput]],
        resume: Callable[[Mapping[str, JSON]], Awaitable[PreparedInput]],
        look: Callable[[FileSink, Any], Arrival],
    ) -> tuple[Attempt, bool]:
        """The fetched attempt of a shot, and whether it was there before. Joins whoever is at work on it already."""
        found = await self._there(planned)
        if found is not None:
            return found, True
        context = self.context
        async with context.turn(planned.key):
            await self._claimed(planned)
            try:
                found = await self._there(planned)
                if found is not None:
                    return found, True
                work = _Work(self.context, self.services, planned, begin, resume, look)
                return await work.done(), False
            finally:
                await shielded(context.journal.soon(release(planned.key, context.owner)))

    async def _there(self, planned: PlannedShot) -> Attempt | None:
        attempt = await self.context.journal.soon(known(planned.key))
        if attempt is None or attempt.phase is not Phase.FETCHED:
            return None
        whole = await asyncio.to_thread(self.context.objects.whole, attempt.digest)
        return attempt if whole else None

    async def _claimed(self, planned: PlannedShot) -> None:
        """Wait until no other process works on this shot."""
        context, told_at = self.context, -math.inf
        while not await context.journal.soon(claim(planned.key, context.owner, context.clock())):
            if time.monotonic() - told_at >= _TELL_AGAIN_S:
                context.tell(planned, EventKind.SHOT_PROGRESS, "waiting for another run that is making it")
                told_at = time.monotonic()
            await asyncio.sleep(_WAIT_FOR_OTHERS_S)


@dataclass(frozen=True, slots=True)
class _Work(Step):
    """One shot that is ours to get."""

    begin: Callable[[], Awaitable[PreparedInput]]
    resume: Callable[[Mapping[str, JSON]], Awaitable[PreparedInput]]
    look: Callable[[FileSink, Any], Arrival]

    @property
    def _submission(self) -> Submission:
        return Submission(self.context, self.services, self.planned, self.begin)

    @property
    def _collection(self) -> Collection:
        return Collection(self.context, self.services, self.planned, self.look)

    async def done(self) -> Attempt:
        """Go on from where the journal says the shot is."""
        attempt = await self.context.journal.soon(known(self.planned.key))
        if attempt is not None and attempt.phase is Phase.FAILED:
            attempt = await self._collection.revived(attempt)
        if attempt is None or attempt.phase in (Phase.REFUSED, Phase.FAILED, Phase.ABANDONED):
            return await self._anew()
        if attempt.phase is Phase.LOST:
            raise lost(self.planned, attempt)
        self._check_account(attempt)
        prepared = await self.resume(attempt.facts)
        async with self.context.limits.slot(self.account, self.planned.capabilities):
            if attempt.phase in (Phase.INTENDED, Phase.UNKNOWN):
                settled = await self._submission.settled(attempt)
                if settled is None:
                    return await self._anew(inside_slot=True)
                attempt = settled
            if attempt.phase is Phase.SUBMITTED:
                try:
                    attempt = await self._collection.ready(attempt)
                except TaskFailed:
                    ended = await self.context.journal.soon(known(self.planned.key))
                    if ended is None or ended.at_risk != 0:
                        raise
                    # It failed for an earlier run, and cost nothing: that run's failure is not this one's.
                    return await self._anew(inside_slot=True)
            try:
                return await self._collection.fetched(attempt, prepared)
            except GoneError as gone:
                if attempt.reserved != 0:
                    raise await self._lost(attempt, gone) from gone
                await self.move(attempt, Phase.FAILED, note=str(gone), cost=gone.cost)
        return await self._anew()

    async def _anew(self, *, inside_slot: bool = False) -> Attempt:
        prepared = await self.begin()
        if inside_slot:
            return await self._submitted_and_fetched(prepared)
        async with self.context.limits.slot(self.account, self.planned.capabilities):
            return await self._submitted_and_fetched(prepared)

    async def _submitted_and_fetched(self, prepared: PreparedInput) -> Attempt:
        attempt = await self._made(prepared)
        try:
            return await self._collection.fetched(attempt, prepared)
        except GoneError as gone:
            raise await self._lost(attempt, gone) from gone

    async def _lost(self, attempt: Attempt, gone: GoneError) -> ShotError:
        return lost(self.planned, await self.move(attempt, Phase.LOST, note=str(gone), cost=gone.cost))

    async def _made(self, prepared: PreparedInput) -> Attempt:
        """Submit and wait; what failed by chance and cost nothing is asked for again, a few times."""
        for failures in itertools.count(1):
            try:
                return await self._collection.ready(await self._submission.submitted(prepared))
            except TaskFailed as failed:
                if failures > min(failed.max_retries, self.context.retries):
                    raise
                self.tell(EventKind.SHOT_PROGRESS, f"asked for again: {failed.line}")
                await asyncio.sleep(_AFTER_CHANCE_S * random.uniform(0.5, 1.0) * failures)
                if prepared.hosted is not None:
                    # Its picture may be what failed: it is looked at again before it is paid for again.
                    self.services.hosting.doubt(prepared.hosted)
        raise AssertionError("counting has no end")

    def _check_account(self, attempt: Attempt) -> None:
        if attempt.account != self.account:
            raise ShotError(
                "this shot was submitted with another account's key",
                where=self.planned.name,
                why=f"{attempt.generator} task {attempt.task or 'of unknown outcome'} belongs to account "
                f"{attempt.account}, the key in use to {self.account}",
                hint="run again with the first key; or give that attempt up: "
                + self.context.command("journal", "resolve", attempt.token, "--abandon"),
            )
