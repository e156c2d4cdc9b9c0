"""The fifth step: a clip that arrived is complete, decodes, and is what was requested; its seam is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.engine.checks import warned
from runner.errors import BadClip, MediaError
from runner.media import probe, seam
from runner.media.drift import described, drift
from runner.media.look import look, mean_colour
from runner.media.measures.seam_frames import Ends
from runner.media.survey import survey
from runner.media.thresholds import OTHER_SHAPE
from runner.store.clip_record import ClipFile, ClipLook, ColourDrift, SeamAdherence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.config.check_keys import Checks
    from runner.engine.download import Downloaded
    from runner.media.probe import Probe
    from runner.media.survey import Survey
    from runner.planning.plan import PlannedShot


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidClip:
    """What was measured of a clip that can be used."""

    clip: ClipFile
    adherence: SeamAdherence | None
    look: ClipLook
    warnings: tuple[str, ...]
    ends: Ends | None
    """For the metrics of its seams."""


def validate(
    arrived: Downloaded, planned: PlannedShot, checks: Checks, given: NDArray[Any] | None
) -> ValidClip:
    """Check a downloaded file; `given` is the first frame it had to start from. Blocking. Raises `BadClip`."""
    try:
        facts = probe.probe(arrived.path)
        seen = survey(arrived.path, facts.duration_s)
        change = drift(seen.stations.small)
    except MediaError as error:
        raise BadClip(
            "the file that arrived is not a complete clip",
            where=planned.name,
            why=error.line,
            hint="rerun the same command: the clip is fetched again",
        ) from error
    clip = ClipFile(
        bytes=arrived.size,
        codec=facts.codec,
        width=facts.width,
        height=facts.height,
        fps=str(facts.fps),
        frames=seen.frames,
        duration_s=round(facts.duration_s, 6),
        audio=facts.audio.codec if facts.audio else None,
        drift=ColourDrift(luma=change.luma, chroma=change.chroma, hue_deg=change.hue_deg),
        black=seen.black,
        frozen=seen.frozen,
        ends_blank=seam.blank(seen.stations.small[-1]),
    )
    warnings = [*warned(clip, planned.request, checks), *facts.notes]
    if not clip.ends_blank and (text := described(change)):
        warnings.append(
            f"drifts in colour, {text} over its last third: a shot that chains from it starts there"
        )
    adherence = None
    if given is not None:
        found = seam.measure(given, seen.opening, seen.opening.small)
        adherence = SeamAdherence(
            verdict=str(found.verdict),
            psnr_db=round(found.psnr_db, 2),
            repeats=found.repeats,
            zoom=round(found.zoom, 3),
            doubled=seam.should_drop(found),
            eases_in=found.eases_in,
            shift=found.shift,
            luma=found.luma,
        )
        warnings += _seam_warnings(adherence, given, facts)
    return ValidClip(
        clip=clip, adherence=adherence, look=_look(seen), warnings=tuple(warnings), ends=Ends.of(seen)
    )


def _look(seen: Survey) -> ClipLook:
    found = look(seen.stations, seen.stations.small)
    first, last = mean_colour(seen.first.small), mean_colour(seen.last.small)
    lightness, a, b = (round(after - before, 4) for before, after in zip(first, last, strict=True))
    return ClipLook(
        lab=found.lab,
        deviation=found.deviation,
        saturation=found.saturation,
        sharpness=found.sharpness,
        noise=found.noise,
        change=(lightness, a, b),
    )


def _seam_warnings(measured: SeamAdherence, given: NDArray[Any], facts: Probe) -> list[str]:
    psnr = f"{measured.psnr_db:.1f} dB"
    warnings = []
    height, width = given.shape[:2]
    if abs(facts.width / facts.height / (width / height) - 1) > OTHER_SHAPE:
        warnings.append(
            f"is {facts.width}x{facts.height} and starts from a frame of another shape, {width}x{height}: "
            "the image jumps at this seam"
        )
    elif measured.verdict == "ignored":
        warnings.append(f"does not start from the frame it was given ({psnr}): there is a cut at this seam")
    elif measured.verdict == "reframed":
        warnings.append(
            f"starts from the frame it was given at another scale ({measured.zoom:.2f}x): "
            "the image jumps at this seam"
        )
    if measured.eases_in and measured.verdict != "ignored":
        frames = "1 frame" if measured.eases_in == 1 else f"{measured.eases_in} frames"
        warnings.append(f"reaches the frame it was given only after {frames}: the film flickers at this seam")
    if measured.repeats:
        times = "once more" if measured.repeats == 1 else f"{measured.repeats} times more"
        warnings.append(f"shows its first frame {times} before it moves: the film freezes there")
    return warnings
