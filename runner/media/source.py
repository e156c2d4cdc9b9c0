"""Opening a clip of unknown origin, and choosing the track that holds its picture."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeVar

import av
from av.stream import Disposition

from runner.errors import Incomplete, MediaError, NotAVideo
from runner.media.cropping import NOTHING, Crop, crop_of
from runner.media.magic import describe
from runner.media.memory import MAX_PIXELS, bounded, is_large
from runner.media.whole import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

    Track = TypeVar("Track", VideoStream, AudioStream)

__all__ = ["DEMUXERS", "MAX_PIXELS", "PROTOCOLS", "SMALL", "Source", "left_out", "open_video", "sound_track"]

DEMUXERS: Final = "mov,matroska,mpegts"
"""The containers that are read: those of which `runner.media.whole` can tell that the end is there. Some
others are not harmless: a text file named `.mp4` can be a playlist (`concat`, `hls`, `dash`) that makes
libavformat open any file or address it names."""

PROTOCOLS: Final = "file"
"""The libavformat protocols that a clip may be read through."""

SMALL: Final = 320 * 240
"""Pixels of an image up to which sharing the work among threads takes longer than doing it."""

_FLATTEST: Final = Fraction(8)
"""Pixels of a more extreme shape are a mistake in the header."""
_STILL: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_LAST_ENTRIES: Final = (
    64  # samples of several tracks alternate, so the last bytes belong to one of the last entries
)


@dataclass(frozen=True, slots=True)
class Source:
    """An open clip. `track` is its image track, `start_s` the time at which playing begins, in
    seconds on the container's clock."""

    path: Path
    container: InputContainer
    track: VideoStream
    notes: tuple[str, ...] = ()
    """What is wrong with the file, and no player minds."""
    crop: Crop = NOTHING
    """What the container says is not to be shown of the stored image."""
    decoded: Callable[[], None] = lambda: None
    """To be called after each decoded frame; raises `NotAVideo` where the clip takes too much memory."""

    @property
    def start_s(self) -> float:
        return (self.container.start_time or 0) / av.time_base

    @property
    def sar(self) -> Fraction:
        """The shape of a pixel, width over height: the container's word before the stream's, as ffmpeg has it. Known
        for certain once a frame is decoded."""
        stated = self.track.sample_aspect_ratio or self.track.codec_context.sample_aspect_ratio or 1
        found = Fraction(stated)
        return found if 1 / _FLATTEST <= found <= _FLATTEST else Fraction(1)

    @property
    def end_s(self) -> float:
        """The time at which playing ends as far as the container says, in seconds."""
        return self.start_s + (self.container.duration or 0) / av.time_base


@contextlib.contextmanager
def open_video(path: Path, *, analyse: bool = True) -> Iterator[Source]:
    """Open a clip for reading.

    Without `analyse` the first frames are not decoded while opening, which is most of the cost: the track
    then knows its codec, time base, index and little else for certain.

    Raises `NotAVideo` or `Incomplete`. What goes wrong in the body is said of this clip: errors of libav's
    become `Incomplete`, and a `MediaError` that names no file gets this one.
    """
    if not path.is_file():
        raise NotAVideo("this is not a video", where=str(path), why="there is no such file")
    notes = check_whole(path)
    try:
        container = av.open(
            # Without the prefix a name like `concat:x` or `a:b.mp4` is taken for an address.
            f"file:{path.absolute()}",
            "r",
            # Tags in broken UTF-8 must not make a clip unreadable.
            metadata_errors="replace",
            container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": PROTOCOLS},
            options={"max_pixels": str(MAX_PIXELS)} if analyse else {"skip_frame": "all"},
        )
    except (av.FFmpegError, ValueError) as error:
        raise NotAVideo("this is not a video", where=str(path), why=_why(path, error)) from error
    with container:
        track = _picture_track(container, path)
        _check_index(container, path)
        crop = crop_of(path, track=track.id, index=track.index)
        try:
            if is_large(track.codec_context):
                track.codec_context.thread_count = 1
            with bounded(track.codec_context) as decoded:
                yield Source(path, container, track, notes, crop, decoded)
        except av.FFmpegError as error:
            raise Incomplete(
                "this clip is damaged",
                where=str(path),
                why=error.strerror or str(error),
                hint="fetch it again",
            ) from error
        except MediaError as error:
            error.where = error.where or str(path)
            raise


def _why(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(1024)
    kind = describe(head)
    if kind.endswith("video"):
        return f"it is {kind}; MP4, MOV, Matroska, WebM and MPEG-TS are read"
    if kind == "a video (MP4 or MOV)":
        return f"it looks like {kind}, but: {getattr(error, 'strerror', error)}"
    shown = head[:40].decode("ascii", errors="replace").replace("\ufffd", ".")
    shown = "".join(letter if letter.isprintable() else " " for letter in shown).strip()
    return f'it is {kind}: it begins with "{shown}"'


def sound_track(container: InputContainer) -> AudioStream | None:
    """The sound that a player plays: the first track that can be decoded, one marked as default before the others."""
    return _preferred(container.streams.audio)


def _preferred(tracks: Sequence[Track]) -> Track | None:
    """What ffmpeg and players choose: a track that has a decoder, then one that is enabled (MP4) or marked as default
    (Matroska), then the first."""

    def rank(track: Track) -> tuple[bool, bool]:
        return track.codec_context is not None, bool(track.disposition & Disposition.default)

    return max(tracks, key=rank, default=None)  # the first of equals


def left_out(source: Source) -> tuple[str, ...]:
    """The tracks that are not used, in words: further videos, and further sound."""
    streams, found = source.container.streams, []
    videos = sum(not stream.disposition & _STILL for stream in streams.video) - 1
    sounds = len(streams.audio) - 1
    if videos > 0:
        found.append(f"of {videos + 1} video tracks number {_place(source.track, streams.video)} is used")
    if sounds > 0:
        chosen = sound_track(source.container)
        found.append(f"of {sounds + 1} sound tracks number {_place(chosen, streams.audio)} is used")
    return tuple(found)


def _place(track: Track | None, among: Sequence[Track]) -> int:
    return 1 + next(
        number for number, one in enumerate(among) if track is not None and one.index == track.index
    )


def _picture_track(container: InputContainer, path: Path) -> VideoStream:
    track = _preferred([stream for stream in container.streams.video if not stream.disposition & _STILL])
    if track is not None:
        if track.codec_context is None:  # libav has no decoder for it
            raise NotAVideo("this video cannot be decoded", where=str(path), why="its codec is not known")
        context = track.codec_context
        if context.width * context.height > MAX_PIXELS:
            why = f"{context.width}x{context.height} is more than {MAX_PIXELS // 1_000_000} megapixels"
            raise NotAVideo("this video is too large", where=str(path), why=why)
        return track
    if container.streams.video:
        why = "its only image is a cover, which is not part of the video"
    elif container.streams.audio:
        why = "it holds sound and no picture"
    else:
        why = "it holds neither image nor sound"
    raise NotAVideo("this is not a video", where=str(path), why=why)


def _check_index(container: InputContainer, path: Path) -> None:
    """Catch what the sizes of the boxes cannot show: an index that speaks of samples past the end of the
    file."""
    total = path.stat().st_size
    for stream in container.streams:
        entries = stream.index_entries
        last = entries[max(0, len(entries) - _LAST_ENTRIES) :]
        end = max((entry.pos + entry.size for entry in last), default=0)
        if end > total:
            raise Incomplete(
                "this clip is not complete",
                where=str(path),
                why=f"its index reaches to byte {end:,} of {total:,}: {end - total:,} are missing",
                hint="fetch it again",
            )
