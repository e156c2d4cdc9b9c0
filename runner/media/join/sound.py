"""The sound of a film: that of its clips, each cut or padded to exactly the time that its images take."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
import numpy as np
from av.filter import Graph

from runner.media.source import open_video, sound_track

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .clip import Clip
    from .plan import Share

RATE: Final = 48_000
LAYOUT: Final = "stereo"
_RAMP: Final = RATE * 4 // 1000  # 4 ms: too short to hear as a fade, long enough not to click
_GAP: Final = RATE * 60 // 1000  # less is rounding of times in the container, more is really missing
_SILENCE: Final = 8192
_USUAL: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Which channels there are where only their number is known."""


def positions(shares: Sequence[Share], fps: Fraction) -> list[int]:
    """Where each clip's sound begins and the last one ends, in samples.

    Rounded from the film's start each time: the error is half a sample at every seam and never adds up.
    """
    frames, marks = 0, [0]
    for share in shares:
        frames += share.frames
        marks.append(round(frames / fps * RATE))
    return marks


def sound(shares: Sequence[Share], fps: Fraction) -> Iterator[NDArray[np.float32]]:
    """The film's sound in blocks of shape (2, samples), -1 to 1, at 48 kHz, ramped at each seam."""
    marks = positions(shares, fps)
    for number, share in enumerate(shares):
        length = marks[number + 1] - marks[number]
        place = 0
        for block in _exactly(share.clip, length):
            _ramp(block, place, length, rise=number > 0, fall=number < len(shares) - 1)
            place += block.shape[1]
            yield block


def _ramp(block: NDArray[np.float32], place: int, length: int, *, rise: bool, fall: bool) -> None:
    """Fade, in place, the part of a clip's ends that lies in this block."""
    width = min(_RAMP, length // 2)
    size = block.shape[1]
    if width == 0:
        return
    if rise and place < width:
        count = min(size, width - place)
        block[:, :count] *= _curve((np.arange(place, place + count) + 0.5) / width)
    if fall and place + size > length - width:
        first = max(0, length - width - place)
        left = length - place - np.arange(first, size)
        block[:, first:] *= _curve((left - 0.5) / width)


def _curve(share: NDArray[np.float64]) -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(np.pi * share)).astype(np.float32)


def _exactly(clip: Clip, length: int) -> Iterator[NDArray[np.float32]]:
    """The first `length` samples of a clip's sound, from its first frame on; silence where it has none."""
    place = 0
    if clip.sound_s is not None:
        for start, block in _blocks(clip):
            if start > place:
                yield from _silence(min(start, length) - place)
                place = min(start, length)
            kept = block[:, place - start : length - start]
            if place < length and kept.shape[1]:
                yield np.array(kept)
                place += kept.shape[1]
            if place >= length:
                return
    yield from _silence(length - place)


def _silence(length: int) -> Iterator[NDArray[np.float32]]:
    while length > 0:
        yield np.zeros((2, min(length, _SILENCE)), np.float32)
        length -= _SILENCE


def _blocks(clip: Clip) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Decoded sound with the place of each block, in samples after the clip's first frame."""
    place: int | None = None
    for frame in _resampled(clip):
        if frame.pts is not None and frame.time_base is not None:
            stated = round((frame.pts * frame.time_base - clip.start_s) * RATE)
            if place is None or abs(stated - place) > _GAP:
                place = stated
        place = place or 0
        block = frame.to_ndarray().astype(np.float32, copy=False)
        yield place, block
        place += block.shape[1]


def _resampled(clip: Clip) -> Iterator[av.AudioFrame]:
    """A clip's sound as 48 kHz stereo. What cannot be decoded is left out, and its place stays silent.

    The rate, layout or sample format may change within a clip (MP3, AC-3, AAC in a transport stream): each stretch
    has a converter of its own, or the pitch would change with it.
    """
    with open_video(clip.path, analyse=False) as source:
        container, stream = source.container, sound_track(source.container)
        if stream is None or stream.codec_context is None:
            return
        kind: tuple[int, str, str] | None = None
        converter: _Converter | None = None
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if kind != (frame.sample_rate, frame.layout.name, frame.format.name):
                    kind = (frame.sample_rate, frame.layout.name, frame.format.name)
                    if converter is not None:
                        yield from converter.finish()
                    converter = _Converter(frame)
                assert converter is not None
                yield from converter.convert(frame)
        if converter is not None:
            yield from converter.finish()


class _Converter:
    """Turns frames like a first one into 48 kHz stereo. More channels are mixed down without clipping."""

    def __init__(self, first: av.AudioFrame) -> None:
        # Sound in a MOV may not say which channel is which.
        named = (
            all(channel.name != "USR0" for channel in first.layout.channels)
            and "channels" not in first.layout.name
        )
        self._layout = "" if named else _USUAL.get(first.layout.nb_channels, "")
        self._graph = Graph()
        source = self._graph.add_abuffer(
            format=first.format,
            sample_rate=first.sample_rate,
            layout=self._layout or first.layout,
            time_base=first.time_base or Fraction(1, first.sample_rate),
        )
        mix = self._graph.add(
            "aresample", f"{RATE}:rematrix_maxval=1.0:out_chlayout={LAYOUT}:out_sample_fmt=fltp"
        )
        sink = self._graph.add("abuffersink")
        self._graph.link_nodes(source, mix, sink).configure()

    def convert(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        if self._layout:
            named = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, self._layout)
            named.sample_rate, named.pts, named.time_base = frame.sample_rate, frame.pts, frame.time_base
            frame = named
        self._graph.push(frame)
        yield from self._pulled()

    def finish(self) -> Iterator[av.AudioFrame]:
        self._graph.push(None)
        yield from self._pulled()

    def _pulled(self) -> Iterator[av.AudioFrame]:
        with contextlib.suppress(av.BlockingIOError, av.EOFError):
            while True:
                frame = self._graph.pull()
                assert isinstance(frame, av.AudioFrame)
                yield frame
