"""Joining the clips of a sequence, or of the whole run, into a film."""

from __future__ import annotations

import asyncio
import enum
import hashlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner import store
from runner.api import EventKind
from runner.engine.film_files import card_of, sound_of
from runner.engine.seam_cuts import MEASURE, SeamCut, measure
from runner.errors import JoinError, MediaError, RunnerError
from runner.media import colour_match, join
from runner.media.join import Part
from runner.outputs.outcome import Artifact, FilmOutcome
from runner.planning import identity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runner.api import JSON
    from runner.config.project import Film
    from runner.engine.run_context import RunContext
    from runner.media.join import PictureFilter
    from runner.outputs.film_cache import FilmCache
    from runner.outputs.outcome import ShotOutcome
    from runner.planning.plan import PlannedSequence

_log = logging.getLogger(__name__)
_BETWEEN: Final = 12
"""Frames over which sequences fade into each other where `film.fade` says nothing."""


class Seam(enum.StrEnum):
    """How a shot follows the one before it in a film."""

    FIRST = "first"
    CHAIN = "chain"
    CUT = "cut"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A film to be made: of one sequence, or of the run where `sequence` is `None`."""

    sequence: PlannedSequence | None
    shots: tuple[ShotOutcome, ...]
    seams: tuple[Seam, ...]
    target: Path
    film: Film
    made_with: dict[str, JSON]

    @property
    def name(self) -> str:
        return self.sequence.name if self.sequence is not None else ""

    @property
    def clips(self) -> list[Artifact]:
        return [shot.clip for shot in self.shots if shot.clip is not None]

    @property
    def joined_from(self) -> list[JSON]:
        """What the film is made of; with `made_with` its identity."""
        found: list[JSON] = []
        for shot, seam in zip(self.shots, self.seams, strict=True):
            entry: dict[str, JSON] = {"sha256": shot.clip.sha256 if shot.clip else "", "seam": str(seam)}
            if seam is Seam.CHAIN and shot.trim_before:
                entry["trim_before"] = shot.trim_before
            if shot.film_transform is not None:
                entry["transform"] = shot.film_transform.to_json()
            found.append(entry)
        return found

    @property
    def is_final(self) -> bool:
        """Whether music, narration and the end card are this film's."""
        return self.sequence is None or not self.film.keys.order


async def make_film(
    run: RunContext, sequence: PlannedSequence, shots: Sequence[ShotOutcome], films: FilmCache
) -> FilmOutcome:
    """Join the shots, all of which have clips. Raises only cancellations."""
    seams = [Seam.FIRST, *(Seam.CHAIN if _is_chained(shot) else Seam.CUT for shot in shots[1:])]
    wanted = _wanted(run, sequence, shots, seams, run.folder.film(sequence))
    return await _made(run, wanted, films)


async def make_whole_film(
    run: RunContext, sequences: Sequence[Sequence[ShotOutcome]], films: FilmCache
) -> FilmOutcome:
    """Join the shots of sequences, all of which have clips, into the film of the run. Raises only cancellations."""
    shots = [shot for sequence in sequences for shot in sequence]
    seams = [
        Seam.SEQUENCE if not number else Seam.CHAIN if _is_chained(shot) else Seam.CUT
        for sequence in sequences
        for number, shot in enumerate(sequence)
    ]
    wanted = _wanted(run, None, shots, [Seam.FIRST, *seams[1:]], run.folder.whole_film)
    return await _made(run, wanted, films)


def _wanted(
    run: RunContext,
    sequence: PlannedSequence | None,
    shots: Sequence[ShotOutcome],
    seams: Sequence[Seam],
    target: Path,
) -> _Wanted:
    film = run.plan.project.film
    own = sequence is not None and bool(film.keys.order)
    made_with = {**identity.film_fields(film), "measure": MEASURE, "of": "sequence" if own else "film"}
    return _Wanted(
        sequence=sequence,
        shots=tuple(shots),
        seams=tuple(seams),
        target=target,
        film=film,
        made_with=made_with,
    )


async def _made(run: RunContext, wanted: _Wanted, films: FilmCache) -> FilmOutcome:
    timing = run.resources.timing
    began = timing.monotonic()
    known = await run.resources.in_files_thread(
        films.film, wanted.sequence, wanted.joined_from, wanted.made_with
    )
    if known is not None:
        return known
    stop = threading.Event()
    try:
        film = await asyncio.to_thread(_joined, run, wanted, stop)
    except asyncio.CancelledError:
        stop.set()
        raise
    except Exception as error:
        failure = _failure(wanted.name or "the whole run", error)
        run.bus.sequence_event(EventKind.FILM_FAILED, wanted.name, failure.line)
        return FilmOutcome(sequence=wanted.sequence, reason=failure.line, error=failure)
    elapsed = timing.monotonic() - began
    run.bus.sequence_event(EventKind.FILM_FINISHED, wanted.name, path=film.path, elapsed_s=round(elapsed, 3))
    return FilmOutcome(sequence=wanted.sequence, film=film, elapsed_s=elapsed)


def _is_chained(after: ShotOutcome) -> bool:
    """Whether a shot was made from the last frame of the one before it."""
    return after.planned.continues and not after.fallback


