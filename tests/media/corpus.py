"""Clips of every awkward kind, made on the spot. Each frame carries its number, so the true last frame of a
clip is known without decoding it by what is under test."""

from __future__ import annotations

import multiprocessing
import os
import struct
import subprocess
import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from media.painting import painted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

RATE = 25
TICKS = 12800  # of the time base, a second
BT709, BT601, BT2020, UNTAGGED = 1, 6, 9, 2

# As root, SVT-AV1 turns the process that it runs in into a real-time one: https://gitlab.com/AOMediaCodec/SVT-AV1
_REAL_TIME: Final = "libsvtav1"
_DEADLINE_S: Final = 120.0

_X265 = "log-level=none:bframes=3:crf=12:pools=none:frame-threads=1"
_QUIET = {"x264-params": "scenecut=0:b-adapt=0", "preset": "veryfast", "crf": "12"}


@dataclass(frozen=True)
class Recipe:
    """How to encode a clip. `numbers` are the frames in order; `times` in frames, if not simply one after
    the other."""

    suffix: str = ".mp4"
    codec: str = "libx264"
    numbers: range = range(24)
    times: tuple[float, ...] = ()
    width: int = 128
    height: int = 96
    pix_fmt: str = "yuv420p"
    matrix: str = "bt709"
    tag: int = BT709
    full: bool = False
    options: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    sound_s: float = 0
    turn: int = 0  # degrees clockwise
    mirror: bool = False
    streamed: bool = False  # written to something that cannot seek
    container: str | None = None


@dataclass(frozen=True)
class Clip:
    """A clip and the truth about it. `last` is `None` where there is no last frame to be had."""

    path: Path
    recipe: Recipe
    first: int = 0
    last: int | None = None
    shown: int | None = None


