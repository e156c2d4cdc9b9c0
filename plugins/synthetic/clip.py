"""Writing a clip: H.264 and AAC in MP4, the same bytes for the same frames."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Final

import av
import numpy as np

from .sound import RATE, Chord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container.output import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from .geometry import Geometry
    from .planes import Planes

_BT709: Final = 1  # the code of ITU-T H.273, for primaries, transfer and matrix alike
_LIMITED: Final = 1
_BLOCK: Final = 1024  # samples in an AAC frame
_GOP_S: Final = 2


def write(
    path: Path, frames: Iterable[Planes], shape: Geometry, sound: Chord | None, *, b_frames: int = 0
) -> None:
    """Encode `frames` to `path`, with the index in front and both tracks of the same length.

    One thread and no time stamps of the day: the bytes depend on the frames alone.
    """
    options = {"movflags": "+faststart", "movie_timescale": str(RATE), "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        video = _video(container, shape, b_frames)
        packets = _sound(_audio(container), sound) if sound is not None else iter(())
        played = 0
        for index, planes in enumerate(frames):
            container.mux(video.encode(_frame(planes, index, shape)))
            until = round((index + 1) / shape.fps * RATE) // _BLOCK
            for encoded in islice(packets, until - played):
                container.mux(encoded)
            played = until
        container.mux(video.encode(None))
        for encoded in packets:
            container.mux(encoded)


def _video(container: OutputContainer, shape: Geometry, b_frames: int) -> VideoStream:
    options = {
        "preset": "ultrafast",
        "x264-params": "cabac=1:8x8dct=1",
        "crf": "16",
        "bf": str(b_frames),
        "threads": "1",
        "g": str(max(1, round(_GOP_S * shape.fps))),
    }
    stream = container.add_stream("libx264", rate=shape.fps, options=options)
    stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
    stream.time_base = 1 / shape.fps
    context = stream.codec_context
    context.time_base = 1 / shape.fps
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _audio(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=RATE, options={"threads": "1"})
    stream.codec_context.layout = "stereo"
    stream.codec_context.bit_rate = 128_000
    return stream


def _frame(planes: Planes, index: int, shape: Geometry) -> av.VideoFrame:
    frame = av.VideoFrame(shape.width, shape.height, "yuv420p")
    for target, plane in zip(frame.planes, planes, strict=True):
        height, width = plane.shape
        np.frombuffer(memoryview(target), np.uint8).reshape(-1, target.line_size)[:height, :width] = plane
    frame.pts = index
    frame.time_base = 1 / shape.fps
    frame.colorspace = _BT709
    frame.color_range = _LIMITED
    return frame


def _sound(stream: AudioStream, sound: Chord) -> Iterator[list[Packet[AudioStream]]]:
    """The packets of one block of sound after the other, and those that the encoder holds back."""
    for start in range(0, sound.samples, _BLOCK):
        samples = sound.at(start, min(_BLOCK, sound.samples - start))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), start
        yield stream.encode(frame)
    yield stream.encode(None)
