"""Sound files: music and narration that are laid under a film. Of unknown origin, as clips are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import av

from runner.errors import NotAudio
from runner.media.source import PROTOCOLS, sound_track

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["DEMUXERS", "SoundFile", "look_at", "open_sound"]

DEMUXERS: Final = "wav,w64,mp3,flac,ogg,aiff,aac,mov,matroska"
"""The containers that are read. None of them opens another file that it names."""
_KINDS: Final = "WAV, MP3, FLAC, Ogg, AIFF, AAC, M4A, MP4, MOV, Matroska and WebM are read"
_MOST_HZ: Final = 768_000
_MOST_CHANNELS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    """What there is to know of a sound file before it is used. `duration_s` is `None` where its header has none."""

    duration_s: float | None


def look_at(path: Path) -> SoundFile:
    """Check that a file holds sound that can be decoded: its start is. Raises `NotAudio`."""
    with open_sound(path) as (container, track):
        if next(container.decode(track), None) is None:
            raise NotAudio("this is not a sound file", where=str(path), why="none of it can be decoded")
        length = Fraction(track.duration or 0) * Fraction(track.time_base or 1)
        if not length and container.duration:
            length = Fraction(container.duration, av.time_base)
        return SoundFile(duration_s=float(length) if length > 0 else None)


@contextlib.contextmanager
def open_sound(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    """Open a sound file, or the sound of a video. Raises `NotAudio`, also for what goes wrong in the body."""
    if not path.is_file():
        raise NotAudio("this is not a sound file", where=str(path), why="there is no such file")
    try:
        container = av.open(
            f"file:{path.absolute()}",  # a name like `concat:x` is no address with this
            "r",
            metadata_errors="replace",
            container_options={"format_whitelist": DEMUXERS, "protocol_whitelist": PROTOCOLS},
        )
    except (av.FFmpegError, ValueError) as error:
        raise NotAudio("this is not a sound file", where=str(path), why=_KINDS) from error
    with container:
        track = sound_track(container)
        if track is None or track.codec_context is None:
            raise NotAudio("this is not a sound file", where=str(path), why="it holds no sound")
        context = track.codec_context
        if context.sample_rate > _MOST_HZ or context.channels > _MOST_CHANNELS:
            raise NotAudio(
                "this is not a usable sound file",
                where=str(path),
                why=f"it has {context.channels} channels at {context.sample_rate} Hz",
            )
        try:
            yield container, track
        except av.FFmpegError as error:
            raise NotAudio(
                "this sound file cannot be decoded", where=str(path), why=error.strerror or str(error)
            ) from error
