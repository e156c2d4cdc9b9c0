"""What joining must know of a clip: its packets in the order of the file. Decodes no more than one frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from runner.errors import JoinError
from runner.media.colour import full_range_of, matrix_of, quarter_turns
from runner.media.cropping import NOTHING, Crop
from runner.media.h264 import IDR, PPS, SPS, AvcC, split_lengths
from runner.media.shown import is_shown
from runner.media.source import open_video, sound_track

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from runner.media.source import Source

_STANDARD_RATES: Final = tuple(
    Fraction(rate) for rate in (8, 10, 12, 15, 16, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)
) + tuple(Fraction(1000 * rate, 1001) for rate in (24, 30, 48, 60, 120))
_FINE_TICKS: Final = 200  # a frame that lasts this many ticks of the clock leaves no doubt about its rate
_COARSEST_S: Final = Fraction(1, 900)
"""No container counts more coarsely than in milliseconds."""
_HEVC_IDR_OR_BLA: Final = range(16, 21)


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples become light, as the numbers of ITU-T H.273; 2 (0 for the range) is "not said"."""

    primaries: int
    transfer: int
    matrix: int
    range: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """A clip as joining sees it.

    Sizes are in pixels as stored: to be cropped by `crop`, stretched by `sar` (a pixel's shape; `None` is square) and
    turned upright by `turns` (as `runner.media.colour.quarter_turns` says).
    `pts` is in ticks of `time_base`, one a packet, in decode order; `order` holds the packets that show a frame
    (their positions in `pts`) in the order of display. Decoding may begin at each of `starts`, with nothing
    before them. `duration_s` is from the first frame shown to the end of the last. `untimed` clips do not tell
    when their frames are shown; `own_sets` says that the packets carry parameter sets that the header does not
    have. `sound_s` is when the sound starts and ends. `mp4` says that the container and its sound are those of a film.
    """

    path: Path
    codec: str
    extradata: bytes
    width: int
    height: int
    pix_fmt: str
    sar: Fraction | None
    crop: Crop
    turns: tuple[int, bool]
    matrix: str
    full_range: bool
    colour: Colour
    time_base: Fraction
    pts: Sequence[int]
    starts: Sequence[int]
    order: Sequence[int]
    duration_s: Fraction
    fps: Fraction
    steady: bool
    untimed: bool
    trimmed: bool
    own_sets: bool
    sound_s: tuple[Fraction, Fraction] | None
    mp4: bool

    @property
    def frames(self) -> int:
        """How many frames are shown."""
        return len(self.order)

    @property
    def start_s(self) -> Fraction:
        """When the first frame is shown, on the clock that the clip's sound runs on. Seconds."""
        return self.at(0) * self.time_base

    def at(self, index: int) -> int:
        """When the frame number `index` in the order of display is shown, in ticks."""
        return self.pts[self.order[index]]


def look(path: Path) -> Clip:
    """Read a clip's packets. Raises `MediaError` for a file that is not a whole video."""
    with open_video(path) as source:
        scan = _Scan(source)
        for packet in source.container.demux(source.track):
            scan.take(packet)
        return scan.clip()


