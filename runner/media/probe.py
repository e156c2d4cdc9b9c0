"""What a clip is, found out from its headers and its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av

from runner.errors import NotAVideo
from runner.media.colour import chroma_position, display_width, full_range_of, matrix_of, quarter_turns
from runner.media.cropping import cropped_size
from runner.media.hdr import named
from runner.media.memory import MAX_PIXELS
from runner.media.shown import may_hide
from runner.media.source import left_out, open_video, sound_track
from runner.media.tail import STARTS, count_shown, find_tail, time_base

if TYPE_CHECKING:
    from pathlib import Path

    from runner.media.source import Source

__all__ = ["AudioTrack", "Probe", "probe"]

_FEW: Final = 1  # frame: an edit list may begin and end within one
_GUESSED_FPS: Final = Fraction(25)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """The sound track that is played. `sample_rate` is in Hz; `duration_s` is `None` where the container does not
    say."""

    codec: str
    sample_rate: int
    channels: int
    duration_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A clip, as a player shows it.

    `width` and `height` are in square pixels after `rotation`, which is how many degrees clockwise the coded image is
    turned (0, 90, 180 or 270); `sar` is the shape of a coded pixel, width over height. `fps` is the average. `frames`
    counts the frames that are shown, where the container has an index that tells. `duration_s` is that of the picture.
    `matrix` is the one to decode with; `tagged` says whether the stream names it. `bytes` is the size of the file.
    `track` is the index of the video track among all tracks, `transfer` its transfer characteristic (ITU-T H.273).
    `chroma` is as `runner.media.colour.chroma_position` has it, `coded` the first frame's size in pixels as stored,
    without what the container crops.
    `notes` say what of the file is not used as it is.
    """

    container: str
    codec: str
    pix_fmt: str
    width: int
    height: int
    rotation: int
    fps: Fraction
    frames: int | None
    duration_s: float
    matrix: str
    tagged: bool
    full_range: bool
    audio: AudioTrack | None
    bytes: int
    track: int = 0
    sar: Fraction = Fraction(1)
    transfer: int = 2
    chroma: tuple[int | None, int | None] = (None, None)
    coded: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()


def probe(path: Path) -> Probe:
    """Describe a clip. Decodes one frame; the cost does not grow with the clip but for reading its index.

    Raises `NotAVideo`, `Incomplete` (also for holes near the end), or `ExtractionRefused` for one whose
    colours or orientation cannot be told.
    """
    with open_video(path) as source:
        frame = _first(source)
        frames = _frames(source)
        duration = _duration(source)
        turns, _ = quarter_turns(frame)
        matrix, tagged = matrix_of(frame)
        coded = cropped_size(frame.width, frame.height, source.crop)
        shown = display_width(coded[0], source.sar)
        width, height = (coded[1], shown) if turns % 2 else (shown, coded[1])
        return Probe(
            container=source.container.format.name,
            codec=source.track.codec_context.codec.canonical_name,
            pix_fmt=frame.format.name,
            width=width,
            height=height,
            rotation=turns * 90,
            fps=_fps(source, frames, duration),
            frames=frames,
            duration_s=float(duration),
            matrix=matrix,
            tagged=tagged,
            full_range=full_range_of(frame),
            audio=_audio(source),
            bytes=path.stat().st_size,
            track=source.track.index,
            sar=source.sar,
            transfer=frame.color_trc,
            chroma=chroma_position(frame),
            coded=coded,
            notes=(*source.notes, *left_out(source), *_tone_mapped(frame)),
        )


def _first(source: Source) -> av.VideoFrame:
    source.track.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    source.track.codec_context.thread_count = 1  # to have the first frame, and not one for each thread
    try:
        for frame in source.container.decode(source.track):
            return frame
        why = "its image track is empty"
    except av.FFmpegError as error:
        why = f"its image cannot be decoded: {error.strerror}"
    raise NotAVideo("this is not a usable video", where=str(source.path), why=why)


def _tone_mapped(frame: av.VideoFrame) -> tuple[str, ...]:
    name = named(frame.color_trc)
    return (f"its high dynamic range ({name}) is handed on as standard dynamic range",) if name else ()


def _frames(source: Source) -> int | None:
    if not _has_index(source):
        return None
    if may_hide(source.track.codec_context.codec.canonical_name):
        return count_shown(source)
    return sum(not entry.is_discard for entry in source.track.index_entries)


def _duration(source: Source) -> Fraction:
    track = source.track
    base = time_base(track)
    start = max(Fraction(source.container.start_time or 0, av.time_base), (track.start_time or 0) * base)
    stated = (track.duration or 0) * base if _has_index(source) else Fraction(0)
    for place in STARTS:
        tail = find_tail(source, place)
        if tail is None:
            continue
        begins = tail.pts * base - start
        if begins < stated:
            return stated  # an edit list may end within the last frame
        return begins + (tail.duration * base or 1 / (track.average_rate or _GUESSED_FPS))
    return Fraction(source.container.duration or 0, av.time_base)


def _has_index(source: Source) -> bool:
    return source.container.format.name.startswith("mov") and bool(source.track.frames)


def _fps(source: Source, frames: int | None, duration: Fraction) -> Fraction:
    stated = source.track.average_rate or source.track.guessed_rate
    if frames and duration and (not stated or abs(stated * duration - frames) > _FEW):
        return Fraction(frames) / duration
    return stated or Fraction(0)


def _audio(source: Source) -> AudioTrack | None:
    track = sound_track(source.container)
    if track is None:
        return None
    duration = track.duration * track.time_base if track.duration and track.time_base else None
    return AudioTrack(
        codec=track.codec_context.name if track.codec_context else "unknown",
        sample_rate=track.codec_context.sample_rate if track.codec_context else 0,
        channels=track.codec_context.channels if track.codec_context else 0,
        duration_s=None if duration is None else float(duration),
    )
