"""What became of a run: values that the manifest and the summary are made from."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON
    from runner.errors import RunnerError
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot


class Ending(enum.StrEnum):
    """How a shot ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file in the run folder. `path` is relative to it, with slashes; `facts` is for the manifest."""

    path: str
    sha256: str
    bytes: int
    facts: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOutcome:
    """What became of one shot.

    `how` is "image" where it started from a picture and "text" where it did not; `fell_back` says why a shot
    that should have started from one did not. `first_frame` is the hand-over frame it
    started from, `adherence` the measured seam to the picture it was given.
    `reused`, `elapsed_s`, `task` and `cost` (millionths of a dollar) differ between runs of one request and stay
    out of the manifest.
    """

    planned: PlannedShot
    ending: Ending
    how: str = "text"
    clip: Artifact | None = None
    first_frame: Artifact | None = None
    adherence: Mapping[str, JSON] | None = None
    fell_back: str = ""
    warnings: tuple[str, ...] = ()
    error: RunnerError | None = None
    reason: str = ""
    reused: bool = False
    elapsed_s: float = 0.0
    task: str = ""
    cost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOutcome:
    """What became of a sequence's film. `reason` says why there is none."""

    sequence: PlannedSequence
    film: Artifact | None = None
    reason: str = ""
    error: RunnerError | None = None
    reused: bool = False
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of a run. `notes` is what there is to say about none of its shots or films."""

    plan: Plan
    shots: tuple[ShotOutcome, ...]
    films: tuple[FilmOutcome, ...]
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[RunnerError, ...]:
        """What went wrong, in the order of the shots, then of the films."""
        found = [shot.error for shot in self.shots] + [film.error for film in self.films]
        return tuple(error for error in found if error is not None)

    @property
    def exit_code(self) -> int:
        if self.interrupted:
            return 130
        endings = {shot.ending for shot in self.shots}
        if Ending.UNKNOWN in endings:
            return 3
        if Ending.FAILED not in endings and Ending.STOPPED in endings:
            return 4
        failed = endings != {Ending.DONE}
        return 1 if failed or any(film.error for film in self.films) else 0
