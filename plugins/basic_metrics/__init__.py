"""The metrics that come with the program: of seams in `seams.py`, of clips in `clips.py`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.api import Context, MetricSpec, NoOptions, hookimpl

if TYPE_CHECKING:
    from runner.api import Subject

runner_api_version = 2


@dataclass(frozen=True, slots=True)
class Basic:
    """One metric: a function of `seams.py` or `clips.py`, which need libraries that are slow to import."""

    module: str
    function: str

    def measure(self, subject: Subject) -> float | None:
        """Round what the function returns to four decimals."""
        found = getattr(importlib.import_module(f".{self.module}", __package__), self.function)(subject)
        return None if found is None else round(float(found), 4)


def _create(module: str, function: str, options: NoOptions, context: Context) -> Basic:
    return Basic(module, function)


def _seam(name: str, function: str, summary: str, **more: Any) -> MetricSpec:
    return MetricSpec(
        name=f"seam_{name}",
        factory=partial(_create, "seams", function),
        level="seam",
        summary=summary,
        **more,
    )


def _clip(name: str, function: str, summary: str, **more: Any) -> MetricSpec:
    return MetricSpec(
        name=name, factory=partial(_create, "clips", function), level="clip", summary=summary, **more
    )


def _jump(name: str, function: str, summary: str) -> MetricSpec:
    """A multiple of what the clips vary by themselves, from which on a change is seen: `tests/media/calibration.py`
    says how far known-good and known-bad seams are from it, and from the maximum of the others."""
    return _seam(
        name,
        function,
        f"{summary}, over what is usual",
        unit="x",
        better="lower",
        maximum=2.0,
        version=3,
        matters=0.5,
    )


@hookimpl
def runner_register() -> list[MetricSpec]:
    return [
        _seam("ssim", "ssim", "structural similarity of the first frame and the given one", matters=0.01),
        _seam(
            "psnr_db",
            "psnr_db",
            "signal-to-noise ratio of the first frame, at most 99",
            unit="dB",
            matters=1.5,
        ),
        # 1 is just visible side by side.
        _seam(
            "delta_e",
            "delta_e",
            "colour difference (CIEDE2000) of the first frame",
            better="lower",
            matters=0.5,
        ),
        _jump("luma_jump", "luma_jump", "change of brightness at the seam"),
        _jump("contrast_jump", "contrast_jump", "change of contrast at the seam"),
        _jump("saturation_jump", "saturation_jump", "change of saturation at the seam"),
        _jump("hue_jump", "hue_jump", "turn of all hues at the seam"),
        _jump("sharpness_jump", "softening", "loss of fine detail at the seam"),
        _jump("noise_jump", "graining", "gain of noise at the seam"),
        _seam("motion", "motion", "speed of the camera after the seam, over that before it", version=2),
        _seam(
            "steps",
            "steps",
            "frames from the given one to the first one; from 2 on some are missing",
            unit="frames",
            better="lower",
            maximum=1.6,
            matters=0.5,
        ),
        _seam(
            "repeats",
            "repeats",
            "first frames that show what was shown before the seam",
            unit="frames",
            better="lower",
            maximum=1.0,
            matters=0.5,
        ),
        _seam(
            "click",
            "click",
            "how abruptly sound turns at the seam, over the most around it",
            unit="x",
            better="lower",
            maximum=1.8,
            matters=0.5,
        ),
        _seam(
            "level_step_db",
            "level_step_db",
            "step of the sound's level at the seam, up or down",
            unit="dB",
            better="lower",
            maximum=2.0,
            matters=1.0,
        ),
        _clip("sharpness", "sharpness", "mean square of the Laplacian of luma, in square levels"),
        _clip(
            "noise",
            "noise",
            "standard deviation of noise in luma, 8-bit levels",
            unit="levels",
            better="lower",
        ),
        _clip("saturation", "saturation", "mean chroma in CIELAB", version=3),
        _clip(
            "contrast",
            "contrast",
            "standard deviation of luma in a frame, 8-bit levels",
            unit="levels",
            version=2,
        ),
        _clip("stillness", "stillness", "share of frames that equal the one before", better="lower"),
        _clip("black", "black", "share of frames that are black", better="lower"),
        _clip("loudness_lufs", "loudness", "integrated loudness (EBU R 128); none of silence", unit="LUFS"),
    ]
