"""Decodes sound as 48 kHz stereo, whatever it was."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer

Samples: TypeAlias = NDArray[np.float32]
"""Sound as float32 of shape (2, samples), -1 to 1."""

RATE: Final = 48_000
LAYOUT: Final = "stereo"
_USUAL: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Which channels there are where only their number is known."""
_AS_WANTED: Final = ("mono", "stereo")
_AT_ONCE: Final = RATE // 2
"""Frames of sound are as short as 20 ms: half a second of them costs little more than one."""
_GAP: Final = RATE * 60 // 1000
"""Less is rounding of times in the container, more is really missing."""
_PUSHED: Final = 16


def resampled(
    container: InputContainer, stream: AudioStream, starts_s: Fraction = Fraction(0)
) -> Iterator[tuple[int, Samples]]:
    """A track as blocks of 48 kHz stereo, float32 of shape (2, samples), each with its place.

    Places are in samples after the time `starts_s` of the track's clock, and below 0 before it. What cannot be
    decoded is left out: between the end of a block and the place of the next one nothing was found.
    """
    place: int | None = None
    first, size = 0, 0
    left: list[Samples] = []
    right: list[Samples] = []
    start = float(starts_s)
    for frame in _frames(container, stream):
        if frame.pts is not None and frame.time_base is not None:
            late = (frame.pts * float(frame.time_base) - start) * RATE
            if place is None or abs(late - place) > _GAP:
                if size:
                    yield first, _together(left, right)
                place = round((frame.pts * frame.time_base - starts_s) * RATE)
                first, size, left, right = place, 0, [], []
        place = place or 0
        channels = [np.frombuffer(memoryview(plane), np.float32, frame.samples) for plane in frame.planes]
        left.append(channels[0])
        right.append(channels[-1])
        size += frame.samples
        place += frame.samples
        if size >= _AT_ONCE:
            yield first, _together(left, right)
            first, size, left, right = place, 0, [], []
    if size:
        yield first, _together(left, right)


def _together(left: list[Samples], right: list[Samples]) -> Samples:
    block = np.empty((2, sum(part.size for part in left)), np.float32)
    np.concatenate(left, out=block[0])
    np.concatenate(right, out=block[1])
    return block


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Frames of 48 kHz in planar floats, with one channel or two.

    The rate, layout or sample format may change within a clip (MP3, AC-3, AAC in a transport stream): each stretch
    has a converter of its own, or the pitch would change with it.
    """
    kind: tuple[int, str, str] | None = None
    converter: _Converter | None = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            found = (frame.sample_rate, frame.layout.name, frame.format.name)
            if kind != found:
                if converter is not None:
                    yield from converter.finish()
                kind, converter = found, None
                if found[0] != RATE or found[1] not in _AS_WANTED or found[2] != "fltp":
                    converter = _Converter(frame)
            if converter is None:
                yield frame
            else:
                yield from converter.convert(frame)
    if converter is not None:
        yield from converter.finish()


class _Converter:
    """Turns frames like a first one into 48 kHz, mono or stereo. More channels are mixed down without clipping."""

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
        # One channel stays one: libswresample would make it 3 dB quieter than players, and than the same on two.
        layout = "mono" if first.layout.nb_channels == 1 else LAYOUT
        mix = self._graph.add(
            "aresample", f"{RATE}:rematrix_maxval=1.0:out_chlayout={layout}:out_sample_fmt=fltp"
        )
        sink = self._graph.add("abuffersink")
        self._graph.link_nodes(source, mix, sink).configure()
        self._waiting = 0

    def convert(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        if self._layout:
            named = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, self._layout)
            named.sample_rate, named.pts, named.time_base = frame.sample_rate, frame.pts, frame.time_base
            frame = named
        self._graph.push(frame)
        self._waiting += 1
        if self._waiting == _PUSHED:  # to ask in vain costs as much as a frame
            self._waiting = 0
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
