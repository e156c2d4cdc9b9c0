"""Finding the last picture of a clip by its timestamps, without decoding anything."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import av

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from av.packet import Packet
    from av.video.stream import VideoStream

    from runner.media.source import Source

__all__ = ["STARTS", "Start", "Tail", "find_tail", "packets_from", "time_base"]

_FAR_S: Final = 100_000_000  # past the end of any clip, and far from overflowing libavformat's arithmetic


@dataclass(frozen=True, slots=True)
class Start:
    """A place to read from: so many seconds before the end; `None` is the last key frame, infinity the
    beginning."""

    before_end_s: float | None

    def __str__(self) -> str:
        if self.before_end_s is None:
            return "tail"
        return "whole" if self.before_end_s == float("inf") else f"last {self.before_end_s:g} s"

    @property
    def whole(self) -> bool:
        return self.before_end_s == float("inf")


STARTS: Final = (Start(None), Start(2), Start(10), Start(30), Start(float("inf")))
"""Where to start reading, cheapest first. Containers without an index (MPEG-TS, Matroska without cues) may
only be found by going back a while; the last one always works."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a picture track. `pts` is the greatest timestamp of a picture that is shown and `duration`
    how long that one is, both in units of the track's time base. `targets` counts the packets with that
    timestamp."""

    pts: int
    duration: int
    targets: int


def packets_from(source: Source, start: Start) -> Iterator[Packet[VideoStream]]:
    """Read the packets of the picture track from a key frame near `start` to the end of the file.

    Yields nothing where the container cannot go there. Raises `av.FFmpegError` where the file cannot be read.
    """
    container, track = source.container, source.track
    base = time_base(track)
    if start.before_end_s is None:
        target = int(_FAR_S / base)
    elif start.whole:
        target = track.start_time or 0
    elif container.duration is None:
        return
    else:
        end_s = source.start_s + container.duration / av.time_base
        target = int((end_s - start.before_end_s) / base)
    try:
        container.seek(target, stream=track, backward=True)
    except av.FFmpegError:
        if not start.whole:
            return
        # A file that cannot seek has not been read from yet, or is read again from its first byte.
        container.seek(0, unsupported_byte_offset=True)
    packets: Iterator[Packet[VideoStream]] = (packet for packet in container.demux(track) if packet.size)
    if not start.whole:
        packets = itertools.dropwhile(lambda packet: not packet.is_keyframe, packets)
    yield from packets


def find_tail(source: Source, start: Start) -> Tail | None:
    """Return the last picture at or after `start`; `None` if there is none, or if some packet has no
    timestamp."""
    best: Packet[VideoStream] | None = None
    targets = 0
    for packet in packets_from(source, start):
        if packet.pts is None:
            return None
        if packet.is_discard:
            continue  # cut away by an edit list
        if best is None or best.pts is None or packet.pts > best.pts:
            best, targets = packet, 1
        elif packet.pts == best.pts:
            targets += 1
    if best is None or best.pts is None:
        return None
    return Tail(best.pts, best.duration or 0, targets)


def time_base(track: VideoStream) -> Fraction:
    """Return the track's time base in seconds a tick."""
    assert track.time_base is not None, "libavformat gives every track of an input a time base"
    return track.time_base