def _failure(name: str, error: Exception) -> RunnerError:
    """What failed costs this film only."""
    if isinstance(error, RunnerError):
        return error
    if isinstance(error, OSError):
        return JoinError("the film cannot be written", why=str(error))
    _log.error("the film of %s failed", name, exc_info=error)
    return JoinError(
        "the runner itself failed while joining; this is a bug in it",
        why=f"{type(error).__name__}: {error}",
        hint="runner.log in the run folder has the traceback; the clips are kept",
    )


def _joined(run: RunContext, wanted: _Wanted, stop: threading.Event) -> Artifact:
    folder, film = run.folder, wanted.film
    cuts = [_cut(run, wanted, number) for number in range(len(wanted.shots))]
    made = folder.work / f"{wanted.sequence.slug if wanted.sequence else 'whole'}-film.mp4"
    joined = join.join(
        _parts(run, wanted, cuts),
        made,
        sound=sound_of(film, final=wanted.is_final),
        card=card_of(film) if wanted.is_final else None,
        sounds=run.resources.sounds,
        cancelled=stop.is_set,
    )
    with made.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = made.stat().st_size
    store.move_whole(made, wanted.target)
    properties: dict[str, JSON] = {
        "width": joined.width,
        "height": joined.height,
        "fps": joined.fps,
        "frames": joined.frames,
        "duration_s": round(joined.duration_s, 6),
        "audio": joined.audio,
        "method": joined.method,
        "notes": list(joined.notes),
        "joined_from": wanted.joined_from,
        "made_with": wanted.made_with,
        "parts": [_part_entry(part, wanted) for part in joined.parts],
        "seams": [
            cut.to_json(shot.planned.name)
            for cut, shot in zip(cuts, wanted.shots, strict=True)
            if cut is not None
        ],
    }
    return Artifact(path=folder.relative(wanted.target), sha256=sha256, bytes=size, properties=properties)


def _part_entry(part: join.Placed, wanted: _Wanted) -> dict[str, JSON]:
    shot = wanted.shots[part.number].planned.name if part.number >= 0 else None
    return {
        "shot": shot,
        "start": part.start,
        "end": part.end,
        "frames": part.frames,
        "fade": part.fade,
    }


def _cut(run: RunContext, wanted: _Wanted, number: int) -> SeamCut | None:
    """What the measure says of the seam into a shot; `None` where that is no chained one, or cannot be measured."""
    after = wanted.shots[number]
    if wanted.seams[number] is not Seam.CHAIN or after.adherence is None:
        return None
    folder = run.folder.path
    clips = wanted.clips
    frame, trim = after.first_frame, after.trim_before
    handed_over = folder / frame.path if frame is not None else None
    before, later = (folder / clips[at].path for at in (number - 1, number))
    of = clips[number - 1].sha256, clips[number].sha256, frame.sha256 if frame is not None else "", trim
    try:
        found = run.resources.seams.get(of, lambda: measure(before, later, handed_over, trim=trim))
    except (MediaError, OSError, ValueError) as error:
        # The film is worth more than the measure: what was found when the clip arrived remains.
        _log.warning("the seam into %s cannot be measured: %s", after.planned.name, error)
        return SeamCut(overlap=int(after.adherence.doubled))
    if not after.adherence.doubled:  # it shows something else: nothing stands twice
        return SeamCut(jump_before=found.jump_before, jump_after=found.jump_before)
    return found


def _parts(run: RunContext, wanted: _Wanted, cuts: Sequence[SeamCut | None]) -> list[Part]:
    keys = wanted.film.keys
    ends = [-_left_out(wanted, cuts, number + 1) or None for number in range(len(cuts))]
    return [
        Part(
            path=run.folder.path / clip.path,
            start=cut.start if cut is not None else 0,
            end=end,
            fade=_fade(wanted.film, seam),
            crossfade_s=keys.crossfade_ms / 1000 if seam is Seam.CHAIN else 0.0,
            picture=_correction(shot),
        )
        for clip, shot, seam, cut, end in zip(
            wanted.clips, wanted.shots, wanted.seams, cuts, ends, strict=True
        )
    ]


def _left_out(wanted: _Wanted, cuts: Sequence[SeamCut | None], into: int) -> int:
    """How many frames a clip loses at its end, before the shot number `into`: those after the frame that was handed
    over, and that one where the next clip shows it again."""
    if into == len(cuts) or wanted.seams[into] is not Seam.CHAIN:
        return 0
    cut = cuts[into]
    return wanted.shots[into].trim_before + int(cut is not None and cut.drop_last)


def _correction(shot: ShotOutcome) -> PictureFilter | None:
    """What brings the colours of a clip closer to those of its chain's anchor."""
    stated = shot.film_transform
    if stated is None:
        return None
    return colour_match.picture_filter(colour_match.Transform(gain=stated.gain, offset=stated.offset))


def _fade(film: Film, seam: Seam) -> int:
    """Over how many frames a shot dissolves into the film."""
    keys = film.keys
    match seam:
        case Seam.FIRST:
            return 0
        case Seam.SEQUENCE:
            return (keys.fade or _BETWEEN) if keys.between == "fade" else 0
        case Seam.CUT:
            return keys.fade
        case Seam.CHAIN:
            return keys.fade if keys.fade_at == "all" else 0
