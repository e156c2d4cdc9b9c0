"""The way of one clip from a request to a file in the store, such that it is paid for once.

    intend -> submit -> task id -> poll -> ready -> fetch, look -> store -> fetched

Each arrow is in the journal before the next step is taken, so that a run that dies anywhere goes on from there.
Plugins do the talking; everything that money hangs on is here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runner.api import EventKind, Idempotency, Result, State, Status, TaskRef
from runner.engine import faults
from runner.engine.asking import asked, shielded
from runner.engine.sink import FileSink
from runner.errors import (
    BadClip,
    Busy,
    FetchFailed,
    OutcomeUnknown,
    RunnerError,
    ShotError,
    SubmitRefused,
    SubmitUnknown,
    TaskFailed,
    TaskTimeout,
)
from runner.store.attempt import OPEN, Attempt, Phase
from runner.store.budget import MICROS
from runner.store.claims import claim, release
from runner.store.journal import known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from decimal import Decimal

    from runner.api import JSON, Generator, Hosted
    from runner.engine.arrival import Arrival
    from runner.engine.ledger import Ledger
    from runner.engine.services import Services
    from runner.plan import PlannedShot

_BUSY_TRIES: Final = 8
_FETCH_TRIES: Final = 3
_DEAF_POLLS: Final = 8
_WAIT_FOR_OTHERS_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Begun:
    """What a shot starts from: the hosted picture for the provider, and what is to be remembered of it.

    `rgb` is what the clip's first frame will be compared with.
    """

    hosted: Hosted | None = None
    rgb: Any = None
    facts: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Gets clips. Raises `ShotError` and other `RunnerError`, in which case the journal says how far it got."""

    ledger: Ledger
    services: Services

    async def clip(
        self,
        planned: PlannedShot,
        begin: Callable[[], Awaitable[Begun]],
        resume: Callable[[Mapping[str, JSON]], Awaitable[Begun]],
        look: Callable[[FileSink, Any], Arrival],
    ) -> tuple[Attempt, bool]:
        """The fetched attempt of a shot, and whether it was there before. Joins whoever is at work on it already."""
        found = await self._there(planned)
        if found is not None:
            return found, True
        ledger = self.ledger
        async with ledger.turn(planned.key):
            await self._claimed(planned)
            try:
                found = await self._there(planned)
                if found is not None:
                    return found, True
                work = _Work(self.ledger, self.services, planned, begin, resume, look)
                return await work.done(), False
            finally:
                await shielded(ledger.journal.soon(release(planned.key, ledger.owner)))

    async def _there(self, planned: PlannedShot) -> Attempt | None:
        attempt = await self.ledger.journal.soon(known(planned.key))
        if attempt is None or attempt.phase is not Phase.FETCHED:
            return None
        whole = await asyncio.to_thread(self.ledger.objects.whole, attempt.digest)
        return attempt if whole else None

    async def _claimed(self, planned: PlannedShot) -> None:
        """Wait until no other process works on this shot."""
        ledger, told = self.ledger, False
        while not await ledger.journal.soon(claim(planned.key, ledger.owner, ledger.clock())):
            if not told:
                ledger.tell(planned, EventKind.SHOT_PROGRESS, "waiting for another run that is making it")
                told = True
            await asyncio.sleep(_WAIT_FOR_OTHERS_S)


