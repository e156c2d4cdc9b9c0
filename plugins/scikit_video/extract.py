"""Reading the last frame with scikit-video, and checking that it saw the whole clip as a player does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from runner.api import Frame, HandOver
from runner.errors import ExtractionRefused
from runner.media import (
    FFMPEG_INPUT_ARGUMENTS,
    Probe,
    check_size,
    colour_filter,
    count_shown,
    find_ffmpeg,
    last_frame,
    moment_from_end,
    open_video,
    probe_clip,
)

from .compat import ProgramFailed, load

if TYPE_CHECKING:
    from . import ScikitVideoOptions

_ALL: Final = "0"  # scikit-video's number for "until there is no more"


class ScikitVideo:
    """Reads a clip from its first frame to its last; memory does not grow with it, time does."""

    def __init__(self, options: ScikitVideoOptions) -> None:
        self._reader = load(find_ffmpeg(options.binary), _describe)

    def extract(self, clip: Path, policy: HandOver) -> Frame:
        """Return the last frame, or one before it. Raises `MediaError`."""
        found = probe_clip(clip)
        check_size(found)
        with open_video(clip) as source:
            wanted = moment_from_end(source, policy.frames)
            expected = count_shown(source)
        seen, rgb = self._read(clip, found, expected - 1 - policy.frames)
        if seen != expected:
            raise _refused(clip, f"the clip shows {expected} frames and scikit-video read {seen}")
        height, width = last_frame(clip).rgb.shape[:2]
        if (width, height) != (found.width, found.height):
            raise _refused(
                clip, f"the image is {found.width}x{found.height} at first and {width}x{height} at the end"
            )
        if rgb.shape != (found.height, found.width, 3):
            raise _refused(clip, f"the clip is {found.width}x{found.height} and the frame {rgb.shape}")
        return Frame(rgb=rgb, time_s=float(wanted.time_s - wanted.start_s), method="scikit-video")

    def _read(self, clip: Path, found: Probe, number: int) -> tuple[int, Any]:
        """Return how many frames there are, and the one with this number, from 0."""
        seen = 0
        rgb = np.empty((0, 0, 3), np.uint8)
        try:
            with self._reader(
                str(clip.absolute()),
                inputdict={**FFMPEG_INPUT_ARGUMENTS, "-max_error_rate": "0"},
                outputdict={
                    "-map": f"0:{found.track}",
                    "-fps_mode": "passthrough",
                    "-vf": colour_filter(found),
                },
            ) as reader:
                for frame in reader.nextFrame():
                    if seen == number:
                        rgb = frame
                    seen += 1
        except AssertionError as error:
            raise _refused(clip, f"scikit-video does not open it: {error}") from error
        except KeyError as error:
            raise _refused(clip, f"scikit-video does not know the pixel format {error}") from error
        except (ProgramFailed, RuntimeError, OSError, ValueError) as error:
            raise _refused(clip, str(error)) from error
        return seen, rgb


def _describe(name: str) -> dict[str, str]:
    found = probe_clip(Path(name))
    return {
        "@width": str(found.width),
        "@height": str(found.height),
        "@pix_fmt": found.pix_fmt,
        "@r_frame_rate": f"{found.fps.numerator}/{found.fps.denominator}",
        "@nb_frames": _ALL,
    }


def _refused(clip: Path, why: str) -> ExtractionRefused:
    return ExtractionRefused(
        "scikit-video cannot read the last frame", where=str(clip), why=why, hint="use extractor=pyav"
    )
