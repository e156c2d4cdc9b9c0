"""Looking at the clips that a generator made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.errors import MediaError
from runner.media import picture, probe, seam
from runner.media.survey import Survey, survey
from runner.testing.conformance import pictures
from runner.testing.conformance.report import Failed, require

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import EncodedImage, ShotRequest
    from runner.media.probe import Probe

_SHORT_SIDE: Final = 360
_ASPECT_OFF: Final = 0.03
_DURATION_OFF: Final = 0.1
_DURATION_OFF_S: Final = 0.25


def as_asked(path: Path, asked: ShotRequest) -> None:
    """Raise `Failed` unless the file is a whole clip of about the duration and shape that was asked for."""
    facts, _ = _whole(path)
    require(
        abs(facts.duration_s - asked.duration_s) <= max(_DURATION_OFF_S, _DURATION_OFF * asked.duration_s),
        f"it is {facts.duration_s:.2f} s long, {asked.duration_s:g} s were requested",
    )
    require(
        abs(facts.width / facts.height / _shape(asked) - 1) <= _ASPECT_OFF,
        f"it is {facts.width}x{facts.height}, not {asked.aspect_ratio}",
    )


def opening_for(asked: ShotRequest, format: str) -> EncodedImage:
    """An image of the shape of the clip, for it to start from."""
    shape = _shape(asked)
    width, height = (shape, 1.0) if shape >= 1 else (1.0, 1 / shape)
    return pictures.still(
        round(width * _SHORT_SIDE / 2) * 2, round(height * _SHORT_SIDE / 2) * 2, seed=3, format=format
    )


def starts_from(path: Path, given: EncodedImage) -> str:
    """How well the clip starts from the picture. Raises `Failed` where it does not."""
    _, seen = _whole(path)
    found = seam.measure(picture.decode(given), seen.opening)
    measured = f"{found.verdict} ({found.psnr_db:.1f} dB)"
    if found.verdict is seam.Verdict.IGNORED:
        raise Failed(f"its first frame is another image: {measured}")
    if found.verdict is seam.Verdict.REFRAMED:
        raise Failed(f"it shows the image at another scale or place, {found.zoom:.2f}x: {measured}")
    return measured


def _whole(path: Path) -> tuple[Probe, Survey]:
    try:
        facts = probe.probe(path)
        return facts, survey(path, facts.duration_s)
    except MediaError as error:
        raise Failed(f"what came is not a whole clip: {error.line}") from error


def _shape(asked: ShotRequest) -> float:
    width, _, height = asked.aspect_ratio.partition(":")
    return float(width) / float(height)
