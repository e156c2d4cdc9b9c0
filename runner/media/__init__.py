"""Pictures and clips: probing, frames, joining, seams, colour. Knows nothing of the engine or of configuration.

What a plugin may use is in `__all__`; the modules below may change.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runner.media.colour import to_rgb
    from runner.media.frames import first_frame, first_frames, frame_from_end, last_frame
    from runner.media.hand_over import sharpness as image_sharpness
    from runner.media.lab import to_lab
    from runner.media.look import noise as image_noise
    from runner.media.measures.motion import between as image_shift
    from runner.media.measures.pairs import delta_e as colour_difference
    from runner.media.measures.pairs import psnr_db, ssim
    from runner.media.measures.sound import loudness_lufs
    from runner.media.picture import convert as convert_image
    from runner.media.picture import decode as decode_image
    from runner.media.picture import encode as encode_image
    from runner.media.picture import read as read_image
    from runner.media.probe import AudioTrack, Probe
    from runner.media.probe import probe as probe_clip
    from runner.media.program import READING as FFMPEG_INPUT_ARGUMENTS
    from runner.media.program import check_size, colour_filter, find_ffmpeg
    from runner.media.seam_jumps import Jumps as SeamJumps
    from runner.media.seam_jumps import compare as compare_seam
    from runner.media.seam_jumps import graining as seam_graining
    from runner.media.seam_jumps import softening as seam_softening
    from runner.media.seam_sound import click as sound_click
    from runner.media.seam_sound import level_step_db as sound_level_step_db
    from runner.media.source import Source, open_video
    from runner.media.tail import Moment, count_shown, last_moment, moment_from_end
    from runner.media.title import Title

__all__ = [
    "FFMPEG_INPUT_ARGUMENTS",
    "AudioTrack",
    "Moment",
    "Probe",
    "SeamJumps",
    "Source",
    "Title",
    "check_size",
    "colour_difference",
    "colour_filter",
    "compare_seam",
    "convert_image",
    "count_shown",
    "decode_image",
    "encode_image",
    "find_ffmpeg",
    "first_frame",
    "first_frames",
    "frame_from_end",
    "image_noise",
    "image_sharpness",
    "image_shift",
    "last_frame",
    "last_moment",
    "loudness_lufs",
    "moment_from_end",
    "open_video",
    "probe_clip",
    "psnr_db",
    "read_image",
    "seam_graining",
    "seam_softening",
    "sound_click",
    "sound_level_step_db",
    "ssim",
    "to_lab",
    "to_rgb",
]

_HOME: Final = {
    "FFMPEG_INPUT_ARGUMENTS": ("program", "READING"),
    "AudioTrack": ("probe", "AudioTrack"),
    "Moment": ("tail", "Moment"),
    "Probe": ("probe", "Probe"),
    "SeamJumps": ("seam_jumps", "Jumps"),
    "Source": ("source", "Source"),
    "Title": ("title", "Title"),
    "check_size": ("program", "check_size"),
    "colour_difference": ("measures.pairs", "delta_e"),
    "colour_filter": ("program", "colour_filter"),
    "compare_seam": ("seam_jumps", "compare"),
    "convert_image": ("picture", "convert"),
    "count_shown": ("tail", "count_shown"),
    "decode_image": ("picture", "decode"),
    "encode_image": ("picture", "encode"),
    "find_ffmpeg": ("program", "find_ffmpeg"),
    "first_frame": ("frames", "first_frame"),
    "first_frames": ("frames", "first_frames"),
    "frame_from_end": ("frames", "frame_from_end"),
    "image_noise": ("look", "noise"),
    "image_sharpness": ("hand_over", "sharpness"),
    "image_shift": ("measures.motion", "between"),
    "last_frame": ("frames", "last_frame"),
    "last_moment": ("tail", "last_moment"),
    "loudness_lufs": ("measures.sound", "loudness_lufs"),
    "moment_from_end": ("tail", "moment_from_end"),
    "open_video": ("source", "open_video"),
    "probe_clip": ("probe", "probe"),
    "psnr_db": ("measures.pairs", "psnr_db"),
    "read_image": ("picture", "read"),
    "seam_graining": ("seam_jumps", "graining"),
    "seam_softening": ("seam_jumps", "softening"),
    "sound_click": ("seam_sound", "click"),
    "sound_level_step_db": ("seam_sound", "level_step_db"),
    "ssim": ("measures.pairs", "ssim"),
    "to_lab": ("lab", "to_lab"),
    "to_rgb": ("colour", "to_rgb"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for only then: PyAV and numpy are slow to import."""
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(f"runner.media.{module}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
