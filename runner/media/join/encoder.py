"""Encodes frames as H.264, for a whole film or for places between copied packets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import av
from av.codec.context import Flags
from av.video.frame import PictureType

from runner.media.h264 import BASELINE, PPS, PROFILES, SPS, AvcC, join_lengths, read_sps, split_start_codes

from .clip import Colour

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

    from av.video.codeccontext import VideoCodecContext

    from .clip import Clip
    from .pieces import Look

_CRF: Final = 16  # of a whole film: no difference to be seen
_CRF_BESIDE: Final = 12  # of frames beside copied ones, where a difference would flicker; they are few
_PRESET: Final = "fast"
_KEY_FRAME_EVERY_S: Final = 4
_LENGTH_SIZE: Final = 4
_BT709: Final = Colour(primaries=1, transfer=1, matrix=1, range=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One encoded frame. `number` is its place in the order of display, from 0 in each run of the encoder."""

    data: bytes
    number: int
    key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to encode. Equal settings give equal parameter sets, whatever the frames are.

    `colour` and `sar` are what the stream is to say, `matrix` and `full_range` what its samples are.
    `references` and `reorder` are as in a sequence parameter set, `set_id` is the id of the parameter sets.
    """

    look: Look
    colour: Colour = _BT709
    matrix: str = "bt709"
    full_range: bool = False
    sar: Fraction | None = None
    pix_fmt: str = "yuv420p"
    profile: str = "high"
    references: int = 3
    reorder: int = 2
    set_id: int = 0
    threads: int = 1
    crf: int = _CRF


def settings_beside(clip: Clip, look: Look) -> Settings:
    """Settings whose frames can stand in the middle of `clip`: only the ids of the parameter sets are others.

    The same depth of references and reordering leaves the decoder's image buffer as it is at every splice.
    """
    record = AvcC.read(clip.extradata)
    facts = read_sps(record.sps[0])
    return Settings(
        look=look,
        colour=clip.colour,
        matrix=clip.matrix,
        full_range=clip.full_range,
        sar=clip.sar,
        pix_fmt=clip.pix_fmt,
        profile=PROFILES[facts.profile],
        references=max(1, facts.references),
        reorder=0 if facts.profile == BASELINE else min(2, facts.reorder or 0),
        set_id=record.free_id(),
        crf=_CRF_BESIDE,
    )


def configure(context: VideoCodecContext, settings: Settings) -> None:
    """Set up an x264 context that is not open yet."""
    context.width, context.height = settings.look.width, settings.look.height
    context.pix_fmt = settings.pix_fmt
    context.framerate = settings.look.fps
    context.time_base = 1 / settings.look.fps
    if settings.sar is not None:
        context.sample_aspect_ratio = settings.sar
    context.color_primaries = settings.colour.primaries
    context.color_trc = settings.colour.transfer
    context.colorspace = settings.colour.matrix
    context.color_range = settings.colour.range
    # x264's output depends on the number of threads: it must not be that of the machine's cores.
    context.thread_count = settings.threads
    context.flags |= Flags.global_header
    context.options = {
        "crf": str(settings.crf),
        "preset": _PRESET,
        "profile": settings.profile,
        "refs": str(settings.references),
        "bf": "3" if settings.reorder else "0",
        "b-pyramid": "normal" if settings.reorder > 1 else "none",
        "g": str(max(1, round(_KEY_FRAME_EVERY_S * settings.look.fps))),
        "x264-params": f"sps-id={settings.set_id}",
    }


def open_beside(settings: Settings) -> VideoCodecContext:
    """A running x264 of its own, for one place between copied packets."""
    context = av.CodecContext.create("libx264", "w")
    configure(context, settings)
    context.open()
    return context


def parameter_sets(context: VideoCodecContext) -> tuple[bytes, ...]:
    """The parameter sets of an open encoder."""
    return tuple(nal for nal in split_start_codes(context.extradata or b"") if nal[0] & 31 in (SPS, PPS))


def encode(context: VideoCodecContext, frames: Iterable[av.VideoFrame]) -> Iterator[Sample]:
    """Encode upright frames of the right size and format, in order. Annex B samples come in decode order."""
    number = -1
    for number, frame in enumerate(frames):
        # A frame may be shown twice, and brings its old type and time along: neither may reach the encoder.
        frame.pts, frame.time_base = number, context.time_base
        frame.pict_type = PictureType.NONE
        yield from _samples(context, frame)
    if number >= 0:
        yield from _samples(context, None)


def with_lengths(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples in the layout of packets copied from an mp4."""
    for sample in samples:
        yield replace(sample, data=join_lengths(split_start_codes(sample.data), _LENGTH_SIZE))


def _samples(context: VideoCodecContext, frame: av.VideoFrame | None) -> Iterator[Sample]:
    for packet in context.encode(frame):
        yield Sample(data=bytes(packet), number=packet.pts or 0, key=packet.is_keyframe)