class _Scan:
    """Collects the packets of one image track."""

    def __init__(self, source: Source) -> None:
        self.source = source
        stream = source.track
        self.first: av.VideoFrame | None = None
        self.codec = stream.codec_context.codec.canonical_name
        self.extradata = stream.codec_context.extradata or b""
        self.pts: list[int] = []
        self.durations: list[int] = []
        self.starts: list[int] = []
        self.hidden: set[int] = set()
        self.untimed = False
        self.own_sets = False
        self.sets = _parameter_sets(self.codec, self.extradata)

    def take(self, packet: av.Packet[VideoStream]) -> None:
        # Only a decoded frame tells how it is turned, and its colours for certain.
        if self.first is None:
            self.first = next(iter(packet.decode()), None)
            self.source.decoded()
        if not packet.size:
            return
        index = len(self.pts)
        if packet.pts is None:
            self.untimed = True
        self.pts.append(packet.pts if packet.pts is not None else index)
        self.durations.append(packet.duration or 0)
        if not is_shown(packet, self.codec):
            self.hidden.add(index)
        if self._is_start(packet):
            self.starts.append(index)

    def _is_start(self, packet: av.Packet[VideoStream]) -> bool:
        if self.codec not in ("h264", "hevc") or self.extradata[:1] != b"\x01":
            return packet.is_keyframe
        try:
            nals = list(split_lengths(bytes(packet), self._length_size))
        except ValueError:
            self.own_sets = True  # not the layout that the header announces: never to be copied
            return packet.is_keyframe
        if self.codec == "hevc":
            return any((nal[0] >> 1) & 63 in _HEVC_IDR_OR_BLA for nal in nals)
        if any(nal[0] & 31 in (SPS, PPS) and nal not in self.sets for nal in nals):
            self.own_sets = True
        return any(nal[0] & 31 == IDR for nal in nals)

    @property
    def _length_size(self) -> int:
        position = 4 if self.codec == "h264" else 21
        return (self.extradata[position] & 3) + 1 if len(self.extradata) > position else 4

    def clip(self) -> Clip:
        path, stream = self.source.path, self.source.track
        if not self.pts or self.first is None:
            raise JoinError(
                "A clip has no pictures", where=str(path), why="not one of its frames can be decoded"
            )
        context = stream.codec_context
        stated = stream.sample_aspect_ratio or context.sample_aspect_ratio
        shown = [index for index in range(len(self.pts)) if index not in self.hidden]
        order = sorted(shown or range(len(self.pts)), key=lambda index: (self.pts[index], index))
        times = [self.pts[index] for index in order]
        untimed = self.untimed or len(set(times)) != len(times)
        time_base = Fraction(stream.time_base or 1)
        if untimed:
            rate = Fraction(stream.average_rate or stream.guessed_rate or 24)
            time_base, fps, steady = 1 / rate, rate, True
            self.pts = list(range(len(self.pts)))
            order = list(range(len(order)))
        else:
            fps, steady = _rate(times, time_base, stream)
        duration_s = len(order) / fps
        if not steady:
            last = self.durations[order[-1]] * time_base or 1 / fps
            duration_s = (times[-1] - times[0]) * time_base + last
        return Clip(
            path=path,
            codec=self.codec,
            extradata=self.extradata,
            width=context.width,
            height=context.height,
            pix_fmt=context.pix_fmt or "",
            sar=self.source.sar if stated else None,
            crop=self.source.crop if self.source.crop.inside(context.width, context.height) else NOTHING,
            turns=quarter_turns(self.first),
            matrix=matrix_of(self.first)[0],
            full_range=full_range_of(self.first),
            colour=Colour(
                context.color_primaries, context.color_trc, context.colorspace, context.color_range
            ),
            time_base=time_base,
            pts=self.pts,
            starts=self.starts,
            order=order,
            duration_s=duration_s,
            fps=fps,
            steady=steady,
            untimed=untimed,
            trimmed=bool(self.hidden),
            own_sets=self.own_sets,
            sound_s=_sound(self.source.container),
            mp4=_is_mp4(self.source.container),
        )


def _sound(container: InputContainer) -> tuple[Fraction, Fraction] | None:
    """When the sound starts and ends, by the file's header. `None` without a sound track."""
    stream = sound_track(container)
    if stream is None:
        return None
    start_s = (stream.start_time or 0) * Fraction(stream.time_base or 1)
    return start_s, start_s + (stream.duration or 0) * Fraction(stream.time_base or 1)


def _is_mp4(container: InputContainer) -> bool:
    """Whether a file is an MP4 with no more in it than one video and at most one AAC track: QuickTime is not."""
    brand = container.metadata.get("major_brand", "")
    sounds = [track.codec_context.name for track in container.streams.audio if track.codec_context]
    plain = len(container.streams) == 1 + len(container.streams.audio) and sounds in ([], ["aac"])
    return "mp4" in container.format.name.split(",") and brand.strip() not in ("", "qt") and plain


def _parameter_sets(codec: str, extradata: bytes) -> frozenset[bytes]:
    if codec != "h264":
        return frozenset()
    try:
        record = AvcC.read(extradata)
    except ValueError:
        return frozenset()
    return frozenset(record.sps + record.pps)


def _rate(times: Sequence[int], time_base: Fraction, stream: VideoStream) -> tuple[Fraction, bool]:
    """The frame rate, and whether every frame is where that rate puts it, to within the rounding of its time."""
    reported = [Fraction(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
    if len(times) < 2:
        return next((rate for rate in reported if 1 <= rate <= 240), Fraction(24)), True
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    median = 1 / (gaps[len(gaps) // 2] * time_base)
    if gaps[0] == gaps[-1] and gaps[0] >= _FINE_TICKS:
        return median, True
    mean = Fraction(len(times) - 1) / ((times[-1] - times[0]) * time_base)
    near = sorted(_STANDARD_RATES, key=lambda rate: abs(rate - mean))
    rounding = _rounding(gaps, time_base)
    fitting = [
        rate for rate in [*near[:2], *reported, mean] if _fits(times, 1 / (rate * time_base), rounding)
    ]
    if fitting:
        # Where times are rounded so coarsely that two rates fit, a clip is short, and was made at the whole one.
        return next((rate for rate in fitting if rounding > 1 and rate.denominator == 1), fitting[0]), True
    nearest = min(_STANDARD_RATES, key=lambda rate: abs(rate - median))
    return (nearest if abs(nearest / median - 1) < Fraction(1, 50) else mean.limit_denominator(1001)), False


def _rounding(gaps: Sequence[int], time_base: Fraction) -> int:
    """How many ticks a time may be off: more than one where times were rounded on a coarser clock than this one, as
    in a WebM file, which counts milliseconds, that was put into an MP4."""
    common = math.gcd(*gaps)
    return common if common * time_base <= _COARSEST_S else 1


def _fits(times: Sequence[int], tick: Fraction, rounding: int) -> bool:
    return all(abs(time - times[0] - index * tick) < rounding for index, time in enumerate(times))
