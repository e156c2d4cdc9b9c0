"""Reading the last frame by running ffmpeg, and checking by its time that it is that one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from runner.api import Frame, HandOver
from runner.errors import ExtractionRefused
from runner.media import (
    FFMPEG_INPUT_ARGUMENTS,
    Moment,
    Probe,
    check_size,
    colour_filter,
    find_ffmpeg,
    moment_from_end,
    open_video,
    probe_clip,
)

from .process import Answer, run

if TYPE_CHECKING:
    from pathlib import Path

    from . import FFmpegOptions

_BACK_S: Final = (0, 2, 10, 30, None)
"""How many seconds before the last frame to start reading; `None` is the beginning."""

_SLACK_S: Final = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class _Clip:
    path: Path
    probe: Probe
    last: Moment
    """Of the frame that is wanted."""
    offset: int
    """How many frames come after it."""

    @property
    def tolerance_s(self) -> Fraction:
        """How far the time of the frame may be off and still not be that of another one."""
        return self.last.duration_s / 2 or _SLACK_S


class FFmpeg:
    """Runs ffmpeg once for a clip, more often where seeking does not lead to the last frame."""

    def __init__(self, options: FFmpegOptions) -> None:
        self._options = options
        self._program = find_ffmpeg(options.binary)

    def extract(self, clip: Path, policy: HandOver) -> Frame:
        """Return the last frame, or one before it, which is sought by its time. Raises `MediaError`."""
        found = probe_clip(clip)
        check_size(found)
        with open_video(clip) as source:
            last = moment_from_end(source, policy.frames)
        known = _Clip(clip, found, last, policy.frames)
        if self._options.method == "reverse" and not policy.frames:
            return self._reverse(known)
        return self._seek(known)

    def _seek(self, clip: _Clip) -> Frame:
        start = clip.last.time_s - clip.tolerance_s
        end = f"*lt(t\\,{_seconds(clip.last.time_s + clip.tolerance_s)})" if clip.offset else ""
        problems = []
        for back in _BACK_S:
            seek = (
                [] if back is None else ["-ss", _seconds(max(Fraction(0), start - back - clip.last.start_s))]
            )
            # Without -copyts, frames are timed from where ffmpeg believes it landed.
            answer = self._run(
                clip,
                ["-copyts", *seek],
                f"select=gte(t\\,{_seconds(start)}){end},showinfo=checksum=0,{colour_filter(clip.probe)}",
            )
            problem = _problem(answer, clip)
            if not problem:
                return _frame(answer, clip, "ffmpeg seek" if back == 0 else "ffmpeg seek, going back")
            problems.append(problem)
        raise _refused(clip.path, "; ".join(dict.fromkeys(problems)), "use extractor=pyav")

    def _reverse(self, clip: _Clip) -> Frame:
        frames = clip.probe.frames or round(clip.probe.fps * Fraction(clip.probe.duration_s))
        bits = av.VideoFormat(clip.probe.pix_fmt).padded_bits_per_pixel
        mib = clip.probe.width * clip.probe.height * bits * frames // 8 // 2**20
        if mib > self._options.reverse_max_mib:
            raise _refused(
                clip.path,
                f"the reverse filter keeps all {frames} frames in memory, {mib} MiB here, and "
                f"extractor.reverse_max_mib is {self._options.reverse_max_mib}",
                "set extractor.method=seek",
            )
        # The filter gives the frames the times of one another, so they are read before it.
        answer = self._run(
            clip, ["-copyts"], f"showinfo=checksum=0,reverse,{colour_filter(clip.probe)}", "-frames:v", "1"
        )
        problem = _problem(answer, clip)
        if problem:
            raise _refused(clip.path, problem, "set extractor.method=seek, or use extractor=pyav")
        return _frame(answer, clip, "ffmpeg reverse")

    def _run(self, clip: _Clip, seek: list[str], filters: str, *output: str) -> Answer:
        command = [str(self._program), "-hide_banner", "-nostdin", "-nostats", "-xerror"]
        for option, value in FFMPEG_INPUT_ARGUMENTS.items():
            command += [option, value]
        # With the prefix and in full, a name is never taken for an option, an address or a pattern.
        command += [
            *seek,
            "-i",
            f"file:{clip.path.absolute()}",
            "-map",
            f"0:{clip.probe.track}",
            "-fps_mode",
            "passthrough",
        ]
        command += ["-vf", filters, *output, "-f", "rawvideo", "pipe:1"]
        return run(command, self._options.timeout_s)


def _seconds(value: Fraction) -> str:
    return f"{float(value):.6f}"


def _problem(answer: Answer, clip: _Clip) -> str:
    """Return why the answer is not the last frame, empty if it is."""
    if answer.failure:
        return answer.failure
    if answer.last_s is None:
        return "no frame was found there"
    if abs(answer.last_s - clip.last.time_s) > clip.tolerance_s:
        expected, found = float(clip.last.time_s), float(answer.last_s)
        return f"the frame is at {expected:.3f} s and ffmpeg's at {found:.3f} s"
    first = clip.probe.coded[::-1] if clip.probe.rotation % 180 else clip.probe.coded
    if answer.size is not None and answer.size != first:
        return f"the image is {first[0]}x{first[1]} at first and {answer.size[0]}x{answer.size[1]} at the end"
    size = clip.probe.width * clip.probe.height * 3
    return "" if len(answer.rgb) == size else f"ffmpeg gave {len(answer.rgb)} bytes, not {size}"


def _frame(answer: Answer, clip: _Clip, method: str) -> Frame:
    rgb = np.frombuffer(answer.rgb, np.uint8).reshape(clip.probe.height, clip.probe.width, 3)
    return Frame(rgb=rgb, time_s=float(clip.last.time_s - clip.last.start_s), method=method)


def _refused(clip: Path, why: str, hint: str) -> ExtractionRefused:
    return ExtractionRefused("ffmpeg did not find the last frame", where=str(clip), why=why, hint=hint)
