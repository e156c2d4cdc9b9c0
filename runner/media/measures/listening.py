"""The sound of a clip as samples, placed by their times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE: Final = 48_000
"""Samples per second."""
_LONGEST_S: Final = 120.0
_FAR_S: Final = 1.0  # a gap of silence that is believed


class Listener:
    """Collects the samples of one sound track, mixed to mono at 48 kHz. Sound that does not decode ends it: the picture
    is measured all the same."""

    def __init__(self, start_s: float) -> None:
        self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
        self._start_s = start_s
        self._parts: list[NDArray[Any]] = []
        self._count = 0
        self._ended = False

    def decode(self, packet: av.Packet[Any]) -> None:
        """Take a packet of the track; an empty one ends it."""
        if self._ended or self._count > _LONGEST_S * RATE:
            return
        try:
            for frame in packet.decode():
                assert isinstance(frame, av.AudioFrame)
                self._take(frame)
        except (av.FFmpegError, ValueError):
            self._ended = True

    @property
    def heard_s(self) -> float:
        """Seconds that were collected."""
        return self._count / RATE

    def sound(self, duration_s: float) -> NDArray[np.float32] | None:
        """What was heard until the picture ends; `None` where that is nothing."""
        if not self._ended:
            self._take(None)
        if not self._count:
            return None
        samples = np.concatenate(self._parts)[: round(min(duration_s, _LONGEST_S) * RATE)]
        samples.setflags(write=False)
        return samples if samples.size else None

    def _take(self, frame: av.AudioFrame | None) -> None:
        try:
            for part in self._resampler.resample(frame):
                self._add(part)
        except (av.FFmpegError, ValueError):
            self._ended = True

    def _add(self, part: av.AudioFrame) -> None:
        samples = part.to_ndarray()[0]
        if not self._count and part.time is not None:
            # What begins later than the picture is silent before; what begins earlier is not heard.
            late = round((part.time - self._start_s) * RATE)
            if 0 < late <= _FAR_S * RATE:
                self._parts.append(np.zeros(late, np.float32))
                self._count += late
            elif late < 0:
                samples = samples[-late:]
        if not samples.size:
            return
        self._parts.append(samples.astype(np.float32, copy=False))
        self._count += samples.size