@dataclass(frozen=True, slots=True)
class _Work:
    """One shot that is ours to get."""

    ledger: Ledger
    services: Services
    planned: PlannedShot
    begin: Callable[[], Awaitable[Begun]]
    resume: Callable[[Mapping[str, JSON]], Awaitable[Begun]]
    look: Callable[[FileSink, Any], Arrival]

    @property
    def generator(self) -> Generator:
        return self.services.generator(self.planned.shot.generator.label)

    @property
    def account(self) -> str:
        return fingerprint(self.planned)

    async def done(self) -> Attempt:
        """Go on from where the journal says the shot is."""
        attempt = await self.ledger.journal.soon(known(self.planned.key))
        if attempt is None or attempt.phase in (Phase.REFUSED, Phase.FAILED, Phase.ABANDONED):
            return await self._anew()
        self._check_account(attempt)
        if attempt.phase is Phase.LOST:
            raise _lost(self.planned, attempt)
        begun = await self.resume(attempt.facts)
        async with self.ledger.limits.slot(self.account, self.planned.capabilities):
            if attempt.phase in (Phase.INTENDED, Phase.UNKNOWN):
                settled = await self._settled(attempt)
                if settled is None:
                    return await self._anew(inside_slot=True)
                attempt = settled
            if attempt.phase is Phase.SUBMITTED:
                try:
                    attempt = await self._ready(attempt)
                except TaskFailed:
                    if attempt.reserved != 0:
                        raise
                    return await self._anew(inside_slot=True)
            try:
                return await self._fetched(attempt, begun)
            except _GoneError as gone:
                if attempt.reserved != 0:
                    await self._move(attempt, Phase.LOST, note=str(gone))
                    raise _lost(self.planned, attempt) from gone
                await self._move(attempt, Phase.FAILED, note=str(gone))
        return await self._anew()

    # --- a new attempt ----------------------------------------------------------------------------------------

    async def _anew(self, *, inside_slot: bool = False) -> Attempt:
        begun = await self.begin()
        if inside_slot:
            return await self._submitted_and_fetched(begun)
        async with self.ledger.limits.slot(self.account, self.planned.capabilities):
            return await self._submitted_and_fetched(begun)

    async def _submitted_and_fetched(self, begun: Begun) -> Attempt:
        attempt = await self._ready(await self._submitted(begun))
        try:
            return await self._fetched(attempt, begun)
        except _GoneError as gone:
            await self._move(attempt, Phase.LOST, note=str(gone))
            raise _lost(self.planned, attempt) from gone

    async def _submitted(self, begun: Begun) -> Attempt:
        """Submit, waiting out a busy provider. Every try is an attempt of its own."""
        pause = 1.0
        for left in range(_BUSY_TRIES - 1, -1, -1):
            await self.ledger.limits.start(self.account, self.planned.capabilities)
            try:
                return await self._submitted_once(begun)
            except Busy as busy:
                if not left:
                    raise
                wait = (
                    busy.retry_after_s if busy.retry_after_s is not None else pause * random.uniform(0.5, 1.0)
                )
                self._tell(EventKind.SHOT_PROGRESS, f"busy, again in {wait:.0f} s")
                await asyncio.sleep(wait)
                pause = min(pause * 2, 60.0)
        raise AssertionError("the last try returns or raises")

    async def _submitted_once(self, begun: Begun) -> Attempt:
        planned, ledger = self.planned, self.ledger
        faults.reach("before_intent")
        attempt = Attempt(
            token=uuid.uuid4().hex,
            key=planned.key,
            scope=ledger.scope,
            project=planned.request.project,
            sequence=planned.sequence,
            shot=planned.shot.name,
            generator=planned.shot.generator.spec.name,
            model=planned.request.model or "",
            account=self.account,
            phase=Phase.INTENDED,
            reserved=_micros(planned.price.usd if planned.price else None),
            facts=begun.facts,
            identity=planned.identity,
        )
        await ledger.journal.soon(ledger.journal.intend(attempt, ledger.budget))
        return await shielded(self._sent(attempt, begun))

    async def _sent(self, attempt: Attempt, begun: Begun) -> Attempt:
        """Send one request. Shielded: once it is out, its answer is waited for and noted, whatever happens."""
        faults.reach("after_intent")
        self._tell(EventKind.SHOT_PROGRESS, "submitting")
        try:
            ref = await self._submit(attempt.token, begun)
        except SubmitUnknown as error:
            if attempt.reserved == 0:
                await self._move(attempt, Phase.ABANDONED, cost=0, note=error.line)
                raise
            await self._move(attempt, Phase.UNKNOWN, note=error.line)
            settled = await self._settled(attempt)
            if settled is None:
                raise Busy("the request did not arrive", where=self.planned.name) from error
            return settled
        except SubmitRefused as error:
            await self._move(attempt, Phase.REFUSED, cost=0, note=error.line)
            raise
        faults.reach("after_submit")
        return await self._accepted(attempt, ref)

    async def _submit(self, token: str, begun: Begun) -> TaskRef:
        request = dataclasses.replace(self.planned.request, image=begun.hosted)
        try:
            async with asyncio.timeout(self.ledger.submit_timeout_s):
                return await asked(self.planned, "submit", self.generator.submit(request, token))
        except TimeoutError as error:
            raise SubmitUnknown(
                "the provider did not answer the request",
                where=self.planned.name,
                why=f"not within {self.ledger.submit_timeout_s:g} s",
            ) from error

    async def _accepted(self, attempt: Attempt, ref: TaskRef) -> Attempt:
        moved = await self._move(attempt, Phase.SUBMITTED, task=ref.id)
        faults.reach("after_task_id")
        self._tell(EventKind.SHOT_SUBMITTED, f"task {ref.id}")
        return moved

    async def _settled(self, attempt: Attempt) -> Attempt | None:
        """Find out what became of a request without an answer; `None` when it was certainly not taken.

        Raises `OutcomeUnknown` where only a person can tell.
        """
        able = self.planned.capabilities
        if able.finds:
            finding = getattr(self.generator, "find")  # noqa: B009 - optional, announced by the capabilities
            ref: TaskRef | None = await asked(self.planned, "find", finding(attempt.token))
            if ref is not None:
                return await self._accepted(attempt, ref)
            await self._move(attempt, Phase.REFUSED, cost=0, note="the provider does not know it")
            return None
        if able.idempotency is Idempotency.KEY:
            begun = await self.begin()
            try:
                return await self._accepted(attempt, await self._submit(attempt.token, begun))
            except SubmitRefused as error:
                await self._move(attempt, Phase.REFUSED, cost=0, note=error.line)
                raise
            except SubmitUnknown as error:
                raise _unknown(self.planned, attempt, self.ledger) from error
        if attempt.reserved == 0:
            await self._move(attempt, Phase.ABANDONED, cost=0, note="free")
            return None
        await self._move(attempt, Phase.UNKNOWN)
        raise _unknown(self.planned, attempt, self.ledger)

    # --- waiting and fetching ---------------------------------------------------------------------------------

    async def _ready(self, attempt: Attempt) -> Attempt:
        """Poll until the task ends. A deadline leaves the task where it is, to be picked up again."""
        limit = self.ledger.task_timeout_s
        pause, deadline, deaf = self.planned.capabilities.poll_s.low, time.monotonic() + limit, 0
        while True:
            try:
                status = await asked(self.planned, "poll", self.generator.poll(TaskRef(attempt.task)))
            except RunnerError as error:
                deaf += 1
                if deaf >= _DEAF_POLLS or not isinstance(error, ShotError):
                    raise
                status = Status(state=State.RUNNING)
            else:
                deaf = 0
            if status.state is State.SUCCEEDED:
                return await self._noted_ready(attempt, status)
            if status.state is State.FAILED:
                await self._move(attempt, Phase.FAILED, cost=self._cost(attempt, status), note=status.reason)
                raise TaskFailed(
                    f"{attempt.generator} gave up",
                    where=self.planned.name,
                    why=status.reason or "it gives no reason",
                    hint="run the same command again, or change the prompt",
                )
            self._tell(EventKind.SHOT_PROGRESS, str(status.state), status.progress)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TaskTimeout(
                    f"{attempt.generator} is not done after {limit:g} s",
                    where=self.planned.name,
                    why=f"task {attempt.task} goes on there",
                    hint="run the same command again to pick it up; or wait longer: limits.task_timeout_s=SECONDS",
                )
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.25, self.planned.capabilities.poll_s.high)

    async def _noted_ready(self, attempt: Attempt, status: Status) -> Attempt:
        results = tuple(
            (result.url, result.expires_at.isoformat() if result.expires_at else "")
            for result in status.results
        )
        # Where the provider does not say what it took, the price that was reserved is what was paid.
        cost = self._cost(attempt, status)
        cost = attempt.reserved if cost is None else cost
        moved = await self._move(attempt, Phase.READY, results=results, cost=cost)
        faults.reach("after_ready")
        return moved

    async def _fetched(self, attempt: Attempt, begun: Begun) -> Attempt:
        """Fetch, look, store. What arrives damaged is fetched again, with addresses asked for again."""
        self._tell(EventKind.SHOT_FETCHING)
        for left in range(_FETCH_TRIES - 1, -1, -1):
            status = Status(
                state=State.SUCCEEDED,
                results=tuple(Result(url) for url, _ in attempt.results),
            )
            sink = FileSink(self.ledger.work / f"{attempt.token}.mp4")
            try:
                arrival = await self._arrived(status, sink, begun)
                return await self._kept(attempt, sink, arrival)
            except (FetchFailed, BadClip) as error:
                attempt = await self._asked_again(attempt, error)
                if not left:
                    error.hint = (
                        "run the same command again: fetching is free. To pay for another one instead: "
                        f"{self.ledger.command('journal', 'resolve', attempt.token, '--abandon')}"
                    )
                    raise
                await asyncio.sleep(0.5)
        raise AssertionError("the last try returns or raises")

    async def _arrived(self, status: Status, sink: FileSink, begun: Begun) -> Arrival:
        faults.reach("during_fetch")
        try:
            await asked(self.planned, "fetch", self.generator.fetch(status, sink))
        finally:
            sink.close()
        sink.check()
        faults.reach("after_fetch")
        return await asyncio.to_thread(self.look, sink, begun.rgb)

    async def _kept(self, attempt: Attempt, sink: FileSink, arrival: Arrival) -> Attempt:
        digest = arrival.artifact.sha256
        await asyncio.to_thread(self.ledger.objects.put, sink.path, digest)
        faults.reach("after_store")
        facts = {
            **attempt.facts,
            "clip": {"bytes": arrival.artifact.bytes, "facts": dict(arrival.artifact.facts)},
            "adherence": dict(arrival.adherence) if arrival.adherence is not None else None,
            "warnings": list(arrival.warnings),
        }
        moved = await self._move(attempt, Phase.FETCHED, digest=digest, facts=facts)
        faults.reach("after_fetched")
        return moved

    async def _asked_again(self, attempt: Attempt, error: RunnerError) -> Attempt:
        """Ask the task for fresh addresses. Raises `_GoneError` when the provider has it no more."""
        try:
            status = await asked(self.planned, "poll", self.generator.poll(TaskRef(attempt.task)))
        except ShotError:
            return attempt
        if status.state is State.FAILED:
            raise _GoneError(f"{error.line}; {status.reason}") from error
        if status.state is State.SUCCEEDED and status.results:
            return await self._noted_ready(attempt, status)
        return attempt

    # --- bookkeeping ------------------------------------------------------------------------------------------

    async def _move(self, attempt: Attempt, phase: Phase, **changes: Any) -> Attempt:
        await self.ledger.journal.soon(self.ledger.journal.move(attempt.token, phase, **changes))
        return dataclasses.replace(attempt, phase=phase, **changes)

    def _cost(self, attempt: Attempt, status: Status) -> int | None:
        return _micros(status.cost_usd) if status.cost_usd is not None else attempt.cost

    def _check_account(self, attempt: Attempt) -> None:
        if attempt.phase in OPEN and attempt.account != self.account:
            raise ShotError(
                "this shot was submitted with another account's key",
                where=self.planned.name,
                why=f"{attempt.generator} task {attempt.task or 'of unknown outcome'} belongs to account "
                f"{attempt.account}, the key in use to {self.account}",
                hint="run again with the first key; or give that attempt up: "
                + self.ledger.command("journal", "resolve", attempt.token, "--abandon"),
            )

    def _tell(self, kind: EventKind, message: str = "", progress: float | None = None) -> None:
        self.ledger.tell(self.planned, kind, message, progress)


