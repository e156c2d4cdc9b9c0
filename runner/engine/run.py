"""Runs a plan: chains side by side, the shots of a chain one after the other, films when their shots are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine.beam import run_beam
from runner.engine.chain import Made, run_chain
from runner.engine.film import make_film, make_whole_film
from runner.engine.image_cleanup import clean_up
from runner.outputs.outcome import Ending, FilmOutcome, RunOutcome, ShotOutcome

if TYPE_CHECKING:
    from runner.engine.run_context import RunContext
    from runner.outputs.film_cache import FilmCache
    from runner.planning.plan import PlannedSequence, PlannedShot


async def execute(run: RunContext, films: FilmCache) -> RunOutcome:
    """Carry the plan out. A cancellation ends it early with what is there by then; it does not raise.

    Raises `RunnerError` when a plugin cannot be started: nothing was requested of a provider then.
    """
    made = Made()
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
        if not interrupted:
            made.whole_film = await _whole_film(run, films, made)
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
        shots=tuple(_shot(made, shot) for shot in run.plan.shots),
        films=tuple(_film(made, run, sequence) for sequence in run.plan.sequences),
        whole_film=made.whole_film,
        drifts=tuple(made.drifts[shot.name] for shot in run.plan.shots if shot.name in made.drifts),
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


def _shot(made: Made, planned: PlannedShot) -> ShotOutcome:
    interrupted = ShotOutcome(planned=planned, ending=Ending.INTERRUPTED, reason="the run was interrupted")
    return made.shots.get(planned.name, interrupted)


def _film(made: Made, run: RunContext, sequence: PlannedSequence) -> FilmOutcome:
    reason = "the run was interrupted" if run.plan.project.film.keys.join else "not requested"
    return made.films.get(sequence.name, FilmOutcome(sequence=sequence, reason=reason))


async def _start_plugins(run: RunContext) -> None:
    """Build what the plan needs, before anything is requested of a provider."""
    project, resources = run.plan.project, run.resources
    for planned in run.plan.shots:
        await resources.plugins.promising(planned.shot.generator, planned.capabilities)
    if any(planned.previous is not None for planned in run.plan.shots):
        await resources.plugins.extractor(project.extractor)
    if run.plan.needs_uploader:
        await resources.plugins.hosting(project, run.plan.key)


async def _sequence(run: RunContext, sequence: PlannedSequence, films: FilmCache, made: Made) -> None:
    run_one = run_beam if run.plan.project.beam.is_on else run_chain
    async with asyncio.TaskGroup() as chains:
        for chain in sequence.chains:
            chains.create_task(run_one(run, sequence, chain, made))
    if not run.plan.project.film.keys.join:
        return
    outcomes = [made.shots[shot.name] for shot in sequence.shots]
    missing = [outcome.planned.shot.name for outcome in outcomes if outcome.ending is not Ending.DONE]
    if missing:
        held = [outcome.planned.shot.name for outcome in outcomes if outcome.ending is Ending.HELD]
        gone = [name for name in missing if name not in held]
        parts = [(held, "waiting for your decision"), (gone, "missing")]
        reason = "not joined: " + ", ".join(f"{', '.join(names)} {state}" for names, state in parts if names)
        made.films[sequence.name] = FilmOutcome(sequence=sequence, reason=reason)
        return
    made.films[sequence.name] = await make_film(run, sequence, outcomes, films)


async def _whole_film(run: RunContext, films: FilmCache, made: Made) -> FilmOutcome | None:
    """The film of several sequences, where one is asked for."""
    keys = run.plan.project.film.keys
    if not keys.join or not keys.order:
        return None
    of_name = {sequence.name: sequence for sequence in run.plan.sequences}
    shots = [[_shot(made, shot) for shot in of_name[name].shots] for name in keys.order]
    missing = [shot.planned.name for sequence in shots for shot in sequence if shot.ending is not Ending.DONE]
    if missing:
        return FilmOutcome(sequence=None, reason=f"not joined: {', '.join(missing)} missing")
    return await make_whole_film(run, shots, films)
