"""Clips that differ become one film: size, rate, orientation, codec, colours."""

from __future__ import annotations

import re
from fractions import Fraction

import av
import numpy as np
import pytest
from media.join_clips import frames, make_clip, picture, psnr, rgb, times, tone
from PIL import Image

from runner.media.frames import first_frames
from runner.media.join import Part, join


def joined(tmp_path, *clips, drops=None):
    drops = drops or [False] * len(clips)
    target = tmp_path / "film.mp4"
    film = join(
        [Part(path=clip, end=-1 if drop else None) for clip, drop in zip(clips, drops, strict=True)], target
    )
    assert film.frames == len(frames(target))
    return film, target


def test_the_film_looks_like_most_of_its_running_time(tmp_path):
    small = [make_clip(tmp_path / f"{seed}.mp4", 10, seed=seed, size=(96, 64)) for seed in range(2)]
    large = make_clip(tmp_path / "large.mp4", 30, seed=2, size=(192, 128))

    film, _ = joined(tmp_path, *small, large)

    assert (film.width, film.height) == (192, 128)
    assert film.reencoded_frames == 20
    assert film.notes[0] == "0.mp4 is 96x64 at 24 fps, the film is 192x128 at 24 fps"


def test_the_first_of_equals_decides(tmp_path):
    wide = make_clip(tmp_path / "wide.mp4", 10, size=(128, 64))
    tall = make_clip(tmp_path / "tall.mp4", 10, size=(64, 128))

    assert joined(tmp_path, wide, tall)[0].width == 128
    assert joined(tmp_path, tall, wide)[0].width == 64


def test_only_the_clip_that_differs_is_encoded_again(tmp_path):
    a = make_clip(tmp_path / "a.mp4", 30, seed=1, size=(160, 96))
    b = make_clip(tmp_path / "b.mp4", 12, seed=2, size=(80, 48))

    film, target = joined(tmp_path, a, b, a)

    got = frames(target)
    assert film.reencoded_frames == 12
    assert all((x == y).all() for x, y in zip(frames(a) * 2, got[:30] + got[42:], strict=True))
    enlarged = Image.fromarray(rgb(b)[5]).resize((160, 96), Image.Resampling.LANCZOS)
    assert psnr(np.asarray(enlarged), rgb(target)[35]) > 32


def test_another_shape_gets_black_bars_and_is_not_stretched(tmp_path):
    film_like = make_clip(tmp_path / "a.mp4", 30, size=(192, 96))
    square = make_clip(tmp_path / "b.mp4", 6, seed=3, size=(128, 128))

    _, target = joined(tmp_path, film_like, square)

    frame = rgb(target)[33]
    assert frame[:, :44].max() < 12
    assert frame[:, -44:].max() < 12
    reduced = Image.fromarray(rgb(square)[3]).resize((96, 96), Image.Resampling.LANCZOS)
    assert psnr(np.asarray(reduced)[4:-4, 4:-4], frame[4:-4, 52:-52]) > 30


@pytest.mark.parametrize(("rate", "frames_left"), [(12, 22), (30, 23), (48, 24), (Fraction(30000, 1001), 23)])
def test_another_frame_rate_is_brought_to_that_of_the_film(tmp_path, rate, frames_left):
    """A clip of a second less its repeated frame."""
    film_like = make_clip(tmp_path / "a.mp4", 60)
    other = make_clip(tmp_path / "b.mp4", round(rate), seed=3, fps=rate)

    film, target = joined(tmp_path, film_like, other, film_like, drops=[False, True, False])

    assert film.frames == 120 + frames_left
    assert times(target) == [Fraction(number, 24) for number in range(film.frames)]
    halfway = rgb(target)[60 + 11]
    shown = int(Fraction(23, 2) / 24 * rate)
    assert psnr(halfway, picture(3, shown)) > 24
    assert psnr(halfway, picture(3, shown)) > psnr(halfway, picture(3, shown + 2))


