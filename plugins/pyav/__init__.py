"""The default extractor: reads the last group of pictures with PyAV, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.api import Context, ExtractorSpec, HandOver, NoOptions, hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from runner.api import Frame

runner_api_version = 2


class PyAV:
    """Reads the true last frame, at a cost that does not grow with the length of the clip."""

    def extract(self, clip: Path, policy: HandOver) -> Frame:
        """Return the last frame, or one before it. Raises `MediaError`."""
        from runner.media import frame_from_end  # PyAV and numpy are slow to import

        return frame_from_end(clip, policy.frames)


def _create(options: NoOptions, context: Context) -> PyAV:
    return PyAV()


@hookimpl
def runner_register() -> ExtractorSpec:
    return ExtractorSpec(
        name="pyav",
        summary="decodes the end of the clip in this process: right on every clip, and the fastest",
        factory=_create,
        offsets=True,
    )
