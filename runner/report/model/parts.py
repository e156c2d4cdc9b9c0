"""The parts of a report: what a page, a table or a script shows of shots, seams, films, drift and cost.

All of them are values without behaviour, of plain JSON kinds. Paths are relative to the run folder, with slashes, and
stay below it. `None` is unknown, or not measured.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api import JSON


class Condition(enum.StrEnum):
    """How a run stands, in one word."""

    DONE = "done"
    """All shots and films are there, as they were asked for."""
    DEGRADED = "degraded"
    """All are there, but not as they were asked for: a shot fell back to its prompt, or ignored its frame."""
    RUNNING = "running"
    WAITING = "waiting"
    """For the user: an outcome is unknown, or a clip is held."""
    FAILED = "failed"
    STOPPED = "stopped"
    """Interrupted, killed, or out of its budget: the same command goes on."""


class Level(enum.StrEnum):
    """How bad something is."""

    ERROR = "error"
    DEGRADED = "degraded"
    """The film is there, and is not what was asked for."""
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something to do next."""

    about: str
    """What it is for, in a few words."""
    command: str
    """As it is typed in a shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to know, and what to do about it."""

    level: Level
    text: str
    where: str = ""
    """SEQUENCE/SHOT, or the sequence; empty for the whole run."""
    shots: tuple[str, ...] = ()
    """All shots that it is about, where there are several."""
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The first screen: how it stands, the worst of it, what to do."""

    condition: Condition
    headline: str
    """One sentence."""
    notes: tuple[Note, ...] = ()
    """The worst first."""
    next: tuple[Command, ...] = ()
    """What to do about the run as a whole."""
    worst_seam: str = ""
    """The shot whose seam is the worst; empty where none was measured."""
    forecast: str = ""
    """Where the drift of a chain is going, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaView:
    """A file of the run folder."""

    path: str
    sha256: str
    """64 hex digits; empty where nobody stated it, as in a run that goes on."""
    bytes: int
    is_there: bool
    """Whether there is a plain file under the path, through no link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView(MediaView):
    """A clip or a film."""

    codec: str = ""
    width: int | None = None
    """Pixels, as displayed."""
    height: int | None = None
    """Pixels, as displayed."""
    fps: str = ""
    """Frames per second, as a fraction such as "24" or "30000/1001"."""
    frames: int | None = None
    duration_s: float | None = None
    has_audio: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameView(MediaView):
    """The image that a shot was started from."""

    width: int | None = None
    height: int | None = None
    time_s: float | None = None
    """Its time in the clip before, in seconds."""
    method: str = ""
    """How it was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceView:
    """How well a clip's first frames match the frame that it was given."""

    verdict: str
    """`locked`, `reencoded`, `reframed` or `ignored`."""
    psnr_db: float | None = None
    zoom: float | None = None
    shift: float | None = None
    luma: float | None = None
    eases_in: int | None = None
    repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeView:
    """A take of a shot that was not chosen."""

    take: int
    key: str
    ending: str
    score: float | None = None
    clip: MediaView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotView:
    """One shot: what was requested, and what came of it."""

    name: str
    """SEQUENCE/SHOT."""
    sequence: str
    shot: str
    number: int
    """Its place in its sequence, from 1."""
    key: str
    """64 hex digits; empty where it is not known, as in a run that goes on."""
    ending: str
    """`done`, `failed`, `held`, `skipped`, `unknown`, `stopped`, `interrupted`; in a run that goes on also `waiting`
    and what it is at, such as `submitted` or `fetching`."""
    progress: float | None = None
    """0 to 1, of a shot that is under way."""
    prompt: str = ""
    boundary: str = ""
    input_mode: str = ""
    """`text` or `image`."""
    starts_from: str = ""
    """The shot before, or the name of the given image."""
    generator: str = ""
    model: str = ""
    take: int = 1
    request: Mapping[str, JSON] = field(default_factory=dict)
    """The other fields of the request: duration, aspect ratio, resolution, seed, parameters."""
    fallback: str = ""
    """Why it was generated from its prompt alone where it should have started from a frame."""
    clip: ClipView | None = None
    first_frame: FrameView | None = None
    adherence: AdherenceView | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    takes: tuple[TakeView, ...] = ()
    judgement: str = ""
    """`accepted` or `rejected`, where the user said so of this clip."""
    warnings: tuple[str, ...] = ()
    error: str = ""
    reason: str = ""
    """Why it was not generated, where that is no failure of its own."""
    reused: bool = False
    elapsed_s: float | None = None
    cost_usd: float | None = None
    """US dollars in the last run; `None` is unknown, or nothing in that run."""
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeamView:
    """Where two shots of a film meet."""

    sequence: str
    before: str
    """SEQUENCE/SHOT."""
    after: str
    """SEQUENCE/SHOT."""
    kind: str
    """`chain`, or how else the later shot begins: `cut`, `image`, `fallback`, `reanchored`."""
    badness: float
    """For sorting, 0 is perfect and 1 is another picture."""
    adherence: AdherenceView | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Those of the later shot that are about the seam."""
    overlap: int | None = None
    """Frames of the later clip that show what was shown before. `None` where no film was joined."""
    trimmed_from: str = ""
    """`earlier`, `later`, or empty where nothing is left out."""
    jump_before: float | None = None
    """How far the image jumps there without trimming."""
    jump_after: float | None = None
    """And as the film has it."""
    frames_before: tuple[int, ...] = ()
    """Numbers of the last frames of the earlier clip that the film shows, from 0."""
    frames_after: tuple[int, ...] = ()
    """Numbers of the first frames of the later clip that the film shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftView:
    """How the look of a chain drifts."""

    sequence: str
    anchor: str
    """What its clips are compared with: the name of the first of them, or of an image."""
    shots: tuple[str, ...]
    distances: tuple[float, ...]
    """Of each shot from the anchor: CIEDE2000 between mean colours."""
    per_shot: float | None = None
    low: float | None = None
    """The lower end of the 95 % interval of `per_shot`."""
    high: float | None = None
    limit: float | None = None
    """`continuity.max_drift`."""
    breaks_at: int | None = None
    """The number of the clip, from 1, that is the first above the limit, or is going to be."""

    @property
    def is_broken(self) -> bool:
        """Whether the limit is broken by a clip that is there."""
        return self.breaks_at is not None and self.breaks_at <= len(self.distances)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmView:
    """A film, or why there is none."""

    name: str
    """The sequence, or empty for the film of the whole run."""
    clip: ClipView | None = None
    method: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WastedAttempt:
    """Money for which the film has nothing to show."""

    shot: str
    phase: str
    cost_usd: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostView:
    """US dollars. All runs of the same budget count: those of a request, or of a sweep."""

    spent_usd: float | None = None
    """At risk so far, reservations included; `None` where no file says so."""
    now_usd: float | None = None
    """By the last run."""
    reserved_usd: float | None = None
    """The part of `spent_usd` that is not settled."""
    estimate_usd: float | None = None
    """What the clips that are there were expected to cost; `None` without a journal."""
    actual_usd: float | None = None
    """What providers reported for them."""
    wasted_usd: float | None = None
    """For attempts that failed, were abandoned or lost, and for clips that are not used; `None` without a journal."""
    wasted: tuple[WastedAttempt, ...] = ()
    unpriced: int = 0
    """Attempts of unknown price."""
