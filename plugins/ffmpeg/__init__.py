"""An extractor that runs the ffmpeg program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from runner.api import Context, ExtractorSpec, hookimpl

if TYPE_CHECKING:
    from .extract import FFmpeg

runner_api_version = 2


@dataclass(frozen=True, slots=True)
class FFmpegOptions:
    """Which program to run, and how.

    binary           path or name of the program; empty takes imageio-ffmpeg's, else the first on PATH
    method           seek decodes the end of the clip; reverse decodes all of it into memory and turns it round, for
                     the last frame alone
    reverse_max_mib  the most memory that reverse may need, in MiB
    timeout_s        how long one run of the program may take, in seconds

    Raises `ValueError` for what cannot be.
    """

    binary: str = ""
    method: Literal["seek", "reverse"] = "seek"
    reverse_max_mib: int = 800
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        if self.reverse_max_mib <= 0:
            raise ValueError("reverse_max_mib should be positive")
        if self.timeout_s <= 0:
            raise ValueError("timeout_s should be positive")


def _create(options: FFmpegOptions, context: Context) -> FFmpeg:
    from .extract import FFmpeg

    return FFmpeg(options)


@hookimpl
def runner_register() -> ExtractorSpec:
    return ExtractorSpec(
        name="ffmpeg",
        summary="runs the ffmpeg program, imageio-ffmpeg's or your own, and checks the time of its answer",
        factory=_create,
        options=FFmpegOptions,
        offsets=True,
    )
