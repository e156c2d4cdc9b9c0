"""Finding the last image of a clip by its timestamps, without decoding anything."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av
from av.format import Flags

from runner.errors import ExtractionRefused, Incomplete
from runner.media.shown import is_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.packet import Packet
    from av.video.stream import VideoStream

    from runner.media.source import Source

__all__ = [
    "STARTS",
    "Moment",
    "Start",
    "Tail",
    "count_shown",
    "find_tail",
    "index_from_end",
    "last_moment",
    "moment_from_end",
    "packets_from",
    "shown_times",
    "time_base",
]

# So many zero bytes in a row no packet of these holds: the first two rule out three by their emulation
# prevention (ITU-T H.264, 7.4.1), and the entropy coders of the others do not give them. A download that
# was allotted and not finished does.
_HOLES: Final = {
    "h264": bytes(16),
    "hevc": bytes(16),
    "av1": bytes(512),
    "vp9": bytes(512),
    "vp8": bytes(512),
}

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
    """The end of an image track. `pts` is the greatest timestamp of an image that is shown and `duration`
    how long that one is, both in units of the track's time base. `targets` counts the packets with that
    timestamp."""

    pts: int
    duration: int
    targets: int


def packets_from(source: Source, start: Start) -> Iterator[Packet[VideoStream]]:
    """Read the packets of the image track from a key frame near `start` to the end of the file.

    Yields nothing where the container cannot go there. Raises `av.FFmpegError` where the file cannot be read.
    """
    track = source.track
    try:
        if start.whole:
            _rewind(source)
        else:
            target_s = _FAR_S if start.before_end_s is None else source.end_s - start.before_end_s
            source.container.seek(int(target_s / time_base(track)), stream=track, backward=True)
    except av.FFmpegError:
        if start.whole:
            raise
        return
    packets: Iterator[Packet[VideoStream]] = (
        packet for packet in source.container.demux(track) if packet.size
    )
    if not start.whole:
        packets = itertools.dropwhile(lambda packet: not packet.is_keyframe, packets)
    yield from packets


def find_tail(source: Source, start: Start) -> Tail | None:
    """Return the last image at or after `start`; `None` if there is none, or if some packet has no
    timestamp.

    Raises `Incomplete` if what it reads has holes in it.
    """
    hole, codec = _hole(source), source.track.codec_context.codec.canonical_name
    best: Packet[VideoStream] | None = None
    targets = 0
    for packet in packets_from(source, start):
        if packet.is_corrupt or (hole and hole in bytes(packet)):
            raise Incomplete(
                "the end of this clip is damaged",
                where=str(source.path),
                why="the container marks a part of it as damaged"
                if packet.is_corrupt
                else "a part of it was never filled in",
                hint="fetch it again",
            )
        if packet.pts is None:
            return None
        if not is_shown(packet, codec):
            continue
        if best is None or best.pts is None or packet.pts > best.pts:
            best, targets = packet, 1
        elif packet.pts == best.pts:
            targets += 1
    if best is None or best.pts is None:
        return None
    return Tail(best.pts, best.duration or 0, targets)


def _hole(source: Source) -> bytes | None:
    if Flags.ts_discont in Flags(source.container.format.flags):
        return None  # a transport stream may be padded with zeros; its packets show holes by themselves
    return _HOLES.get(source.track.codec_context.codec.canonical_name)


def _rewind(source: Source) -> None:
    if Flags.ts_discont in Flags(source.container.format.flags):
        source.container.seek(0, unsupported_byte_offset=True)  # seeking by time misses the first few packets
        return
    track = source.track
    first = track.index_entries[0].timestamp if len(track.index_entries) else 0
    source.container.seek(min(first, track.start_time or 0), stream=track, backward=True)


def time_base(track: VideoStream) -> Fraction:
    """Return the track's time base in seconds a tick."""
    assert track.time_base is not None, "libavformat gives every track of an input a time base"
    return track.time_base


@dataclass(frozen=True, slots=True)
class Moment:
    """When the last image is shown: `time_s` on the container's clock, which begins at `start_s`; all in
    seconds."""

    time_s: Fraction
    duration_s: Fraction
    start_s: Fraction


def last_moment(source: Source) -> Moment:
    """Return when the last image of the clip is shown. Raises `ExtractionRefused` if the container does
    not say."""
    base = time_base(source.track)
    for start in STARTS:
        tail = find_tail(source, start)
        if tail is not None:
            begin = Fraction(source.container.start_time or 0, av.time_base)
            return Moment(tail.pts * base, tail.duration * base, begin)
    raise ExtractionRefused(
        "the last frame of this clip cannot be determined for certain",
        where=str(source.path),
        why="its images carry no times",
        hint="re-encode the clip",
    )


def shown_times(source: Source) -> list[int]:
    """The timestamps of all images that are shown, in order, in ticks of the track's time base.

    Reads the whole clip, without decoding it. Raises `ExtractionRefused` where an image has no time, or two have one.
    """
    codec = source.track.codec_context.codec.canonical_name
    times = [packet.pts for packet in packets_from(source, STARTS[-1]) if is_shown(packet, codec)]
    found = sorted(time for time in times if time is not None)
    if not found or len(found) < len(times) or len(set(found)) < len(found):
        raise ExtractionRefused(
            "the frames of this clip cannot be counted from its end",
            where=str(source.path),
            why="its images carry no times, or share them",
            hint="re-encode the clip, or use continuity.hand_over=last",
        )
    return found


def moment_from_end(source: Source, offset: int) -> Moment:
    """Return when the image is shown that has `offset` images after it. Raises `ExtractionRefused`."""
    if not offset:
        return last_moment(source)
    base, times = time_base(source.track), shown_times(source)
    at = index_from_end(source.path, times, offset)
    begin = Fraction(source.container.start_time or 0, av.time_base)
    return Moment(times[at] * base, (times[at + 1] - times[at]) * base, begin)


def index_from_end(path: Path, times: Sequence[int], offset: int) -> int:
    """The index of the image that has `offset` others after it. Raises `ExtractionRefused` where there is none."""
    if offset >= len(times):
        raise ExtractionRefused(
            "this clip is too short for the frame that is to be handed over",
            where=str(path),
            why=f"it has {len(times)} frames, and {offset} are to come after that one",
        )
    return len(times) - 1 - offset


def count_shown(source: Source) -> int:
    """Return the number of images that are shown. Reads the whole clip, without decoding it."""
    codec = source.track.codec_context.codec.canonical_name
    return sum(is_shown(packet, codec) for packet in packets_from(source, STARTS[-1]))