class _GoneError(Exception):
    """The provider has a finished clip no more."""


def fingerprint(planned: PlannedShot) -> str:
    """What tells one paying account from another, without giving its key away."""
    choice = planned.shot.generator
    secret = choice.spec.account(choice.options) if choice.spec.account else ""
    return hashlib.sha256(f"{choice.spec.name}\0{secret}".encode()).hexdigest()[:12]


def _micros(usd: Decimal | None) -> int | None:
    return None if usd is None else round(usd * MICROS)


def _unknown(planned: PlannedShot, attempt: Attempt, ledger: Ledger) -> OutcomeUnknown:
    command = ledger.command("journal", "resolve", attempt.token)
    return OutcomeUnknown(
        "nobody knows whether the provider took an earlier request for this shot",
        where=planned.name,
        why=f"{attempt.note or 'the run ended before the answer came'}; it is not sent again, so as not to pay twice",
        hint=f"look it up at the provider, then: {command} --submitted TASKID | --not-submitted | --abandon",
    )


def _lost(planned: PlannedShot, attempt: Attempt) -> ShotError:
    return ShotError(
        "the clip was paid for, and is neither in the store nor at the provider any more",
        where=planned.name,
        why=f"task {attempt.task}: {attempt.note or 'the provider does not have it'}",
        hint=f"ask for another one: {planned.shot.at}.take={planned.request.take + 1}",
    )


__all__ = ["Attempts", "Begun", "fingerprint"]
