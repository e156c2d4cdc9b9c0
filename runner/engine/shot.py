"""One shot from its first frame to a clip with its name in the run folder."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runner.api import Event, EventKind
from runner.config.project import Boundary
from runner.engine import arrival, kill_points
from runner.engine.attempts import Attempts
from runner.engine.first_frame import FirstFrames
from runner.engine.step import PreparedInput
from runner.errors import BudgetStop, MediaError, OutcomeUnknown, RunnerError, ShotError, UploadError
from runner.outputs.outcome import Artifact, Ending, ShotOutcome
from runner.planning.capability_checks import can_fall_back

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.api import JSON
    from runner.engine.run_context import RunContext
    from runner.engine.services import Services
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot
    from runner.store.attempt import Attempt


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShotMaker:
    """Makes the shots of one sequence. `make` never raises but for cancellation."""

    plan: Plan
    sequence: PlannedSequence
    folder: RunFolder
    context: RunContext
    services: Services

    async def make(self, planned: PlannedShot, before: ShotOutcome | None) -> ShotOutcome:
        """Reuse or make one clip. `before` is the outcome of the shot it chains from."""
        began = time.monotonic()
        try:
            outcome = await self._made(planned, before)
        except Exception as problem:
            error = problem if isinstance(problem, RunnerError) else _bug(planned, problem)
            self.context.tell(planned, EventKind.SHOT_FAILED, error.line)
            return ShotOutcome(
                planned=planned, ending=_ending(error), error=error, elapsed_s=time.monotonic() - began
            )
        if outcome.reused:
            self.context.tell(planned, EventKind.SHOT_REUSED, "paid for already")
            return outcome
        elapsed = time.monotonic() - began
        for warning in outcome.warnings:
            self.context.tell(planned, EventKind.SHOT_WARNED, warning)
        self.context.bus.tell(
            Event(
                kind=EventKind.SHOT_FINISHED,
                sequence=planned.sequence,
                shot=planned.shot.name,
                detail={"elapsed_s": round(elapsed, 3), "path": outcome.clip.path if outcome.clip else None},
            )
        )
        return replace(outcome, elapsed_s=elapsed)

    async def _made(self, planned: PlannedShot, before: ShotOutcome | None) -> ShotOutcome:
        first = _Beginning(self, planned, before)
        attempt, reused = await Attempts(self.context, self.services).clip(
            planned, first.begin, first.resume, lambda sink, rgb: arrival.look(sink, planned, rgb)
        )
        self._check_continuity(planned, attempt)
        target = self.folder.clip(self.sequence, planned)
        try:
            await asyncio.to_thread(self.context.objects.show, attempt.digest, target)
            frame = await asyncio.to_thread(self._shown_frame, planned, attempt)
        except OSError as error:
            raise ShotError(
                "the clip cannot be shown in the run folder", where=str(target), why=str(error)
            ) from error
        kill_points.reach("after_shown")
        return _outcome(planned, attempt, self.folder.relative(target), frame, reused=reused)

    def _check_continuity(self, planned: PlannedShot, attempt: Attempt) -> None:
        """A clip that an earlier run was content with may be none that this one accepts."""
        fell_back = attempt.facts.get("fell_back")
        if fell_back and self.plan.project.continuity.fallback == "none":
            again = f"{planned.shot.at}.take={planned.request.take + 1}"
            raise ShotError(
                "its clip was made from its prompt alone, by a run that allowed it",
                where=planned.name,
                why=str(fell_back),
                hint=f"pay for another one that starts from its frame: {again}\n"
                "or be content with it: continuity.fallback=text_to_video",
            )

    def _shown_frame(self, planned: PlannedShot, attempt: Attempt) -> Artifact | None:
        """The hand-over frame that this shot started from, under its name in the run folder."""
        found: Any = attempt.facts.get("first_frame")
        if not found or planned.previous is None:
            return None
        target = self.folder.frame(self.sequence, planned.previous, str(found["ending"]))
        if not self.context.objects.path(found["sha256"]).exists():
            return None
        self.context.objects.show(found["sha256"], target)
        return Artifact(
            path=self.folder.relative(target),
            sha256=found["sha256"],
            bytes=found["bytes"],
            facts=found["facts"],
        )


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The first frame of one shot: made when a request is about to go out, or only looked at again."""

    maker: ShotMaker
    planned: PlannedShot
    before: ShotOutcome | None

    @property
    def _frames(self) -> FirstFrames:
        maker = self.maker
        return FirstFrames(maker.sequence, maker.folder, maker.context, maker.services)

    async def begin(self) -> PreparedInput:
        """Extract and host the first frame; without one, go on from the prompt where that is allowed."""
        try:
            first = await self._frames.of(self.planned, self._clip)
        except (MediaError, UploadError) as error:
            error.where = error.where or self.planned.name
            return PreparedInput(facts={"how": "text", "fell_back": self._fallback(error)})
        if first is None:
            return PreparedInput(facts={"how": "text"})
        return PreparedInput(
            hosted=first.hosted,
            picture=first.picture,
            rgb=first.rgb,
            facts={"how": "image", "first_frame": first.remembered},
        )

    async def resume(self, facts: Mapping[str, JSON]) -> PreparedInput:
        """The picture that an earlier request went out with, to compare the clip with. Nothing is hosted."""
        if facts.get("how") != "image":
            return PreparedInput(facts=facts)
        try:
            rgb = await self._frames.again(self.planned, self._clip)
        except RunnerError:
            # The clip is paid for: it is kept, its seam unmeasured.
            rgb = None
        return PreparedInput(rgb=rgb, facts=facts)

    @property
    def _clip(self) -> Path | None:
        if self.before is None or self.before.clip is None:
            return None
        return self.maker.folder.path / self.before.clip.path

    def _fallback(self, error: RunnerError) -> str:
        """Say why the shot goes on without its first frame; raise where it may not.

        A picture that a person chose is what the shot is about: without it there is nothing worth paying for.
        """
        if self.planned.shot.boundary is Boundary.IMAGE:
            raise error
        if self.maker.plan.project.continuity.fallback == "none" or not can_fall_back(self.planned):
            if not error.hint:
                error.hint = (
                    "run the same command again; or continuity.fallback=text_to_video goes on without it"
                )
            raise error
        self.maker.context.tell(
            self.planned, EventKind.SHOT_FELL_BACK, f"made from its prompt alone: {error.line}"
        )
        return error.line