def test_a_variable_rate_becomes_a_constant_one(tmp_path):
    steady = make_clip(tmp_path / "a.mp4", 40)
    ticks = [0, 1, 2, 5, 6, 7, 8, 12, 13, 14, 15, 16]
    uneven = make_clip(tmp_path / "b.mp4", 12, seed=3, times=ticks, time_base="1/24", crf=8)

    film, target = joined(tmp_path, steady, uneven, steady, drops=[False, True, False])

    assert film.frames == 40 + 16 + 40
    got = rgb(target)[40:56]
    for number in range(16):
        shown = max(index for index, tick in enumerate(ticks[:-1]) if tick <= number)
        assert psnr(got[number], picture(3, shown)) > 28


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (-90, -1), (180, 2)])
def test_a_turned_clip_stands_upright_in_the_film(tmp_path, degrees, turns):
    size = (96, 160) if degrees != 180 else (160, 96)
    upright = make_clip(tmp_path / "a.mp4", 30)
    turned = make_clip(tmp_path / "b.mp4", 6, seed=3, size=size, rotation=degrees)

    film, target = joined(tmp_path, upright, turned)

    assert film.reencoded_frames == 6
    assert "turned" in film.notes[0]
    frame = rgb(target)[33]
    qualities = {
        count: psnr(np.rot90(picture(3, 3, *size), count), frame)
        for count in (0, 1, 2, 3)
        if np.rot90(picture(3, 3, *size), count).shape == frame.shape
    }
    best = max(qualities, key=qualities.get)
    assert best == turns % 4
    assert qualities[best] > 28


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    square = make_clip(tmp_path / "a.mp4", 30, size=(160, 96))
    narrow = make_clip(tmp_path / "b.mp4", 6, seed=3, size=(120, 96), sar="4/3")

    film, target = joined(tmp_path, square, narrow)

    stretched = Image.fromarray(rgb(narrow)[3]).resize((160, 96), Image.Resampling.LANCZOS)
    assert film.reencoded_frames == 6
    assert psnr(np.asarray(stretched), rgb(target)[33]) > 32


@pytest.mark.parametrize(
    "options",
    [
        {"codec": "libx265", "x265_params": "log-level=error"},
        {"codec": "mpeg4"},
        {"pix_fmt": "yuv420p10le"},
        {"pix_fmt": "yuv444p"},
        {"bf": 0},
    ],
    ids=["hevc", "mpeg4", "10-bit", "4:4:4", "other-parameters"],
)
def test_a_clip_that_is_encoded_differently_is_spliced_in(tmp_path, options):
    a = make_clip(tmp_path / "a.mp4", 30, seed=1)
    b = make_clip(tmp_path / "b.mp4", 10, seed=2, **options)

    film, target = joined(tmp_path, a, b, a, drops=[True, True, False])

    assert film.method.startswith("copy, ")
    assert "b.mp4" in film.notes[0]
    wanted = rgb(a)[:-1] + rgb(b)[:-1] + rgb(a)
    assert min(psnr(x, y) for x, y in zip(wanted, rgb(target), strict=True)) > 35


@pytest.mark.parametrize(
    "options",
    [
        {"colour": (6, 6, 6, 1), "crf": 8},
        {"colour": (6, 6, 6, 2), "crf": 8, "pix_fmt": "yuvj420p"},
        {"colour": (1, 1, 1, 2), "codec": "libvpx-vp9", "cpu_used": 8, "crf": 8},
    ],
    ids=["BT.601", "BT.601-full", "VP9-full"],
)
def test_colours_are_converted_and_not_only_relabelled(tmp_path, options):
    a = make_clip(tmp_path / "a.mp4", 30, seed=1, colour=(1, 1, 1, 1))
    b = make_clip(tmp_path / "b.mp4", 10, seed=2, **options)

    film, target = joined(tmp_path, a, b)

    assert film.reencoded_frames == 10
    assert psnr(first_frames(target, 35)[34].rgb, first_frames(b, 5)[4].rgb) > 40


def test_frames_that_are_encoded_again_get_types_of_their_own(tmp_path):
    """Decoded frames remember being key frames; if x264 were told, the film would be many times too large."""
    a = make_clip(tmp_path / "a.mp4", 60, seed=1)
    b = make_clip(tmp_path / "b.mp4", 20, seed=2, codec="mpeg4", g=1)

    _, target = joined(tmp_path, a, b)

    with av.open(str(target)) as film:
        assert sum(packet.is_keyframe for packet in film.demux(video=0)) == 2


def test_encoding_does_not_depend_on_the_number_of_cores(tmp_path):
    clips = [
        make_clip(tmp_path / f"{seed}.mp4", 19, seed=seed, codec="mpeg4", size=(640, 352))
        for seed in range(2)
    ]

    film, target = joined(tmp_path, *clips)

    assert film.method == "re-encoded"
    assert re.findall(rb" threads=(\d+)", target.read_bytes()) == [b"4"]  # x264 writes its settings down


