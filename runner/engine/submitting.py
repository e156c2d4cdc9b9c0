"""Sending one request, so that its answer is noted whatever happens, and never sending it twice by accident."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.api import EventKind, Idempotency, TaskRef
from runner.engine import kill_points
from runner.engine.plugin_calls import asked, shielded
from runner.engine.step import PreparedInput, Step, in_micros
from runner.errors import Busy, JournalError, OutcomeUnknown, SubmitRefused, SubmitUnknown, UploadError
from runner.redaction import hidden_value
from runner.store.attempt import Attempt, Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


_BUSY_TRIES: Final = 8
_LONGEST_WAIT_S: Final = 120.0  # whatever a provider, or something in between, asks for


@dataclass(frozen=True, slots=True)
class Submission(Step):
    """From an intent to a task id. `begin` makes the first frame ready to be fetched."""

    begin: Callable[[], Awaitable[PreparedInput]]

    async def submitted(self, prepared: PreparedInput) -> Attempt:
        """Submit, waiting out a busy provider. Every try is an attempt of its own."""
        pause = 1.0
        for left in range(_BUSY_TRIES - 1, -1, -1):
            prepared = await self._sure(prepared)
            try:
                async with self.context.limits.submission(self.account, self.planned.capabilities):
                    return await self._submitted_once(prepared)
            except Busy as busy:
                if not left:
                    raise
                asked_s = busy.retry_after_s
                wait = pause * random.uniform(0.5, 1.0) if asked_s is None else min(asked_s, _LONGEST_WAIT_S)
                self.tell(EventKind.SHOT_PROGRESS, f"again in {wait:.0f} s: {busy.line}")
                await asyncio.sleep(wait)
                pause = min(pause * 2, 60.0)
        raise AssertionError("the last try returns or raises")

    async def _sure(self, prepared: PreparedInput) -> PreparedInput:
        """The beginning with an address that works now; begun anew where its picture cannot be hosted any more."""
        hosting = self.services.hosting if prepared.hosted is not None else None
        if (
            hosting is None
            or prepared.hosted is None
            or prepared.picture is None
            or hosting.sure(prepared.hosted)
        ):
            return prepared
        try:
            hosted = await hosting.hosted(prepared.picture, self.planned.image_input.reach)
        except UploadError:
            return await self.begin()
        return dataclasses.replace(prepared, hosted=hosted)

    async def _submitted_once(self, prepared: PreparedInput) -> Attempt:
        planned, context = self.planned, self.context
        kill_points.reach("before_intent")
        attempt = Attempt(
            token=uuid.uuid4().hex,
            key=planned.key,
            scope=context.scope,
            project=planned.request.project,
            sequence=planned.sequence,
            shot=planned.shot.name,
            generator=planned.shot.generator.spec.name,
            model=planned.request.model or "",
            account=self.account,
            phase=Phase.INTENDED,
            reserved=in_micros(planned.price.usd if planned.price else None),
            facts=prepared.facts,
            identity=hidden_value(dict(planned.identity)),
        )
        await context.journal.soon(context.journal.intend(attempt, context.budget))
        return await shielded(self._sent(attempt, prepared))

    async def _sent(self, attempt: Attempt, prepared: PreparedInput) -> Attempt:
        """Send one request. Shielded: once it is out, its answer is waited for and noted, whatever happens."""
        kill_points.reach("after_intent")
        self.tell(EventKind.SHOT_PROGRESS, "submitting")
        try:
            ref = await self._submit(attempt.token, prepared)
        except SubmitUnknown as error:
            if attempt.reserved == 0:
                await self.move(attempt, Phase.ABANDONED, cost=0, note=error.line)
                raise
            attempt = await self.move(attempt, Phase.UNKNOWN, note=error.line)
            settled = await self.settled(attempt, earlier=False)
            if settled is None:
                raise Busy("the request did not arrive", where=self.planned.name) from error
            return settled
        except SubmitRefused as error:
            await self.move(attempt, Phase.REFUSED, cost=0, note=error.line)
            raise
        kill_points.reach("after_submit")
        return await self._accepted(attempt, ref)

    async def _submit(self, token: str, prepared: PreparedInput) -> TaskRef:
        request = dataclasses.replace(self.planned.request, image=prepared.hosted)
        try:
            async with asyncio.timeout(self.context.submit_timeout_s):
                return await asked(self.planned, "submit", self.generator.submit(request, token))
        except TimeoutError as error:
            raise SubmitUnknown(
                "the provider did not answer the request",
                where=self.planned.name,
                why=f"not within {self.context.submit_timeout_s:g} s",
            ) from error

    async def _accepted(self, attempt: Attempt, ref: TaskRef) -> Attempt:
        try:
            moved = await self.move(attempt, Phase.SUBMITTED, task=ref.id)
        except JournalError as error:
            # Nobody but this message knows the id now.
            error.hint = f"{error.hint}; then note the task that was made: " + self.context.command(
                "journal", "resolve", attempt.token, "--submitted", ref.id
            )
            raise
        kill_points.reach("after_task_id")
        self.tell(EventKind.SHOT_SUBMITTED, f"task {ref.id}")
        return moved

    async def settled(self, attempt: Attempt, *, earlier: bool = True) -> Attempt | None:
        """Find out what became of a request without an answer; `None` when it was certainly not taken.

        `earlier` says that another run sent it. Raises `OutcomeUnknown` where only a person can tell.
        """
        caps = self.planned.capabilities
        if caps.billing.lookup:
            finding = getattr(self.generator, "lookup")  # noqa: B009 - optional, announced by the capabilities
            ref: TaskRef | None = await asked(self.planned, "lookup", finding(attempt.token))
            if ref is not None:
                return await self._accepted(attempt, ref)
            await self.move(attempt, Phase.REFUSED, cost=0, note="the provider does not know it")
            return None
        if caps.billing.idempotency is Idempotency.KEY:
            prepared = await self.begin()
            try:
                return await self._accepted(attempt, await self._submit(attempt.token, prepared))
            except (SubmitRefused, SubmitUnknown) as error:
                # A no to the repetition (busy, no credit left) says nothing about the first request.
                note = f"its repetition failed: {error.line}"
                unknown = await self.move(attempt, Phase.UNKNOWN, note=note)
                raise self._unknown(unknown, earlier=earlier) from error
        if attempt.reserved == 0:
            await self.move(attempt, Phase.ABANDONED, cost=0, note="free")
            return None
        await self.move(attempt, Phase.UNKNOWN)
        raise self._unknown(attempt, earlier=earlier)

    def _unknown(self, attempt: Attempt, *, earlier: bool) -> OutcomeUnknown:
        request = "an earlier request" if earlier else "the request"
        answers = (("--submitted", "TASKID"), ("--not-submitted",), ("--abandon",))
        commands = (self.context.command("journal", "resolve", attempt.token, *answer) for answer in answers)
        return OutcomeUnknown(
            f"nobody knows whether the provider took {request} for this shot",
            where=self.planned.name,
            why=f"{attempt.note or 'the run ended before the answer came'}; it is not sent again, so as not to pay "
            "twice",
            hint="\n".join(("look it up at the provider, then one of", *commands)),
        )
