"""What a run made, for its own terminal: the same as the report of its folder has, which a full disk may lack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.outputs import manifest, recorder
from runner.report.model.shots import drifts_of, films_of, shots_of

if TYPE_CHECKING:
    from runner.outputs.outcome import RunOutcome
    from runner.report.model.parts import DriftView, FilmView, ShotView


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Shots, drift and films, in the order of the plan."""

    shots: tuple[ShotView, ...] = ()
    drifts: tuple[DriftView, ...] = ()
    films: tuple[FilmView, ...] = ()


def made_by(outcome: RunOutcome) -> Made:
    """What a run made; nothing of one that was refused. Blocking."""
    if not outcome.shots:
        return Made()
    folder, content = outcome.folder or Path(), manifest.content(outcome)
    return Made(
        shots=tuple(shots_of(folder, content, {"shots": recorder.of_shots(outcome)})),
        drifts=drifts_of(content, outcome.plan.project.continuity.max_drift),
        films=films_of(folder, content),
    )
