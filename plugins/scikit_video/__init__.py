"""An extractor that runs scikit-video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.api import Context, ExtractorSpec, hookimpl

if TYPE_CHECKING:
    from .extract import ScikitVideo

runner_api_version = 2


@dataclass(frozen=True, slots=True)
class ScikitVideoOptions:
    """binary   path or name of the ffmpeg program to read with; empty takes imageio-ffmpeg's, else the
    first on PATH"""

    binary: str = ""


def _create(options: ScikitVideoOptions, context: Context) -> ScikitVideo:
    from .extract import ScikitVideo

    return ScikitVideo(options)


@hookimpl
def runner_register() -> ExtractorSpec:
    return ExtractorSpec(
        name="scikit_video",
        summary="reads the whole clip with scikit-video and refuses what that gets wrong; slow",
        factory=_create,
        options=ScikitVideoOptions,
        offsets=True,
    )