class _Stream:
    """A file that can only be written to, as a pipe."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


def encode(path: Path, recipe: Recipe) -> None:
    """Encode and mux a clip with PyAV; in a process of its own where the encoder changes its process."""
    if recipe.codec != _REAL_TIME:
        _encode(path, recipe)
        return
    child = multiprocessing.get_context("spawn").Process(target=_encode, args=(path, recipe), daemon=True)
    child.start()
    child.join(_DEADLINE_S)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode == 0, f"{recipe.codec} ended with {child.exitcode}"


def _encode(path: Path, recipe: Recipe) -> None:
    target: Any = _Stream(path) if recipe.streamed else str(path)
    with av.open(target, "w", format=recipe.container, container_options=recipe.muxer) as container:
        video = _video(container, recipe)
        sound = (
            container.add_stream("libopus" if recipe.suffix == ".webm" else "aac", rate=48000)
            if recipe.sound_s
            else None
        )
        times = recipe.times or tuple(float(index) for index in range(len(recipe.numbers)))
        packets: list[av.Packet[Any]] = []
        for number, time in zip(recipe.numbers, times, strict=True):
            frame = painted(number, recipe.width, recipe.height, recipe.pix_fmt, recipe.matrix, recipe.full)
            frame.pts, frame.time_base = round(time * TICKS / RATE), Fraction(1, TICKS)
            frame.color_range, frame.colorspace = (2 if recipe.full else 1), recipe.tag
            packets += video.encode(frame)
        packets += video.encode(None)
        if sound is not None:
            packets += _sound(sound, recipe.sound_s)
        container.start_encoding()
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)
    if recipe.streamed:
        target.close()


def _video(container: Any, recipe: Recipe) -> Any:
    quiet = _QUIET if recipe.codec == "libx264" else {}
    video = container.add_stream(recipe.codec, rate=RATE, options={**quiet, **recipe.options})
    video.width, video.height, video.pix_fmt = recipe.width, recipe.height, recipe.pix_fmt
    video.time_base = video.codec_context.time_base = Fraction(
        1, RATE if recipe.codec in ("mpeg2video", "mpeg4") else TICKS
    )
    video.codec_context.colorspace = recipe.tag
    video.codec_context.color_range = 2 if recipe.full else 1
    video.codec_context.thread_count = 1
    if recipe.turn or recipe.mirror:
        video.set_display_rotation(-recipe.turn, hflip=recipe.mirror)
    return video


def _sound(stream: Any, seconds: float) -> Iterator[av.Packet[Any]]:
    wave = np.sin(np.arange(round(48000 * seconds)) / 20).astype(np.float32) * 0.1
    for start in range(0, len(wave), 960):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 960], format="fltp", layout="mono")
        frame.pts, frame.rate = start, 48000
        yield from stream.encode(frame)
    yield from stream.encode(None)


# --- what is done to the bytes of a clip
# ----------------------------------------------------------------------------


def with_edit(data: bytes, first: int, count: float) -> bytes:
    """Make the edit list of an MP4 show `count` frames from frame `first` on."""
    at = data.index(b"elst") + 12
    media_time = struct.unpack(">i", data[at + 4 : at + 8])[0] + round(first * TICKS / RATE)
    return data[:at] + struct.pack(">Ii", round(count * 1000 / RATE), media_time) + data[at + 8 :]


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def hollow(data: bytes) -> bytes:
    """Zero the last sixth of the samples, as a download that was allotted and never finished leaves it."""
    at = data.index(b"mdat")
    size = struct.unpack(">I", data[at - 4 : at])[0] - 8
    gap = size // 6
    end = at + 4 + size
    return data[: end - gap] + bytes(gap) + data[end:]


def spoil(data: bytes) -> bytes:
    """Overwrite some samples of the last group of images with others."""
    begin, end = len(data) * 5 // 10, len(data) * 6 // 10
    return data[:begin] + bytes(byte ^ 0x5A for byte in data[begin:end]) + data[end:]


def without_cues(data: bytes) -> bytes:
    """Hide the index of a Matroska file: its element becomes one that says nothing, of the same length."""
    at = data.index(b"\x1c\x53\xbb\x6b", len(data) // 2)
    length = 9 - data[at + 4].bit_length()
    size = int.from_bytes(data[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    whole = 4 + length + size
    void = b"\xec" + (whole - 9 | 1 << 56).to_bytes(8, "big")
    return data[:at] + void + bytes(whole - 9) + data[at + whole :]


def open_ended(data: bytes) -> bytes:
    """Let the sample box of an MP4 reach to the end of the file, whatever that is."""
    at = data.index(b"mdat")
    return data[: at - 4] + bytes(4) + data[at:]


# --- the clips
# ------------------------------------------------------------------------------------------------------

GOP_12 = {"g": "12", "bf": "3"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
FAST_START = {"movflags": "faststart"}
SOUND = Recipe(options=GOP_12, sound_s=0.96, numbers=range(24))

RECIPES: dict[str, Recipe] = {
    "b_frames": Recipe(options=GOP_12),
    "no_b_frames": Recipe(options={"g": "12", "bf": "0"}),
    "one_gop": Recipe(options={"g": "250", "bf": "3"}, numbers=range(60)),
    "short_gop": Recipe(options={"g": "3", "bf": "2"}),
    "only_key_frames": Recipe(options={"g": "1"}),
    "open_gop": Recipe(
        options={"g": "8", "bf": "3", "x264-params": "scenecut=0:b-adapt=0:open-gop=1"}, numbers=range(41)
    ),
    "variable_rate": Recipe(options=GOP_12, times=(*range(12), *(12 + 7.4 * step for step in range(1, 13)))),
    "last_frame_is_long": Recipe(options=GOP_12, times=(*range(23), 60)),
    "one_frame": Recipe(numbers=range(5, 6)),
    "two_frames": Recipe(numbers=range(2)),
    "last_gop_is_one_frame": Recipe(options={"g": "12", "bf": "3"}, numbers=range(25)),
    "sound": SOUND,
    "sound_outlasts_picture": Recipe(options=GOP_12, sound_s=3.4),
    "picture_outlasts_sound": Recipe(options=GOP_12, sound_s=0.3),
    "turned_90": Recipe(options=GOP_12, turn=90),
    "turned_180": Recipe(options=GOP_12, turn=180),
    "turned_270": Recipe(options=GOP_12, turn=270),
    "mirrored": Recipe(options=GOP_12, mirror=True),
    "odd_size": Recipe(
        suffix=".webm",
        codec="libvpx-vp9",
        width=177,
        height=99,
        options={"crf": "10", "b": "0", "cpu-used": "8"},
    ),
    "ten_bit": Recipe(pix_fmt="yuv420p10le", options=GOP_12),
    "ten_bit_bt2020": Recipe(pix_fmt="yuv420p10le", options=GOP_12, matrix="bt2020", tag=BT2020),
    "twelve_bit": Recipe(suffix=".mkv", codec="ffv1", pix_fmt="yuv420p12le"),
    "twelve_bit_alpha": Recipe(suffix=".mkv", codec="ffv1", pix_fmt="yuva444p12le"),
    "yuv444": Recipe(pix_fmt="yuv444p", options=GOP_12),
    "hevc": Recipe(
        codec="libx265",
        options={"x265-params": f"{_X265}:keyint=12"},
    ),
    "hevc_open_gop": Recipe(
        codec="libx265",
        numbers=range(41),
        options={"x265-params": f"{_X265}:keyint=8:min-keyint=8:open-gop=1:scenecut=0"},
    ),
    "vp9": Recipe(
        suffix=".webm",
        codec="libvpx-vp9",
        options={"crf": "10", "b": "0", "g": "12", "cpu-used": "8"},
        sound_s=1.5,
    ),
    "webm_alpha": Recipe(
        suffix=".webm",
        codec="libvpx-vp9",
        pix_fmt="yuva420p",
        options={"crf": "10", "b": "0", "auto-alt-ref": "0", "cpu-used": "8"},
    ),
    "av1": Recipe(
        codec="libsvtav1",
        width=128,
        height=128,
        options={"preset": "12", "crf": "10", "g": "12", "svtav1-params": "lp=1"},
    ),
    "mkv": Recipe(suffix=".mkv", options=GOP_12, sound_s=1.5),
    "mkv_streamed": Recipe(suffix=".mkv", options=GOP_12, streamed=True, container="matroska"),
    "transport_stream": Recipe(suffix=".ts", options=GOP_12, sound_s=1.5, numbers=range(60)),
    "transport_stream_open_gop": Recipe(
        suffix=".ts",
        options={"g": "8", "bf": "3", "x264-params": "scenecut=0:b-adapt=0:open-gop=1"},
        numbers=range(41),
    ),
    "mpeg2": Recipe(suffix=".ts", codec="mpeg2video", options={"g": "12", "bf": "2", "b": "4M"}),
    "fragmented": Recipe(options=GOP_12, muxer=FRAGMENTS),
    "fragmented_sound": Recipe(options=GOP_12, muxer=FRAGMENTS, sound_s=2),
    "indexed_fragments": Recipe(
        options=GOP_12, muxer={"movflags": "frag_keyframe+empty_moov+default_base_moof+dash+global_sidx"}
    ),
    "interlaced": Recipe(
        options={**GOP_12, "flags": "+ildct+ilme", "x264-params": "scenecut=0:b-adapt=0:tff=1"}
    ),
    "untagged": Recipe(options=GOP_12, matrix="bt601", tag=UNTAGGED),
    "untagged_hd": Recipe(options=GOP_12, width=1280, height=720, tag=UNTAGGED, numbers=range(13)),
    "hd_tagged_bt601": Recipe(
        options=GOP_12, width=1280, height=720, tag=BT601, matrix="bt601", numbers=range(13)
    ),
    "full_range": Recipe(options=GOP_12, full=True),
    "full_range_bt601": Recipe(options=GOP_12, full=True, matrix="bt601", tag=BT601),
}
"""Clips that are simply encoded."""

EDITS: dict[str, tuple[str, Callable[[bytes], bytes], int, int]] = {
    "trimmed": ("b_frames", lambda data: with_edit(data, 5, 13), 5, 17),
    "trimmed_within_frames": ("b_frames", lambda data: with_edit(data, 3, 10.5), 3, 13),
    "trimmed_one_gop": ("one_gop", lambda data: with_edit(data, 30, 21), 30, 50),
    "mkv_without_cues": ("mkv", without_cues, 0, 23),
    "open_ended": ("b_frames_fast_start", open_ended, 0, 23),
    "rubbish_after_the_end": ("b_frames", lambda data: data + bytes(777), 0, 23),
}
"""Whole clips made from another: of which, how, the first and the last frame that are shown."""

BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "truncated_index_first": ("b_frames_fast_start", lambda data: cut(data, 0.8)),
    "truncated_index_last": ("b_frames", lambda data: cut(data, 0.4)),
    "truncated_by_one_byte": ("b_frames_fast_start", lambda data: data[:-1]),
    "truncated_open_ended": ("b_frames_fast_start", lambda data: cut(open_ended(data), 0.8)),
    "truncated_fragment": ("fragmented", lambda data: cut(data, 0.8)),
    "truncated_after_fragment_index": ("fragmented", lambda data: data[: data.rindex(b"mdat") - 4]),
    "truncated_mkv": ("mkv", lambda data: cut(data, 0.8)),
    "truncated_mkv_streamed": ("mkv_streamed", lambda data: cut(data, 0.8)),
    "truncated_transport_stream": ("transport_stream", lambda data: cut(data, 0.8)[:-7]),
    "index_missing": ("b_frames", lambda data: data[: data.index(b"moov") - 4]),
    "hollow_end": ("b_frames", hollow),
    "damaged_pictures": ("no_b_frames", spoil),
    "damaged_pictures_mkv": ("mkv", spoil),
    "hollow_end_hevc": ("hevc", hollow),
    "hollow_end_av1": ("av1", hollow),
    "hollow_end_vp9": ("vp9", lambda data: data[:-4000] + bytes(4000)),
    "hollow_end_fragmented": ("fragmented", lambda data: data[:-1500] + bytes(1500)),
    "hollow_end_transport_stream": ("transport_stream", lambda data: data[:-5640] + bytes(5640)),
    "avi": ("plain_avi", lambda data: data),  # of which no one can tell if it is whole
    "leaning": ("plain_leaning", lambda data: data),  # turned by 45 degrees
    "empty": ("b_frames", lambda data: b""),
    "error_page": (
        "b_frames",
        lambda data: b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n" * 9,
    ),
    "error_json": ("b_frames", lambda data: b'{"code": 422, "msg": "the file has expired"}'),
    "playlist": ("b_frames", lambda data: b"ffconcat version 1.0\nfile b_frames.mp4\n"),
}
"""Files without a last frame to be had, made from another."""

NAMES = (
    "-i.mp4",
    "spaced out 100%d %03d.mp4",
    "🎬 été.mp4",
    "concat:a|b.mp4",
    "no_suffix",
    "'quoted' [0:v];.mp4",
)
"""Names of files that a careless program takes for something else."""

WITH_COVERS = ("sound_only", "cover_only", "with_cover")
"""Made by the ffmpeg program, since PyAV does not mux covers."""

ALL = (*RECIPES, *EDITS, *BROKEN, *NAMES, *WITH_COVERS)

_HELPERS = {
    "b_frames_fast_start": Recipe(options=GOP_12, muxer=FAST_START, sound_s=0.5),
    "plain_leaning": Recipe(options=GOP_12, turn=45),
    "plain_avi": Recipe(suffix=".avi", codec="mpeg4", options={"g": "12", "b": "4M"}),
}


class Corpus:
    """The clips, each made when it is first asked for; processes that test side by side share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def of_session(cls, factory: pytest.TempPathFactory) -> Corpus:
        base = factory.getbasetemp()
        return cls((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "corpus")

    def clip(self, name: str) -> Clip:
        if name in RECIPES or name in _HELPERS:
            recipe = RECIPES.get(name) or _HELPERS[name]
            path = self._made(name + recipe.suffix, lambda path: encode(path, recipe))
            return Clip(path, recipe, recipe.numbers[0], recipe.numbers[-1], len(recipe.numbers))
        if name in EDITS:
            base, change, first, last = EDITS[name]
            path, recipe = self._changed(name, base, change)
            return Clip(path, recipe, first, last, last - first + 1)
        if name in BROKEN:
            path, recipe = self._changed(name, *BROKEN[name])
            return Clip(path, recipe)
        if name in NAMES:
            plain = self.clip("b_frames")
            path = self._made(name, lambda path: path.write_bytes(plain.path.read_bytes()))
            return Clip(path, plain.recipe, plain.first, plain.last, plain.shown)
        return self._with_cover(name)

    def _changed(self, name: str, base: str, change: Callable[[bytes], bytes]) -> tuple[Path, Recipe]:
        clip = self.clip(base)
        path = self._made(
            name + clip.path.suffix, lambda path: path.write_bytes(change(clip.path.read_bytes()))
        )
        return path, clip.recipe

    def _with_cover(self, name: str) -> Clip:
        plain = self.clip("sound")
        cover = ["-f", "lavfi", "-i", "color=red:s=128x96:d=0.04"]
        maps = {
            "sound_only": (["-map", "0:a", "-c", "copy"], None),
            "cover_only": (
                [
                    *cover,
                    "-map",
                    "0:a",
                    "-map",
                    "1:v",
                    "-c:a",
                    "copy",
                    "-c:v",
                    "mjpeg",
                    "-disposition:v:0",
                    "attached_pic",
                ],
                None,
            ),
            "with_cover": (
                [
                    *cover,
                    "-map",
                    "1:v",
                    "-map",
                    "0",
                    "-c",
                    "copy",
                    "-c:v:0",
                    "mjpeg",
                    "-disposition:v:0",
                    "attached_pic",
                ],
                plain.last,
            ),
        }
        arguments, last = maps[name]
        path = self._made(f"{name}.mp4", lambda path: _ffmpeg("-i", str(plain.path), *arguments, str(path)))
        return Clip(path, plain.recipe, plain.first, last, plain.shown if last else None)

    def _made(self, name: str, make: Callable[[Path], object]) -> Path:
        path = self._folder / name
        if not path.exists():
            draft = self._folder / f"{uuid.uuid4().hex}{path.suffix}"
            make(draft)
            os.replace(draft, path)
        return path


def _ffmpeg(*arguments: str) -> None:
    import imageio_ffmpeg

    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *arguments], check=True)
