"""Pictures and clips: probing, frames, joining, seams, colour. Knows nothing of the engine or of configuration.

What a plugin may use is in `__all__`; the modules below may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runner.media.colour import to_rgb
    from runner.media.frames import first_frame, first_frames, last_frame
    from runner.media.picture import convert as convert_image
    from runner.media.picture import decode as decode_image
    from runner.media.picture import encode as encode_image
    from runner.media.picture import read as read_image
    from runner.media.probe import AudioTrack, Probe
    from runner.media.probe import probe as probe_clip
    from runner.media.program import READING as FFMPEG_INPUT_ARGUMENTS
    from runner.media.program import check_size, colour_filter, find_ffmpeg
    from runner.media.source import Source, open_video
    from runner.media.tail import Moment, count_shown, last_moment
    from runner.media.title import Title

__all__ = [
    "FFMPEG_INPUT_ARGUMENTS",
    "AudioTrack",
    "Moment",
    "Probe",
    "Source",
    "Title",
    "check_size",
    "colour_filter",
    "convert_image",
    "count_shown",
    "decode_image",
    "encode_image",
    "find_ffmpeg",
    "first_frame",
    "first_frames",
    "last_frame",
    "last_moment",
    "open_video",
    "probe_clip",
    "read_image",
    "to_rgb",
]

_HOME: Final = {
    "FFMPEG_INPUT_ARGUMENTS": ("program", "READING"),
    "AudioTrack": ("probe", "AudioTrack"),
    "Moment": ("tail", "Moment"),
    "Probe": ("probe", "Probe"),
    "Source": ("source", "Source"),
    "Title": ("title", "Title"),
    "check_size": ("program", "check_size"),
    "colour_filter": ("program", "colour_filter"),
    "convert_image": ("picture", "convert"),
    "count_shown": ("tail", "count_shown"),
    "decode_image": ("picture", "decode"),
    "encode_image": ("picture", "encode"),
    "find_ffmpeg": ("program", "find_ffmpeg"),
    "first_frame": ("frames", "first_frame"),
    "first_frames": ("frames", "first_frames"),
    "last_frame": ("frames", "last_frame"),
    "last_moment": ("tail", "last_moment"),
    "open_video": ("source", "open_video"),
    "probe_clip": ("probe", "probe"),
    "read_image": ("picture", "read"),
    "to_rgb": ("colour", "to_rgb"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for only then: PyAV and numpy are slow to import."""
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(f"runner.media.{module}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
