"""Runs a plan: chains side by side, the shots of a chain one after the other, films when their shots are there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.api import Event, EventKind
from runner.engine.film import make_film
from runner.engine.image_cleanup import clear
from runner.engine.services import Services
from runner.engine.shot import ShotMaker
from runner.outputs.outcome import Ending, FilmOutcome, RunOutcome, ShotOutcome

if TYPE_CHECKING:
    from runner.engine.run_context import RunContext
    from runner.outputs.film_cache import FilmCache
    from runner.outputs.folder import RunFolder
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot


async def execute(plan: Plan, folder: RunFolder, past: FilmCache, context: RunContext) -> RunOutcome:
    """Carry the plan out. A cancellation ends it early with what was made so far; it does not raise.

    Raises `RunnerError` when a plugin cannot be started: nothing was asked of a provider then.
    """
    run, bus = _Run(plan, folder, past, context), context.bus
    bus.tell(Event(kind=EventKind.RUN_STARTED, detail={"project": plan.project.name, "key": plan.key}))
    try:
        async with Services(plan, folder.work) as services, context.alive():
            outcome = await run.with_services(services)
    except asyncio.CancelledError:
        # While plugins were being started or stopped: what was made until then still counts.
        outcome = run.outcome(interrupted=True)
    bus.tell(Event(kind=EventKind.RUN_FINISHED, detail={"exit_code": outcome.exit_code}))
    return outcome


class _Run:
    """One execution, and the outcomes as they come in."""

    def __init__(self, plan: Plan, folder: RunFolder, past: FilmCache, context: RunContext) -> None:
        self.plan = plan
        self.folder = folder
        self.past = past
        self.context = context
        self.bus = context.bus
        self.shots: dict[str, ShotOutcome] = {}
        self.films: dict[str, FilmOutcome] = {}

    async def with_services(self, services: Services) -> RunOutcome:
        interrupted = False
        try:
            async with asyncio.TaskGroup() as sequences:
                for sequence in self.plan.sequences:
                    sequences.create_task(self._sequence(sequence, services))
        except asyncio.CancelledError:
            interrupted = True
        notes = await clear(self.plan, self.context, services)
        for note in notes:
            self.bus.tell(Event(kind=EventKind.RUN_WARNED, message=note))
        return replace(self.outcome(interrupted=interrupted), notes=notes)

    def outcome(self, *, interrupted: bool) -> RunOutcome:
        """What became of everything so far."""
        return RunOutcome(
            plan=self.plan,
            shots=tuple(self._outcome(shot) for shot in self.plan.shots),
            films=tuple(self._film(sequence) for sequence in self.plan.sequences),
            interrupted=interrupted,
        )

    async def _sequence(self, sequence: PlannedSequence, services: Services) -> None:
        async with asyncio.TaskGroup() as chains:
            for chain in sequence.chains:
                chains.create_task(self._chain(sequence, chain, services))
        if not self.plan.project.film.join:
            return
        outcomes = [self.shots[shot.name] for shot in sequence.shots]
        missing = [outcome.planned.shot.name for outcome in outcomes if outcome.clip is None]
        if missing:
            self.films[sequence.name] = FilmOutcome(
                sequence=sequence, reason=f"not joined: {', '.join(missing)} missing"
            )
            return
        self.films[sequence.name] = await make_film(sequence, outcomes, self.folder, self.past, self.bus)

    async def _chain(
        self, sequence: PlannedSequence, chain: tuple[PlannedShot, ...], services: Services
    ) -> None:
        maker = ShotMaker(self.plan, sequence, self.folder, self.context, services)
        before: ShotOutcome | None = None
        for planned in chain:
            if before is not None and before.clip is None:
                reason = f"{before.planned.shot.name}, which it starts from, was not made"
                self.bus.tell(_event(planned, EventKind.SHOT_SKIPPED, reason))
                before = ShotOutcome(planned=planned, ending=Ending.SKIPPED, reason=reason)
            else:
                before = await maker.make(planned, before)
            self.shots[planned.name] = before

    def _outcome(self, planned: PlannedShot) -> ShotOutcome:
        interrupted = ShotOutcome(
            planned=planned, ending=Ending.INTERRUPTED, reason="the run was interrupted"
        )
        return self.shots.get(planned.name, interrupted)

    def _film(self, sequence: PlannedSequence) -> FilmOutcome:
        reason = "the run was interrupted" if self.plan.project.film.join else "not asked for"
        return self.films.get(sequence.name, FilmOutcome(sequence=sequence, reason=reason))


def _event(planned: PlannedShot, kind: EventKind, message: str) -> Event:
    return Event(kind=kind, sequence=planned.sequence, shot=planned.shot.name, message=message)
