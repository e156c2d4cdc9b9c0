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
    from runner.media.chain_drift import ChainDrift
    from runner.outputs.cost import RunCost
    from runner.planning.plan import Plan, PlannedSequence, PlannedShot
    from runner.store.clip_record import ClipFile, ClipLook, ClipRecord, ColourTransform, SeamAdherence


class Ending(enum.StrEnum):
    """How a shot ended."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"
    """Its clip is there and paid for, and the film does not go on from it before the user decides."""
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
class Alternate:
    """A take of a shot that a beam did not choose."""

    planned: PlannedShot
    ending: Ending
    clip: Artifact | None = None
    record: ClipRecord | None = None
    """What is recorded of its clip."""
    first_frame: Artifact | None = None
    """The hand-over frame that it started from."""
    score: float | None = None

    def to_json(self) -> dict[str, JSON]:
        """For the manifest. With the record of its clip, a journal that is lost can be rebuilt."""
        return {
            "take": self.planned.request.take,
            "key": self.planned.key,
            "after": self.planned.previous.key if self.planned.previous is not None else None,
            "ending": str(self.ending),
            "score": self.score,
            "first_frame": _file(self.first_frame),
            "clip": _file(self.clip),
            **({"record": self.record.to_json()} if self.record is not None else {}),
        }


def _file(artifact: Artifact | None) -> JSON:
    if artifact is None:
        return None
    return {"path": artifact.path, "sha256": artifact.sha256, "bytes": artifact.bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOutcome:
    """What became of one shot. The last four fields differ between runs of one request: no manifest has them."""

    planned: PlannedShot
    ending: Ending
    input_mode: InputMode = InputMode.TEXT
    clip: Artifact | None = None
    first_frame: Artifact | None = None
    """The hand-over frame that it started from."""
    record: ClipRecord | None = None
    """What is recorded of its clip."""
    look: ClipLook | None = None
    """What its clip looks like as a whole."""
    film_transform: ColourTransform | None = None
    """What the film does to the colours of its clip."""
    trim_before: int = 0
    """How many frames of the clip before it come after that frame: the film leaves them out."""
    adherence: SeamAdherence | None = None
    """The measured seam to the frame it was given."""
    accepted: bool = False
    """The user accepted its clip: what was measured at its seam does not stop its chain."""
    rejected: bool = False
    """The user rejected its clip."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The numbers that were measured of its clip and its seam, by the names of the metrics."""
    score: float | None = None
    """In a beam: the number by which its take was chosen."""
    alternates: tuple[Alternate, ...] = ()
    """In a beam: the takes that were not chosen."""
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
class DriftOutcome:
    """How the look of a chain drifted."""

    sequence: str
    shots: tuple[str, ...]
    """Those that were compared, in their order: shots whose clips are there, and were looked at."""
    anchor: str
    """What they are compared with: the name of the first of them, or of the image."""
    drift: ChainDrift

    def to_json(self) -> dict[str, JSON]:
        """For the manifest."""
        found = dataclasses.asdict(self.drift)
        distances = found.pop("distances")
        return {"anchor": self.anchor, "distances": dict(zip(self.shots, distances, strict=True)), **found}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOutcome:
    """What became of a film."""

    sequence: PlannedSequence | None
    """`None` is the film of the whole run."""
    film: Artifact | None = None
    reason: str = ""
    """Why there is none."""
    error: RunnerError | None = None
    reused: bool = False
    elapsed_s: float = 0.0

    @property
    def name(self) -> str:
        """What people call it."""
        return self.sequence.name if self.sequence is not None else "the whole run"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What became of a run."""

    plan: Plan
    shots: tuple[ShotOutcome, ...] = ()
    films: tuple[FilmOutcome, ...] = ()
    """Those of the sequences, in order."""
    whole_film: FilmOutcome | None = None
    """The one of several sequences, where `film.order` asks for it."""
    drifts: tuple[DriftOutcome, ...] = ()
    """Of the chains of two clips and more."""
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
    def all_films(self) -> tuple[FilmOutcome, ...]:
        """Those of the sequences, then the one of the run."""
        return (*self.films, *([self.whole_film] if self.whole_film is not None else []))

    @property
    def errors(self) -> tuple[RunnerError, ...]:
        """What went wrong: the run's own error, then those of the shots in order, then those of the films."""
        found = [self.error, *(shot.error for shot in self.shots), *(film.error for film in self.all_films)]
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
        if not endings & {Ending.FAILED, Ending.HELD} and Ending.STOPPED in endings:
            return 4
        failed = endings != {Ending.DONE}
        return 1 if failed or any(film.error for film in self.all_films) else 0