def test_a_clip_that_starts_in_the_middle_of_an_open_gop_is_not_copied(tmp_path):
    whole = make_clip(tmp_path / "whole.mp4", 30, seed=1, bf=3, g=8, x264_params="open-gop=1:b-adapt=0")
    middle = remuxed(whole, tmp_path / "middle.mp4", whole, second_key_frame_on=True)
    other = make_clip(tmp_path / "b.mp4", 60, seed=2, bf=3, g=8, x264_params="open-gop=1:b-adapt=0")

    film, target = joined(tmp_path, other, middle)

    assert film.notes[0] == "middle.mp4 does not start with a frame that stands alone"
    assert psnr(rgb(target)[-1], rgb(whole)[-1]) > 38


def test_packets_with_parameter_sets_that_the_header_lacks_are_not_copied(tmp_path):
    told = make_clip(tmp_path / "told.mp4", 30, seed=1, x264_params="repeat-headers=1")
    other = make_clip(tmp_path / "other.mp4", 30, seed=2, refs=5, x264_params="repeat-headers=1")
    untold = remuxed(other, tmp_path / "untold.mp4", told)

    film, target = joined(tmp_path, told, untold, told)

    assert film.notes == ("untold.mp4 does not keep its parameters in its header",)
    assert film.reencoded_frames == 30
    assert psnr(rgb(target)[45], rgb(other)[15]) > 38


def remuxed(source, target, header, *, second_key_frame_on=False):
    """The packets of one clip under the header of another."""
    with av.open(str(source)) as clip, av.open(str(header)) as other, av.open(str(target), "w") as made:
        track = made.add_stream_from_template(other.streams.video[0], opaque=True)
        packets = [packet for packet in clip.demux(video=0) if packet.size]
        if second_key_frame_on:
            keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
            first = packets[keys[1]].pts
            packets = [packet for packet in packets[keys[1] :] if packet.pts >= first]
        for packet in packets:
            packet.stream = track
            made.mux(packet)
    return target


@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9"])
def test_other_codecs_are_copied_when_nothing_has_to_be_cut(tmp_path, codec):
    options = {"x265_params": "log-level=error:bframes=0"} if codec == "libx265" else {"cpu_used": 8}
    clips = [make_clip(tmp_path / f"{seed}.mp4", 20, seed=seed, codec=codec, **options) for seed in range(2)]

    film, target = joined(tmp_path, *clips, drops=[True, False])

    assert film.method == "copy"
    wanted = frames(clips[0])[:-1] + frames(clips[1])
    assert all((a == b).all() for a, b in zip(wanted, frames(target), strict=True))


def test_a_codec_that_cannot_be_cut_is_encoded_again_as_tagged_h264(tmp_path):
    options = {"codec": "libx265", "x265_params": "log-level=error:bframes=3:b-adapt=0"}
    clips = [make_clip(tmp_path / f"{seed}.mp4", 19, seed=seed, **options) for seed in range(2)]

    film, target = joined(tmp_path, *clips, drops=[True, False])

    assert film.method == "re-encoded"
    assert film.notes == ("HEVC cannot be cut between its frames without encoding it again",)
    with av.open(str(target)) as made:
        context = made.streams.video[0].codec_context
        assert context.name == "h264"
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )


def test_odd_sizes_become_even(tmp_path):
    clips = [
        make_clip(tmp_path / f"{seed}.webm", 19, seed=seed, codec="libvpx-vp9", size=(97, 65))
        for seed in range(2)
    ]
    h264 = make_clip(tmp_path / "a.mp4", 3)

    film, _ = joined(tmp_path, *clips, h264, drops=[True, False, False])

    assert (film.width, film.height, film.method) == (96, 64, "re-encoded")


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_h264_from_other_containers_is_copied(tmp_path, suffix):
    clips = [
        make_clip(tmp_path / f"{seed}{suffix}", 20, seed=seed, bf=0, sound=tone(20 / 24)) for seed in range(2)
    ]

    film, target = joined(tmp_path, *clips, drops=[True, False])

    assert film.method == "copy"
    assert times(target) == [Fraction(number, 24) for number in range(39)]


def test_a_transport_stream_is_encoded_again(tmp_path):
    clips = [make_clip(tmp_path / f"{seed}.ts", 20, seed=seed, sound=tone(20 / 24)) for seed in range(2)]

    film, _ = joined(tmp_path, *clips, drops=[True, False])

    assert (film.frames, film.method, film.audio) == (39, "re-encoded", True)
