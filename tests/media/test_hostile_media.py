# ruff: noqa: E501 - tables
"""Media that nobody made by accident: no crash, no hang, and less than a gigabyte of memory, or a clear refusal.

`HOSTILE_MEDIA=2000 pytest tests/media/test_hostile_media.py` tries so many mutants of each kind of file.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pillow_heif
import pytest
from media.corpus import Recipe, encode
from PIL import Image, PngImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterator

MUTANTS = int(os.environ.get("HOSTILE_MEDIA", "12"))
MOST_KB = 1_000_000
CHILD = Path(__file__).with_name("hostile_child.py")
ROOT = Path(__file__).parents[2]


class Reader:
    """The child, which reads one file after the other."""

    def __init__(self, *extractors: str) -> None:
        self._extractors = extractors
        self._start()

    def _start(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(CHILD), *self._extractors],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def read(self, path: Path) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{path}\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            code = self._child.wait(60)
            self._start()
            raise AssertionError(f"the process ended with {code} at {path}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(60)
        self._child.stdout.close()


@pytest.fixture
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.close()


def check(answer: dict[str, Any], path: Path) -> None:
    bad = {step: result for step, result in answer["found"].items() if result not in ("fine", "refused")}
    assert not bad, (path, bad)
    assert answer["peak_kb"] < MOST_KB, (path, answer)


# --- mutants -----------------------------------------------------------------------------------------------------

VIDEOS: dict[str, Recipe] = {
    "h264.mp4": Recipe(options={"preset": "veryfast", "bf": "2"}, sound_s=0.9),
    "vp9.webm": Recipe(suffix=".webm", codec="libvpx-vp9", options={"deadline": "realtime"}),
    "h264.mkv": Recipe(suffix=".mkv", options={"preset": "veryfast"}),
    "hevc.mov": Recipe(suffix=".mov", codec="libx265", options={"x265-params": "log-level=none:pools=none:frame-threads=1"}),
    "h264.ts": Recipe(suffix=".ts", options={"preset": "veryfast"}, sound_s=0.9),
}  # fmt: skip
IMAGES = ("image.png", "image.jpg", "image.webp", "image.heic", "image.avif")


def made(name: str, folder: Path) -> bytes:
    path = folder / name
    if name in VIDEOS:
        encode(path, VIDEOS[name])
        return path.read_bytes()
    image = Image.effect_mandelbrot((64, 48), (-2, -1, 1, 1), 50).convert("RGB")
    out = io.BytesIO()
    if name.endswith("heic"):
        pillow_heif.from_pillow(image).save(out)
    else:
        image.save(out, {"jpg": "JPEG"}.get(name[-3:], name.rpartition(".")[2].upper()))
    return out.getvalue()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with a few changes: bits, sizes in its headers, pieces lost, doubled or emptied."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(found)) if chance.random() < 0.5 else chance.randrange(min(len(found), 600))
        length = chance.choice((1, 2, 4, 16, 200))
        match chance.randrange(6):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + 4] = chance.choice(
                    (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
                )
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = found[at : at + length]
            case 4:
                found[at : at + length] = bytes(length)
            case 5:
                del found[max(at, 64) :]
        if not found:
            return b"\0"
    return bytes(found)


@pytest.mark.parametrize("name", [*VIDEOS, *IMAGES])
def test_a_mutant_is_used_or_refused(tmp_path: Path, reader: Reader, name: str) -> None:
    data = made(name, tmp_path)
    chance = random.Random(name)
    for number in range(MUTANTS if name in VIDEOS else 3 * MUTANTS):
        path = tmp_path / f"{number:05d}{Path(name).suffix}"
        path.write_bytes(mutated(data, chance))
        check(reader.read(path), path)


@pytest.mark.parametrize("name", ["h264.mp4", "vp9.webm"])
def test_programs_read_mutants_as_safely(tmp_path: Path, name: str) -> None:
    data = made(name, tmp_path)
    chance = random.Random(f"programs {name}")
    reader = Reader("ffmpeg", "scikit_video")
    try:
        for number in range(max(4, MUTANTS // 3)):
            path = tmp_path / f"{number:05d}{Path(name).suffix}"
            path.write_bytes(mutated(data, chance))
            check(reader.read(path), path)
    finally:
        reader.close()


# --- bombs -------------------------------------------------------------------------------------------------------


def large_clip(
    path: Path, width: int, height: int, frames: int, codec: str, pix_fmt: str, **options: str
) -> None:
    """A clip of one colour: a few kilobytes, whatever its size."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt, stream.options = width, height, pix_fmt, options
        stream.codec_context.thread_count = 1
        frame = av.VideoFrame(width, height, pix_fmt)
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for number in range(frames):
            frame.pts = number
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *more: bytes, colour: int = 2) -> bytes:
    """A PNG of zeros, which is small whatever its size."""
    lines = zlib.compressobj(9)
    row = bytes(1 + width * {0: 1, 2: 3, 6: 4}[colour])
    body = b"".join(lines.compress(row) for _ in range(height)) + lines.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(more)
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


