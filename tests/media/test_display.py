"""Clips are handed on as players show them: pixels that are not square, and high dynamic range."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from media.join_clips import make_clip, picture
from PIL import Image

from runner.errors import ExtractionRefused
from runner.media import last_frame, probe_clip
from runner.media.join import Part, join
from runner.media.survey import survey
from tests.media.test_packets_and_times import EXTRACTORS, program

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = [(Fraction(4, 3), 213), (Fraction(3, 4), 120), (Fraction(32, 27), 190), (Fraction(1), 160)]


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize(("sar", "width"), SHAPES)
def test_pixels_that_are_not_square_are_made_so(
    sar: Fraction, width: int, rotation: int, extractor: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "a.mp4", 5, size=(160, 120), sar=sar, rotation=rotation, crf=4)

    rgb = EXTRACTORS[extractor](clip).rgb
    found = probe_clip(clip)

    size = (width, 120) if rotation == 0 else (120, width)
    assert (rgb.shape[1], rgb.shape[0]) == size == (found.width, found.height)
    expected = np.asarray(
        Image.fromarray(picture(0, 4, 160, 120)).resize((width, 120), Image.Resampling.BICUBIC)
    )
    turned = min(
        np.abs(np.rot90(expected, turns).astype(int) - rgb).mean() for turns in ((0,), (1, 3))[rotation > 0]
    )
    assert turned < 9


def test_the_seam_is_measured_on_what_is_handed_on(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 5, size=(160, 120), sar=Fraction(4, 3))

    seen = survey(clip, 5 / 24)

    assert seen.opening[0].shape == seen.stations[-1].shape == (120, 213, 3)


def test_a_shape_that_no_pixel_has_is_taken_for_a_mistake(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 3, size=(160, 120), sar=Fraction(200))

    assert probe_clip(clip).width == 160


def pq(nits: float) -> float:
    """SMPTE ST 2084, the inverse of its EOTF: 0 to 1."""
    power = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(light: float) -> float:
    """ARIB STD-B67: scene light of 0 to 1 as a signal of 0 to 1."""
    return float(
        np.sqrt(3 * light) if light <= 1 / 12 else 0.17883277 * np.log(12 * light - 0.28466892) + 0.55991073
    )


STEPS = {16: [pq(nits) for nits in (0, 5, 50, 203, 1000)], 18: [hlg(one) for one in (0, 0.01, 0.08, 0.26, 1)]}


def hdr_clip(path: Path, transfer: int, suffix: str) -> Path:
    """A clip of five grey bars in BT.2020, 10 bits, from black to bright."""
    bars = np.repeat([round(64 + 876 * step) for step in STEPS[transfer]], 32).astype(np.uint16)
    with av.open(str(path), "w") as film:
        track = film.add_stream("libx265", rate=24, options={"x265-params": "log-level=none", "crf": "4"})
        track.width, track.height, track.pix_fmt = 160, 96, "yuv420p10le"
        context = track.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            9,
            transfer,
            9,
            1,
        )
        for number in range(6):
            frame = av.VideoFrame(160, 96, "yuv420p10le")
            for plane in frame.planes:
                values = np.full((plane.height, plane.line_size // 2), 512, np.uint16)
                if plane.width == 160:
                    values[:, :160] = bars
                plane.update(values.tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 24)
            film.mux(track.encode(frame))
        film.mux(track.encode(None))
    return path


def bars_of(rgb: np.ndarray) -> list[list[int]]:
    return [
        rgb[20:76, 32 * bar + 10 : 32 * bar + 22].mean(axis=(0, 1)).round().astype(int).tolist()
        for bar in range(5)
    ]


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_high_dynamic_range_is_tone_mapped_alike_everywhere(
    transfer: int, suffix: str, tmp_path: Path
) -> None:
    clip = hdr_clip(tmp_path / f"a{suffix}", transfer, suffix)

    found = {name: bars_of(extract(clip).rgb) for name, extract in EXTRACTORS.items()}
    film = join([Part(path=clip, end=-1), Part(path=clip)], tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as made:
        frame = next(made.decode(video=0))
        found["film"] = bars_of(frame.to_ndarray(format="rgb24"))
        if film.method == "re-encoded":
            assert (frame.color_trc, frame.colorspace, frame.format.name) == (1, 1, "yuv420p")

    reference = found["pyav"]
    levels = [bar[0] for bar in reference]
    assert levels == sorted(levels)
    assert levels[0] < 4
    assert 90 < levels[3] < 250, "graphics white is neither grey nor cut off"
    assert levels[4] > levels[3] + 15, "highlights keep their shape"
    for name, bars in found.items():
        for bar, expected in zip(bars, reference, strict=True):
            assert max(bar) - min(bar) <= 6, f"{name}: grey stays grey"
            assert abs(bar[0] - expected[0]) <= 6, name
    assert any("high dynamic range" in note for note in probe_clip(clip).notes)
    assert any("HDR" in note for note in film.notes) or film.method.startswith("copy")


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_place_of_colour_samples_is_honoured_by_all_extractors(
    codec: str, place: int, tmp_path: Path
) -> None:
    """ITU-T H.273, 8.7: left, center, top left, top, bottom left, bottom."""
    clip = tmp_path / "a.mp4"
    name = codec.removeprefix("lib")
    options = {
        f"{name}-params": f"chromaloc={place}" + (":log-level=none" if name == "x265" else ""),
        "crf": "4",
    }
    stripes = np.zeros((96, 160, 3), np.uint8)
    stripes[(np.arange(96) // 3) % 2 == 0] = (220, 30, 30)
    stripes[:, (np.arange(160) // 5) % 2 == 0] //= 2
    with av.open(str(clip), "w") as film:
        track = film.add_stream(codec, rate=24, options=options)
        track.width, track.height, track.pix_fmt = 160, 96, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(stripes, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            film.mux(track.encode(frame))
        film.mux(track.encode(None))

    found = [extract(clip).rgb.astype(int) for extract in EXTRACTORS.values()]

    assert probe_clip(clip).chroma == [(0, 128), (128, 128), (0, 0), (128, 0), (0, 256), (128, 256)][place]
    assert all(np.abs(other - found[0]).mean() < 0.2 for other in found[1:])


def test_a_size_that_changes_within_a_clip_is_the_last_one_or_a_refusal(tmp_path: Path) -> None:
    clip = tmp_path / "a.ts"
    with av.open(str(clip), "w", format="mpegts") as film:
        track = film.add_stream("libx264", rate=25)
        track.width, track.height, track.pix_fmt = 160, 96, "yuv420p"
        for part, (width, height) in enumerate(((160, 96), (128, 128))):
            context = av.CodecContext.create("libx264", "w")
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
            context.options = {"bf": "0"}
            frames = [
                av.VideoFrame.from_ndarray(picture(0, number, width, height), "rgb24") for number in range(25)
            ]
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in [one for frame in (*frames, None) for one in context.encode(frame)]:
                packet.stream, packet.time_base = track, Fraction(1, 25)
                packet.pts, packet.dts = packet.pts + 25 * part, packet.dts + 25 * part
                film.mux(packet)

    assert last_frame(clip).rgb.shape == (128, 128, 3)
    for name in ("ffmpeg", "scikit_video"):
        with pytest.raises(ExtractionRefused, match=r"ffmpeg|scikit") as refused:
            EXTRACTORS[name](clip)
        assert "160x96 at first and 128x128 at the end" in str(refused.value)


def with_clap(data: bytes, width: int, height: int, across: int, down: int) -> bytes:
    """The same MP4 with a clean aperture (ISO 14496-12, 12.1.4) in its sample entry; its index comes last."""
    values = (width, 1, height, 1, across, 2, down, 2)
    added = struct.pack(">I4s", 40, b"clap") + struct.pack(">8i", *values)
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    end = entry + struct.unpack_from(">I", data, entry)[0]
    made = bytearray(data[:end] + added + data[end:])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(name, data.index(b"stsd") if name == b"avc1" else data.index(b"moov")) - 4
        struct.pack_into(">I", made, at, struct.unpack_from(">I", data, at)[0] + len(added))
    return bytes(made)


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_the_container_crops_is_not_shown(suffix: str, extractor: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 5, size=(160, 96), crf=4)
    clip = tmp_path / f"a{suffix}"
    if suffix == ".mp4":
        clip.write_bytes(with_clap(plain.read_bytes(), 128, 64, 2 * -8, 2 * 4))
        left, top = 16 - 8, 16 + 4
    else:
        left, top = 8, 20
        sides = ["pixel_crop_left=8", "pixel_crop_right=24", "pixel_crop_top=20", "pixel_crop_bottom=12"]
        clip.write_bytes(with_pixel_crop(plain, tmp_path, sides))

    found = probe_clip(clip)
    rgb = EXTRACTORS[extractor](clip).rgb.astype(int)

    assert (found.width, found.height) == (128, 64)
    assert rgb.shape == (64, 128, 3)
    whole = picture(0, 4, 160, 96).astype(int)[top : top + 64, left : left + 128]
    assert np.abs(rgb - whole)[4:-4, 4:-4].mean() < 6
    film = join([Part(path=clip)] * 2, tmp_path / "film.mp4")
    assert (film.width, film.height, film.method) == (128, 64, "re-encoded")
    with av.open(str(tmp_path / "film.mp4")) as made:
        *_, last = made.decode(video=0)
    assert np.abs(last.to_ndarray(format="rgb24").astype(int) - whole)[4:-4, 4:-4].mean() < 6


def with_pixel_crop(plain: Path, folder: Path, sides: list[str]) -> bytes:
    """A Matroska file whose video element has the four sides to crop; libavformat does not write them."""
    program("-i", plain, "-c", "copy", "-f", "matroska", "-live", "1", folder / "plain.mkv")
    data = (folder / "plain.mkv").read_bytes()
    ids = {"left": b"\x54\xcc", "top": b"\x54\xbb", "right": b"\x54\xdd", "bottom": b"\x54\xaa"}
    added = b"".join(
        ids[name.removeprefix("pixel_crop_")] + bytes([0x81, int(value)])
        for name, value in (side.split("=") for side in sides)
    )
    segment = data.index(bytes.fromhex("18538067"))
    tracks = within(data, segment, "1654ae6b")
    entry = within(data, tracks, "ae")
    video = within(data, entry, "e0")
    made = bytearray(data)
    size, length = vint(data, video + 1)
    made[video + 1 + length + size : video + 1 + length + size] = added
    for at in (video + 1, entry + 1, tracks + 4, segment + 4):
        size, length = vint(data, at)
        if size == (1 << 7 * length) - 1:
            continue  # a size that is not known
        grown = size + len(added)
        assert grown < (1 << 7 * length) - 1
        made[at : at + length] = (grown | 1 << 7 * length).to_bytes(length, "big")
    return bytes(made)


def vint(data: bytes, at: int) -> tuple[int, int]:
    """An EBML size and how many bytes it takes."""
    length = 9 - data[at].bit_length()
    return int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1), length


def within(data: bytes, parent: int, kind: str) -> int:
    """Where the first child of that id begins in an element."""
    at = parent + 9 - data[parent].bit_length()
    at += vint(data, at)[1]
    while data[at : at + len(kind) // 2].hex() != kind:
        at += 9 - data[at].bit_length()
        size, length = vint(data, at)
        at += length + size
    return at
