"""The sound of a film: that of its clips, each cut or padded to exactly the time that its images take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import av
import numpy as np

from runner.media.source import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from .clip import Clip
    from .plan import Share

RATE: Final = 48_000
LAYOUT: Final = "stereo"
_RAMP: Final = RATE * 4 // 1000  # 4 ms: too short to hear as a fade, long enough not to click
_GAP: Final = RATE * 60 // 1000  # less is rounding of times in the container, more is really missing
_SILENCE: Final = 8192


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
    """A clip's sound as 48 kHz stereo. What cannot be decoded is left out, and its place stays silent."""
    with open_video(clip.path, analyse=False) as source:
        container, stream = source.container, source.container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=LAYOUT, rate=RATE)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                yield from resampler.resample(frame)
        yield from resampler.resample(None)
