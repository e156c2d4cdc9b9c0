"""Ways to spoil a clip, each with the check that has to fail, and what cannot be told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageFilter

from tests.media.calibration_footage import AFTER, BEFORE, HEIGHT, SOUND_RATE, WIDTH, camera, grainy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.media.calibration_footage import Frames


@dataclass(frozen=True)
class Made:
    """What is spoilt: the frames of the clip after the seam, its sound, and its file once it is written."""

    take: Frames
    """The whole take; the clip after the seam starts at `BEFORE - 1`."""
    frames: Frames
    sound: Any
    crf: int = 18
    kept: float = 1.0
    """The part of the file that arrives."""


@dataclass(frozen=True)
class Defect:
    name: str
    check: str
    """The one that has to fail; empty for a known-good clip."""
    spoil: Callable[[Made], Made]


def _each(change: Callable[[Any], Any]) -> Callable[[Made], Made]:
    return lambda made: _with(made, frames=[change(frame) for frame in made.frames])


def _with(made: Made, **changes: Any) -> Made:
    return Made(**{**vars(made), **changes})


def _image(change: Callable[[Image.Image], Image.Image]) -> Callable[[Made], Made]:
    def changed(frame: Any) -> Any:
        return np.asarray(change(Image.fromarray(frame.clip(0, 255).astype(np.uint8))), float)

    return _each(changed)


def _reframed(image: Image.Image) -> Image.Image:
    x, y = WIDTH * (1 - 1 / 1.02) / 2, HEIGHT * (1 - 1 / 1.02) / 2
    return image.resize(image.size, Image.Resampling.BICUBIC, (x, y, WIDTH - x, HEIGHT - y))


def _chroma(turn_deg: float, gain: float) -> Callable[[Made], Made]:
    """Turn and scale Cb and Cr; luma stays."""
    turn = gain * np.exp(1j * math.radians(turn_deg))

    def changed(frame: Any) -> Any:
        luma = frame @ (0.2126, 0.7152, 0.0722)
        colour = turn * ((frame[..., 2] - luma) / 1.8556 + 1j * (frame[..., 0] - luma) / 1.5748)
        blue, red = luma + 1.8556 * colour.real, luma + 1.5748 * colour.imag
        return np.stack([red, (luma - 0.2126 * red - 0.0722 * blue) / 0.7152, blue], axis=-1)

    return _each(changed)


def _flat(frame: Any) -> Any:
    """A fifth less contrast of luma; the colours stay."""
    luma = frame @ (0.2126, 0.7152, 0.0722)
    return frame - 0.2 * (luma - luma.mean())[..., None]


def _from(start: int, repeat: int = 0) -> Callable[[Made], Made]:
    def cut(made: Made) -> Made:
        frames = made.take[BEFORE - 1 + start :]
        return _with(made, frames=([frames[0]] * repeat + frames)[:AFTER])

    return cut


def _frozen(made: Made) -> Made:
    stop = AFTER // 3
    return _with(made, frames=made.frames[:stop] + [made.frames[stop]] * (AFTER - stop))


def _faded(made: Made) -> Made:
    left = [min(1.0, max(0.0, (AFTER - 3 - at) / 12)) for at in range(AFTER)]
    return _with(made, frames=[frame * share for frame, share in zip(made.frames, left, strict=True)])


def _black(made: Made) -> Made:
    return _with(made, frames=[frame * (not 14 <= at < 30) for at, frame in enumerate(made.frames)])


def _clicks(made: Made) -> Made:
    sound = made.sound.copy()
    sound[:40] += 0.6 * np.exp(-np.arange(40) / 8)
    return _with(made, sound=sound)


def _quieter(made: Made) -> Made:
    """Within 10 ms: at once, it would be a click as well."""
    ramp = np.minimum(np.arange(len(made.sound)) / (0.01 * SOUND_RATE), 1)
    return _with(made, sound=made.sound * 10 ** (-3 / 20 * ramp))


def _same(made: Made) -> Made:
    return made


DEFECTS: Final = (
    Defect("as it is", "", _same),
    Defect("next frame", "", _from(1)),
    Defect("poor codec", "", lambda made: _with(made, crf=25)),
    Defect(
        "wrong frame",
        "frame",
        lambda made: _with(made, frames=camera(99, [(2 * at, 0) for at in range(AFTER)])),
    ),
    Defect("mirrored", "frame", _each(lambda frame: frame[:, ::-1])),
    Defect("reframed 1.02", "framing", _image(_reframed)),
    Defect("shift 4 px", "framing", _each(lambda frame: np.roll(frame, 4, axis=0))),
    *(Defect(f"repeated {count}", "repeats", _from(0, count)) for count in (1, 2, 3, 4)),
    *(Defect(f"dropped {count}", "dropped", _from(1 + count)) for count in (1, 2, 3)),
    *(
        Defect(f"luma {change:+d} %", "luma", _each(lambda frame, gain=1 + change / 100: frame * gain))
        for change in (-6, -3, 3, 6)
    ),
    Defect("contrast", "contrast", _each(_flat)),
    Defect("hue -4 deg", "hue", _chroma(-4, 1)),
    Defect("hue +4 deg", "hue", _chroma(4, 1)),
    Defect("saturation", "saturation", _chroma(0, 0.8)),
    Defect("blur", "sharpness", _image(lambda image: image.filter(ImageFilter.GaussianBlur(2)))),
    Defect("grain", "noise", lambda made: _with(made, frames=grainy(made.frames, 7.0, 10))),
    Defect("freeze", "frozen", _frozen),
    Defect("fade-out", "ending", _faded),
    Defect("black", "black", _black),
    Defect("click", "click", _clicks),
    Defect("3 dB step", "level", _quieter),
    Defect("truncated", "whole", lambda made: _with(made, kept=0.8)),
)

_VOICE: Final = "a voice varies in level by more than 3 dB itself"
_GRAIN: Final = "a codec that takes grain takes detail, as a blur"
_EVEN: Final = "a calm sea in a mirror is itself, moved aside"
_SLOW: Final = "from frame to frame less moves than a codec changes"
NOT_SEPARABLE: Final[Mapping[tuple[str, str], str]] = {
    ("hand_held", "3 dB step"): _VOICE,
    ("cuts", "3 dB step"): _VOICE,
    ("hand_held", "poor codec"): _GRAIN,
    ("noise", "poor codec"): _GRAIN,
    ("synthetic", "mirrored"): _EVEN,
    ("synthetic", "repeated 1"): _SLOW,
    ("synthetic", "dropped 1"): _SLOW,
    ("synthetic", "dropped 2"): _SLOW,
    ("synthetic", "dropped 3"): _SLOW,
}
"""(footage, defect): why it cannot be told from what is good, or from another defect, on every seed."""
