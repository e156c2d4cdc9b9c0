"""The technical checks of a clip: what of it is not as requested, or not worth going on from. Pure.

They read the record of a clip alone, so that one which an earlier run paid for is judged as a new one is. What its
record does not hold, since an older version wrote it, is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from runner.media import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.api import JSON, ShotRequest
    from runner.config.check_keys import Checks
    from runner.store.clip_record import ClipFile

_SOUND_SWITCHES: Final = ("audio", "enable_audio", "generate_audio", "sound", "with_audio")
"""Parameters by which models switch their sound on and off. Other values than true and false say nothing here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that a clip does not pass."""

    check: str
    """A key of `checks`."""
    text: str
    """What is the matter with the clip, as the end of a sentence that begins with it."""


def warned(clip: ClipFile, request: ShotRequest, checks: Checks) -> tuple[str, ...]:
    """What is the matter with a clip, of all checks that are not off."""
    return tuple(one.text for one in findings(clip, request) if getattr(checks, one.check) != "off")


def failed(clip: ClipFile | None, request: ShotRequest, checks: Checks) -> tuple[Finding, ...]:
    """The checks that hold a clip."""
    if clip is None:
        return ()
    return tuple(one for one in findings(clip, request) if getattr(checks, one.check) == "fail")


def findings(clip: ClipFile, request: ShotRequest) -> Iterator[Finding]:
    """Every check that a clip does not pass, whatever is done about it."""
    least = max(thresholds.OTHER_DURATION_S, thresholds.OTHER_DURATION * request.duration_s)
    if abs(clip.duration_s - request.duration_s) > least:
        text = f"is {clip.duration_s:.2f} s long, {request.duration_s:g} s were requested"
        yield Finding("duration", text)
    width, _, height = request.aspect_ratio.partition(":")
    wanted, got = int(width) / int(height), clip.width / clip.height
    if abs(got / wanted - 1) > thresholds.OTHER_SHAPE:
        yield Finding("shape", f"is {clip.width}x{clip.height}, not {request.aspect_ratio}")
    rate = float(Fraction(clip.fps))
    if rate and abs(rate / request.fps - 1) > thresholds.OTHER_RATE:
        yield Finding("rate", f"has {rate:.6g} frames per second, {request.fps:g} were requested")
    asked = _sound_asked(request.params)
    if asked is not None and asked is not bool(clip.audio):
        text = "has no sound, and sound was requested" if asked else "has sound, and none was requested"
        yield Finding("audio", text)
    if clip.black is not None and clip.black >= thresholds.BLACK_SHARE:
        yield Finding("black", f"is black for {clip.black:.0%} of its length")
    elif clip.frozen is not None and clip.frozen >= thresholds.FROZEN_SHARE:
        yield Finding("frozen", f"shows one and the same image for {clip.frozen:.0%} of its length")
    if clip.ends_blank:
        text = "ends in a single colour: a shot that chains from it starts from nothing"
        yield Finding("ending", text)


def _sound_asked(params: Mapping[str, JSON]) -> bool | None:
    """Whether the parameters of a request ask for sound; `None` where they do not say, or contradict each other."""
    said = {value for name, value in params.items() if name in _SOUND_SWITCHES and isinstance(value, bool)}
    return said.pop() if len(said) == 1 else None
