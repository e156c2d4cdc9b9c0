"""A copy of a clip that browsers play: H.264 with 8 bits and 4:2:0 samples, and AAC, in MP4."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
import numpy as np
from PIL import Image

from runner.errors import MediaError
from runner.media.colour import to_rgb
from runner.media.source import open_video, sound_track
from runner.media.tail import time_base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

    from runner.media.source import Source

__all__ = ["is_playable", "write_proxy"]

_PLAYED: Final = {
    "h264": frozenset({"yuv420p", "yuvj420p"}),
    "av1": frozenset({"yuv420p"}),
    "vp9": frozenset({"yuv420p"}),
}
_SOUND: Final = frozenset({"aac", "mp3", "opus", "flac"})
_WIDEST: Final = 1280
_MOST_FRAMES: Final = 20_000
_BT709: Final = 1  # ITU-T H.273
_LIMITED: Final = 1
_TICKS: Final = 90_000
_RATE: Final = 48_000


def is_playable(path: Path) -> bool:
    """Whether browsers play a clip as it is. Raises `MediaError` for what cannot be read."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] != b"ftyp" or head[8:12] == b"qt  ":
        return False  # Matroska, MPEG-TS and QuickTime play in some browsers
    with open_video(path, analyse=True) as source:
        context = source.track.codec_context
        sound = sound_track(source.container)
        plays_sound = sound is None or sound.codec_context.name in _SOUND
        return plays_sound and context.pix_fmt in _PLAYED.get(context.codec.canonical_name, frozenset())


def write_proxy(path: Path, target: Path) -> None:
    """Encode a clip for browsers, at most 1280 pixels wide, with the times of its frames.

    Raises `MediaError` for one that does not decode, or has more than 20,000 frames.
    """
    with (
        open_video(path) as source,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        base, first = time_base(source.track), None
        track: VideoStream | None = None
        for number, frame in enumerate(source.container.decode(source.track)):
            source.decoded()
            if number >= _MOST_FRAMES:
                raise MediaError("this clip is too long for a preview", where=str(path))
            image = _fitted(Image.fromarray(to_rgb(frame, source.sar, source.crop)))
            if track is None:
                track = _track(out, image, source)
                sound = _Sound(path, out)
            time = (frame.pts or 0) * base
            first = time if first is None else first
            out.mux(track.encode(_coded(image, round((time - first) * _TICKS))))
        if track is None:
            raise MediaError("this clip has no frame", where=str(path))
        out.mux(track.encode(None))
        sound.write(first or Fraction(0))


def _fitted(image: Image.Image) -> Image.Image:
    """At most so wide, and of even sizes, as 4:2:0 samples need."""
    scale = min(1.0, _WIDEST / image.width)
    size = (max(2, round(image.width * scale) & ~1), max(2, round(image.height * scale) & ~1))
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def _track(out: OutputContainer, image: Image.Image, source: Source) -> VideoStream:
    rate = source.track.average_rate or Fraction(25)
    track = out.add_stream(
        "libx264", rate=rate, options={"preset": "veryfast", "crf": "20", "bf": "0", "g": "12"}
    )
    track.width, track.height, track.pix_fmt = image.width, image.height, "yuv420p"
    context = track.codec_context
    track.time_base = context.time_base = Fraction(1, _TICKS)
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return track


def _coded(image: Image.Image, pts: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.asarray(image), "rgb24").reformat(
        format="yuv420p", dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
    )
    frame.pts, frame.time_base = pts, Fraction(1, _TICKS)
    return frame


class _Sound:
    """The sound of a clip, encoded again beside its pictures, as far as it decodes."""

    def __init__(self, path: Path, out: OutputContainer) -> None:
        self._path, self._out = path, out
        with open_video(path) as source:
            has_sound = sound_track(source.container) is not None
        self._track = out.add_stream("aac", rate=_RATE) if has_sound else None

    def write(self, first: Fraction) -> None:
        """Encode it; `first` is the time of the first picture in the clip, in seconds."""
        if self._track is None:
            return
        with open_video(self._path) as source:
            for frame in _resampled(source.container):
                frame.pts = round(((frame.pts or 0) * Fraction(1, _RATE) - first) * _RATE)
                frame.time_base = Fraction(1, _RATE)
                if frame.pts >= 0:
                    self._out.mux(self._track.encode(frame))
        self._out.mux(self._track.encode(None))


def _resampled(container: InputContainer) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_RATE)
    track = sound_track(container)
    assert track is not None, "the caller looked"
    try:
        for frame in container.decode(track):
            yield from resampler.resample(frame)
    except av.FFmpegError:
        return  # the pictures are worth having without the rest of the sound
    yield from resampler.resample(None)
