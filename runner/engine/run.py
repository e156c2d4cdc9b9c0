"""Runs a plan: chains side by side, the shots of a chain one after the other, films when their shots are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runner import contract
from runner.api import EventKind
from runner.engine.film import make_film
from runner.engine.image_cleanup import clean_up
from runner.engine.shot import make_shot
from runner.kinds import Kind
from runner.outputs.outcome import Ending, FilmOutcome, RunOutcome, ShotOutcome

if TYPE_CHECKING:
    from runner.engine.run_context import RunContext
    from runner.outputs.film_cache import FilmCache
    from runner.planning.plan import PlannedSequence, PlannedShot


async def execute(run: RunContext, films: FilmCache) -> RunOutcome:
    """Carry the plan out. A cancellation ends it early with what is there by then; it does not raise.

    Raises `RunnerError` when a plugin cannot be started: nothing was requested of a provider then.
    """
    made = _Made()
    run.bus.run_event(EventKind.RUN_STARTED, project=run.plan.project.name, key=run.plan.key)
    interrupted = False
    notes: tuple[str, ...] = ()
    try:
        await _start_plugins(run)
        async with asyncio.TaskGroup() as sequences:
            for sequence in run.plan.sequences:
                sequences.create_task(_sequence(run, sequence, films, made))
    except asyncio.CancelledError:
        interrupted = True
        _uncancel()
    try:
        notes = await clean_up(run)
    except asyncio.CancelledError:
        interrupted = True
    for note in notes:
        run.bus.run_event(EventKind.RUN_WARNED, note)
    outcome = RunOutcome(
        plan=run.plan,
        shots=tuple(made.shot(shot) for shot in run.plan.shots),
        films=tuple(made.film(run, sequence) for sequence in run.plan.sequences),
        interrupted=interrupted,
        notes=notes,
    )
    run.bus.run_event(EventKind.RUN_FINISHED, exit_code=outcome.exit_code)
    return outcome


def _uncancel() -> None:
    """The cancellation has done its work: what follows is not to be cut short by it."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


class _Made:
    """The outcomes of one run as they come in."""

    def __init__(self) -> None:
        self.shots: dict[str, ShotOutcome] = {}
        self.films: dict[str, FilmOutcome] = {}

    def shot(self, planned: PlannedShot) -> ShotOutcome:
        interrupted = ShotOutcome(
            planned=planned, ending=Ending.INTERRUPTED, reason="the run was interrupted"
        )
        return self.shots.get(planned.name, interrupted)

    def film(self, run: RunContext, sequence: PlannedSequence) -> FilmOutcome:
        reason = "the run was interrupted" if run.plan.project.film.join else "not requested"
        return self.films.get(sequence.name, FilmOutcome(sequence=sequence, reason=reason))


async def _start_plugins(run: RunContext) -> None:
    """Build what the plan needs, before anything is requested of a provider."""
    project, resources = run.plan.project, run.resources
    for planned in run.plan.shots:
        choice = planned.shot.generator
        generator = await resources.plugins.generator(choice)
        promised = contract.promised(planned.capabilities)
        contract.check_methods(Kind.GENERATOR, choice.spec.name, generator, promised)
    if any(planned.previous is not None for planned in run.plan.shots):
        await resources.plugins.extractor(project.extractor)
    if run.plan.needs_uploader:
        await resources.plugins.hosting(project, run.plan.key)


async def _sequence(run: RunContext, sequence: PlannedSequence, films: FilmCache, made: _Made) -> None:
    async with asyncio.TaskGroup() as chains:
        for chain in sequence.chains:
            chains.create_task(_chain(run, sequence, chain, made))
    if not run.plan.project.film.join:
        return
    outcomes = [made.shots[shot.name] for shot in sequence.shots]
    missing = [outcome.planned.shot.name for outcome in outcomes if outcome.clip is None]
    if missing:
        reason = f"not joined: {', '.join(missing)} missing"
        made.films[sequence.name] = FilmOutcome(sequence=sequence, reason=reason)
        return
    made.films[sequence.name] = await make_film(run, sequence, outcomes, films)


async def _chain(
    run: RunContext, sequence: PlannedSequence, chain: tuple[PlannedShot, ...], made: _Made
) -> None:
    before: ShotOutcome | None = None
    for planned in chain:
        if before is not None and before.clip is None:
            reason = f"{before.planned.shot.name}, which it starts from, was not generated"
            run.bus.shot_event(EventKind.SHOT_SKIPPED, planned, reason)
            before = ShotOutcome(planned=planned, ending=Ending.SKIPPED, reason=reason)
        else:
            before = await make_shot(run, sequence, planned, before)
        made.shots[planned.name] = before
