"""One shot from its first frame to a checked clip in the run folder."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from runner.api import Event, EventKind, State
from runner.engine import arrival
from runner.engine.outcome import Ending, ShotOutcome
from runner.engine.picture import FirstFrames
from runner.engine.sink import FileSink
from runner.errors import (
    FetchFailed,
    RunnerError,
    ShotError,
    SubmitRefused,
    TaskFailed,
    TaskTimeout,
)
from runner.report.folder import move_into_place

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from runner.api import Generator, Hosted, Status
    from runner.engine.events import Bus
    from runner.engine.past import Past
    from runner.engine.picture import FirstFrame
    from runner.engine.services import Services
    from runner.plan import Plan, PlannedSequence, PlannedShot
    from runner.report.folder import RunFolder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ShotMaker:
    """Makes the shots of one sequence. `make` never raises but for cancellation."""

    plan: Plan
    sequence: PlannedSequence
    folder: RunFolder
    past: Past
    bus: Bus
    services: Services

    async def make(self, planned: PlannedShot, before: ShotOutcome | None, began: float) -> ShotOutcome:
        """Reuse or make one clip. `before` is the outcome of the shot it chains from."""
        known = await asyncio.to_thread(self.past.shot, planned)
        if known is not None:
            self._tell(planned, EventKind.SHOT_REUSED, "made by an earlier run")
            return known
        try:
            outcome = await self._made(planned, before)
        except RunnerError as error:
            self._tell(planned, EventKind.SHOT_FAILED, error.line)
            return ShotOutcome(
                planned=planned, ending=Ending.FAILED, error=error, elapsed_s=time.monotonic() - began
            )
        elapsed = time.monotonic() - began
        for warning in outcome.warnings:
            self._tell(planned, EventKind.SHOT_WARNED, warning)
        self.bus.tell(
            Event(
                kind=EventKind.SHOT_FINISHED,
                sequence=planned.sequence,
                shot=planned.shot.name,
                detail={"elapsed_s": round(elapsed, 3), "path": outcome.clip.path if outcome.clip else None},
            )
        )
        return dataclasses.replace(outcome, elapsed_s=elapsed)

    async def _made(self, planned: PlannedShot, before: ShotOutcome | None) -> ShotOutcome:
        first: FirstFrame | None = None
        fell_back = ""
        try:
            first = await FirstFrames(self.sequence, self.folder, self.services, self.bus).of(planned, before)
        except RunnerError as error:
            fell_back = self._fallback(planned, error)
        clip, task = await self._generated(planned, first.hosted if first else None)
        target = self.folder.clip(self.sequence, planned)
        try:
            looked = await asyncio.to_thread(arrival.look, clip, planned, first.rgb if first else None)
            await asyncio.to_thread(move_into_place, clip.path, target)
        except OSError as error:
            raise ShotError("the clip cannot be written", where=str(target), why=str(error)) from error
        return ShotOutcome(
            planned=planned,
            ending=Ending.DONE,
            how="image" if first else "text",
            clip=dataclasses.replace(looked.artifact, path=self.folder.relative(target)),
            first_frame=first.handed_over if first else None,
            adherence=looked.adherence,
            fell_back=fell_back,
            warnings=looked.warnings,
            task=task,
        )

    def _fallback(self, planned: PlannedShot, error: RunnerError) -> str:
        """Say why the shot goes on without its first frame; raise where it may not."""
        if self.plan.project.continuity.fallback == "none" or not planned.capabilities.text:
            if not error.hint:
                error.hint = (
                    "run the same command again; or continuity.fallback=text_to_video goes on without it"
                )
            raise error
        self._tell(planned, EventKind.SHOT_FELL_BACK, f"made from its prompt alone: {error.line}")
        return error.line

    async def _generated(self, planned: PlannedShot, image: Hosted | None) -> tuple[FileSink, str]:
        generator = self.services.generator(planned.shot.generator.label)
        request = dataclasses.replace(planned.request, image=image)
        token = f"{planned.key[:32]}-{planned.request.take}"
        self._tell(planned, EventKind.SHOT_PROGRESS, "submitting")
        task = await self._asked(planned, "submit", generator.submit(request, token))
        self._tell(planned, EventKind.SHOT_SUBMITTED, f"task {task.id}")
        status = await self._finished(planned, generator, task)
        self._tell(planned, EventKind.SHOT_FETCHING)
        sink = FileSink(self.folder.work / f"{planned.key}.mp4")
        try:
            await self._asked(planned, "fetch", generator.fetch(status, sink))
        finally:
            sink.close()
        sink.check()
        return sink, task.id

    async def _finished(self, planned: PlannedShot, generator: Generator, task: object) -> Status:
        """Poll at growing intervals until the task ends."""
        pause, limit = planned.capabilities.poll_s.low, self.plan.project.limits.task_timeout_s
        deadline = time.monotonic() + limit
        while True:
            status = await self._asked(planned, "poll", generator.poll(task))  # type: ignore[arg-type]
            if status.state is State.SUCCEEDED:
                return status
            if status.state is State.FAILED:
                raise TaskFailed(
                    f"{planned.shot.generator.spec.name} gave up",
                    where=planned.name,
                    why=status.reason or "it gives no reason",
                    hint="run the same command again, or change the prompt",
                )
            self.bus.tell(
                Event(
                    kind=EventKind.SHOT_PROGRESS,
                    sequence=planned.sequence,
                    shot=planned.shot.name,
                    message=str(status.state),
                    progress=status.progress,
                )
            )
            left = deadline - time.monotonic()
            if left <= 0:
                raise TaskTimeout(
                    f"{planned.shot.generator.spec.name} is not done after {limit:g} s",
                    where=planned.name,
                    hint="give it longer: limits.task_timeout_s=SECONDS",
                )
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.25, planned.capabilities.poll_s.high)

    async def _asked(self, planned: PlannedShot, step: str, call: Awaitable[T]) -> T:
        """Await one call of the generator; what it raises becomes an error that names the shot."""
        try:
            return await call
        except RunnerError as error:
            error.where = error.where or planned.name
            raise
        except Exception as error:
            kind = {"submit": SubmitRefused, "fetch": FetchFailed}.get(step, ShotError)
            raise kind(
                f"generator {planned.shot.generator.spec.name} broke off in {step}",
                where=planned.name,
                why=f"{type(error).__name__}: {error}",
                hint="--debug shows where; runner.log holds the details",
            ) from error

    def _tell(self, planned: PlannedShot, kind: EventKind, message: str = "") -> None:
        self.bus.tell(Event(kind=kind, sequence=planned.sequence, shot=planned.shot.name, message=message))