BOMBS: dict[str, tuple[int, int, int, str, str, dict[str, str]]] = {
    "more pixels than 8K": (8800, 8800, 8, "libx264", "yuv420p", {"preset": "ultrafast"}),
    "8K": (7680, 4320, 8, "libx264", "yuv420p", {"preset": "ultrafast", "crf": "40"}),
    "8K of deep colours": (7680, 4320, 6, "ffv1", "yuv444p16le", {}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_large_frames_take_less_than_a_gigabyte(tmp_path: Path, name: str) -> None:
    width, height, frames, codec, pix_fmt, options = BOMBS[name]
    path = tmp_path / ("clip.mkv" if codec == "ffv1" else "clip.mp4")
    maker = multiprocessing.get_context("spawn").Process(
        target=large_clip, args=(path, width, height, frames, codec, pix_fmt), kwargs=options
    )
    maker.start()  # its memory is not this process's
    maker.join(120)
    assert maker.exitcode == 0
    reader = Reader("ffmpeg")
    try:
        answer = reader.read(path)
    finally:
        reader.close()

    check(answer, path)
    assert (answer["found"]["arrive"] == "fine") == (name == "8K"), answer


def test_bombs_of_images_take_less_than_a_gigabyte(tmp_path: Path, reader: Reader) -> None:
    profile = b"icc\0\0" + zlib.compress(bytes(200 << 20), 9)
    text = PngImagePlugin.PngInfo()
    text.add_text("a", "b" * (80 << 20), zip=True)
    texted = io.BytesIO()
    Image.new("RGB", (8, 8)).save(texted, "PNG", pnginfo=text)
    images = {
        "50 megapixels.png": png_of(7000, 7000),
        "50 megapixels with alpha.png": png_of(7000, 7000, colour=6),
        "more.png": png_of(20_000, 20_000),
        "profile.png": png_of(8, 8, chunk(b"iCCP", profile)),
        "text.png": texted.getvalue(),
        "claims.png": png_of(8, 8).replace(
            struct.pack(">II", 8, 8), struct.pack(">II", 2**31 - 1, 2**31 - 1)
        ),
    }
    for name, data in images.items():
        path = tmp_path / name
        path.write_bytes(data)
        check(reader.read(path), path)


def test_the_child_measures_what_it_is_for(tmp_path: Path, reader: Reader) -> None:
    """An honest clip and image pass every step: the checks above do not refuse everything."""
    encode(tmp_path / "good.mp4", VIDEOS["h264.mp4"])
    (tmp_path / "good.png").write_bytes(png_of(64, 48))

    clip, image = reader.read(tmp_path / "good.mp4"), reader.read(tmp_path / "good.png")

    assert set(clip["found"].values()) == {"fine"}, clip
    assert image["found"] == {"adopt": "fine"}
