"""What became of a run: values that the manifest, the summary and the library's caller read."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.api import InputMode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.api import JSON
    from runner.errors import RunnerError
    from runner.outputs.cost import RunCost
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot
    from runner.store.clip_record import ClipFile, SeamAdherence


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
    """A file in the run folder."""

    path: str
    """Relative to the run folder, with slashes."""
    sha256: str
    bytes: int
    properties: Mapping[str, JSON] = field(default_factory=dict)
    """Such as its size in pixels, for the manifest."""

    @classmethod
    def of_clip(cls, path: str, sha256: str, clip: ClipFile) -> Artifact:
        """A clip, with the properties that its record holds."""
        properties = dataclasses.asdict(clip)
        return cls(path=path, sha256=sha256, bytes=properties.pop("bytes"), properties=properties)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOutcome:
    """What became of one shot. The last four fields differ between runs of one request: no manifest has them."""

    planned: PlannedShot
    ending: Ending
    input_mode: InputMode = InputMode.TEXT
    clip: Artifact | None = None
    first_frame: Artifact | None = None
    """The hand-over frame that it started from."""
    adherence: SeamAdherence | None = None
    """The measured seam to the frame it was given."""
    fallback: str = ""
    """Why a shot that should have started from a frame did not."""
    warnings: tuple[str, ...] = ()
    error: RunnerError | None = None
    reason: str = ""
    """Why it was not generated, where that is no failure of its own."""
    reused: bool = False
    elapsed_s: float = 0.0
    task: str = ""
    cost: int | None = None
    """Millionths of a US dollar; `None` is unknown, or nothing in this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOutcome:
    """What became of a sequence's film."""

    sequence: PlannedSequence
    film: Artifact | None = None
    reason: str = ""
    """Why there is none."""
    error: RunnerError | None = None
    reused: bool = False
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of a run."""

    plan: Plan
    shots: tuple[ShotOutcome, ...] = ()
    films: tuple[FilmOutcome, ...] = ()
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    """What there is to say about none of its shots or films."""
    error: RunnerError | None = None
    """Why the run could not start, or could not be recorded."""
    folder: Path | None = None
    """The run folder; `None` where there is none."""
    cost: RunCost | None = None
    """`None` where the run did not start."""

    @property
    def errors(self) -> tuple[RunnerError, ...]:
        """What went wrong: the run's own error, then those of the shots in order, then those of the films."""
        found = [self.error, *(shot.error for shot in self.shots), *(film.error for film in self.films)]
        return tuple(error for error in found if error is not None)

    @property
    def exit_code(self) -> int:
        """The exit code of a command that made this run alone."""
        if self.error is not None:
            return self.error.exit_code
        if self.interrupted:
            return 130
        endings = {shot.ending for shot in self.shots}
        if Ending.UNKNOWN in endings:
            return 3
        if Ending.FAILED not in endings and Ending.STOPPED in endings:
            return 4
        failed = endings != {Ending.DONE}
        return 1 if failed or any(film.error for film in self.films) else 0