def _bug(planned: PlannedShot, problem: Exception) -> RunnerError:
    """A mistake of ours must not take the other chains with it."""
    _log.error("%s broke off", planned.name, exc_info=problem)
    return ShotError(
        "the runner itself broke off; this is a mistake in it",
        where=planned.name,
        why=f"{type(problem).__name__}: {problem}",
        hint="runner.log in the run folder shows where; the same command goes on from here",
    )


def _ending(error: RunnerError) -> Ending:
    if isinstance(error, OutcomeUnknown):
        return Ending.UNKNOWN
    return Ending.STOPPED if isinstance(error, BudgetStop) else Ending.FAILED


def _outcome(
    planned: PlannedShot, attempt: Attempt, path: str, frame: Artifact | None, *, reused: bool
) -> ShotOutcome:
    facts: Any = attempt.facts
    return ShotOutcome(
        planned=planned,
        ending=Ending.DONE,
        how=facts["how"],
        clip=Artifact(
            path=path, sha256=attempt.digest, bytes=facts["clip"]["bytes"], facts=facts["clip"]["facts"]
        ),
        first_frame=frame,
        adherence=facts.get("adherence"),
        fell_back=facts.get("fell_back", ""),
        warnings=tuple(facts.get("warnings", ())),
        reused=reused,
        task=attempt.task,
        cost=None if reused else attempt.at_risk,
    )
