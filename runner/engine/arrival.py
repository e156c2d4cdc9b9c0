"""Looking at a clip that arrived, before it counts as one: whole, decodable, and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import BadClip, MediaError
from runner.media import probe, seam
from runner.media.drift import described, drift
from runner.media.survey import survey
from runner.outputs.outcome import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from runner.api import JSON
    from runner.engine.sink import FileSink
    from runner.media.probe import Probe
    from runner.planning.plan import PlannedShot


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A clip that passed. `artifact.path` is still to be set."""

    artifact: Artifact
    adherence: Mapping[str, JSON] | None = None
    warnings: tuple[str, ...] = field(default=())


def look(clip: FileSink, planned: PlannedShot, given: NDArray[Any] | None) -> Arrival:
    """Check a fetched file; `given` is the first frame it had to start from. Blocking. Raises `BadClip`."""
    try:
        facts = probe.probe(clip.path)
        seen = survey(clip.path, facts.duration_s)
        change = drift(seen.stations)
    except MediaError as error:
        raise BadClip(
            "what arrived is not a whole clip",
            where=planned.name,
            why=error.line,
            hint="run the same command again: the clip is fetched or made anew",
        ) from error
    warnings = _unlike_the_request(facts, planned)
    if seam.blank(seen.stations[-1]):
        warnings.append("ends in a single colour: a shot that chains from it starts from nothing")
    elif told := described(change):
        warnings.append(
            f"drifts in colour, {told} over its last third: a shot that chains from it starts there"
        )
    measured: dict[str, JSON] | None = None
    if given is not None:
        adherence = seam.measure(given, seen.opening)
        measured = {
            "verdict": str(adherence.verdict),
            "psnr_db": round(adherence.psnr_db, 2),
            "repeats": adherence.repeats,
            "zoom": round(adherence.zoom, 3),
            "doubled": seam.should_drop(adherence),
        }
        warnings += _seam_warnings(measured)
    return Arrival(
        artifact=Artifact(
            path="", sha256=clip.sha256, bytes=clip.size, facts=_described(facts, seen.frames, change)
        ),
        adherence=measured,
        warnings=tuple(warnings),
    )


def _described(facts: Probe, frames: int, change: seam.ColourChange) -> dict[str, JSON]:
    return {
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "fps": str(facts.fps),
        "frames": frames,
        "duration_s": round(facts.duration_s, 6),
        "audio": facts.audio.codec if facts.audio else None,
        "drift": {"luma": change.luma, "chroma": change.chroma, "hue_deg": change.hue_deg},
    }


def _unlike_the_request(facts: Probe, planned: PlannedShot) -> list[str]:
    asked = planned.request
    warnings = []
    if abs(facts.duration_s - asked.duration_s) > max(0.25, 0.1 * asked.duration_s):
        warnings.append(f"is {facts.duration_s:.2f} s long, {asked.duration_s:g} s were asked for")
    width, _, height = asked.aspect_ratio.partition(":")
    wanted, got = int(width) / int(height), facts.width / facts.height
    if abs(got / wanted - 1) > 0.03:
        warnings.append(f"is {facts.width}x{facts.height}, not {asked.aspect_ratio}")
    return warnings


def _seam_warnings(measured: Mapping[str, Any]) -> list[str]:
    psnr = f"{measured['psnr_db']:.1f} dB"
    warnings = []
    if measured["verdict"] == "ignored":
        warnings.append(f"does not start from the frame it was given ({psnr}): there is a cut at this seam")
    elif measured["verdict"] == "reframed":
        warnings.append(
            f"starts from the frame it was given at another scale ({measured['zoom']:.2f}x): "
            "the picture jumps at this seam"
        )
    if measured["repeats"]:
        times = "once more" if measured["repeats"] == 1 else f"{measured['repeats']} times more"
        warnings.append(f"shows its first frame {times} before it moves: the film freezes there")
    return warnings
