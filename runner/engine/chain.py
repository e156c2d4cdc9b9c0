"""A chain: its shots one after the other, each from what the one before it handed over; and how its look drifts."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.api import EventKind
from runner.engine.shot import make_shot
from runner.errors import MediaError
from runner.media import colour_match
from runner.media.chain_drift import chain_drift
from runner.media.look import Look, look
from runner.outputs.outcome import DriftOutcome, Ending, FilmOutcome, ShotOutcome
from runner.planning.takes import following
from runner.store.clip_record import ColourTransform

if TYPE_CHECKING:
    from pathlib import Path

    from runner.config.project import GivenImage
    from runner.engine.run_context import RunContext
    from runner.planning.plan import PlannedSequence, PlannedShot


@dataclass(slots=True)
class Made:
    """The outcomes of one run as they come in."""

    shots: dict[str, ShotOutcome] = field(default_factory=dict)
    """By the names of the shots."""
    films: dict[str, FilmOutcome] = field(default_factory=dict)
    """By the names of their sequences."""
    whole_film: FilmOutcome | None = None
    """The one of several sequences."""
    drifts: dict[str, DriftOutcome] = field(default_factory=dict)
    """By the names of the first shots of their chains."""


@dataclass(slots=True)
class Seen:
    """The clips of a chain that are there, and what they are compared with."""

    anchor: Look | None = None
    name: str = ""
    """Of the anchor: an image, or the first clip."""
    shots: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    since: int = 0
    """The index of the clip that was last started from the anchor."""
    is_lost: bool = False
    """The anchor is an image that cannot be read any more."""
    said: set[str] = field(default_factory=set)
    """What was warned of already."""


async def run_chain(
    run: RunContext, sequence: PlannedSequence, chain: tuple[PlannedShot, ...], made: Made
) -> None:
    """Carry a chain out. Its outcomes are put into `made` as they come in. Raises only cancellations."""
    before: ShotOutcome | None = None
    seen = await begun(run, chain)
    for planned in chain:
        if before is not None and before.ending is not Ending.DONE:
            before = skipped(run, planned, before)
        else:
            start = made.shots[planned.previous.name] if planned.previous is not None else None
            shot = planned if start is None else following(planned, start.planned)
            before = await make_shot(run, sequence, shot, start, seen.anchor)
            if before.ending is Ending.DONE:
                before = await looked_at(run, chain, before, seen, made)
        made.shots[planned.name] = before


def skipped(run: RunContext, planned: PlannedShot, before: ShotOutcome) -> ShotOutcome:
    """The outcome of a shot whose start is not there."""
    state = "waits for your decision" if before.ending is Ending.HELD else "was not generated"
    reason = f"{before.planned.shot.name}, which it starts from, {state}"
    run.bus.shot_event(EventKind.SHOT_SKIPPED, planned, reason)
    return ShotOutcome(planned=planned, ending=Ending.SKIPPED, reason=reason)


async def begun(run: RunContext, chain: tuple[PlannedShot, ...]) -> Seen:
    given, keys = run.plan.project.anchor, run.plan.project.continuity
    if given is None or (len(chain) == 1 and not keys.correct.film):
        return Seen()
    try:
        return Seen(anchor=await asyncio.to_thread(_of_image, given), name=given.path.name)
    except (MediaError, OSError) as error:
        message = f"the anchor {given.path.name} cannot be read: {error}"
        run.bus.shot_event(EventKind.SHOT_WARNED, chain[0], message)
        return Seen(is_lost=True)


async def looked_at(
    run: RunContext, chain: tuple[PlannedShot, ...], outcome: ShotOutcome, seen: Seen, made: Made
) -> ShotOutcome:
    """Compare a clip with the anchor; the outcome with what the film is to do with its colours."""
    keys = run.plan.project.continuity
    found = await look_of(run, outcome)
    if found is None or seen.is_lost:
        return outcome
    if seen.anchor is None:
        seen.anchor, seen.name = found, outcome.planned.shot.name
    seen.since = len(seen.looks) if outcome.planned.reanchored else seen.since
    seen.shots.append(outcome.planned.shot.name)
    seen.looks.append(found)
    if len(chain) > 1:
        _measure(run, chain, outcome, seen, made)
    if keys.correct.film and found is not seen.anchor:
        transform = colour_match.match(found, seen.anchor, keys.correct.strength)
        outcome = dataclasses.replace(outcome, film_transform=recorded(transform))
    return outcome


def recorded(transform: colour_match.Transform) -> ColourTransform:
    """A transform as it is written down."""
    return ColourTransform(version=colour_match.VERSION, gain=transform.gain, offset=transform.offset)


def _measure(
    run: RunContext, chain: tuple[PlannedShot, ...], outcome: ShotOutcome, seen: Seen, made: Made
) -> None:
    """Bring the drift of a chain up to date, and say what there is to say of it."""
    assert seen.anchor is not None, "there is a clip that can stand for it"
    limit = run.plan.project.continuity.max_drift
    drift = chain_drift(seen.looks, seen.anchor.lab, limit, seen.since)
    if len(seen.looks) < 2:
        return
    found = DriftOutcome(
        sequence=outcome.planned.sequence, shots=tuple(seen.shots), anchor=seen.name, drift=drift
    )
    made.drifts[chain[0].name] = found
    run.bus.shot_event(EventKind.CHAIN_MEASURED, outcome.planned, detail=found.to_json())
    if drift.breaks_at is None or limit is None:
        return
    distance = f"its mean colour is {drift.distances[-1]:.1f} (CIEDE2000) from that of {seen.name}"
    if drift.is_broken and drift.distances[-1] > limit:
        message, kind = f"{distance}, more than continuity.max_drift={limit:g}", "broken"
    elif not drift.is_broken and drift.breaks_at <= len(chain):
        slope = drift.slopes["distance"].per_shot
        name = chain[drift.breaks_at - 1].shot.name
        message, kind = (
            f"{distance}, {slope:+.2f} a shot: continuity.max_drift={limit:g} is going to break at {name}",
            "forecast",
        )
    else:
        return
    if kind not in seen.said:
        seen.said.add(kind)
        run.bus.shot_event(EventKind.SHOT_WARNED, outcome.planned, message)


async def look_of(run: RunContext, outcome: ShotOutcome) -> Look | None:
    """What a clip looks like; of one that an older version stored, only where its colours are to be changed."""
    known = outcome.look
    if known is not None:
        return Look(
            lab=known.lab,
            deviation=known.deviation,
            saturation=known.saturation,
            sharpness=known.sharpness,
            noise=known.noise,
        )
    correct = run.plan.project.continuity.correct
    if outcome.clip is None or not (correct.hand_over or correct.film):
        return None
    try:
        return await asyncio.to_thread(_of_clip, run.folder.path / outcome.clip.path)
    except MediaError:
        return None  # it is paid for, and was whole when it was stored: the film says what is wrong with it


def _of_clip(path: Path) -> Look:
    from runner.media.probe import probe
    from runner.media.survey import survey

    seen = survey(path, probe(path).duration_s).stations
    return look(seen, seen.small)


def _of_image(given: GivenImage) -> Look:
    """What the anchor looks like. Raises `MediaError` or `OSError`."""
    from runner.media import picture

    return look([picture.decode(given.adopt())])
