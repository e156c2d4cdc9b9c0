"""Spliced films are valid H.264: every decoder gets every frame, from everywhere."""

from __future__ import annotations

import itertools
import subprocess

import av
import imageio_ffmpeg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media.join_clips import frames, make_clip, psnr

from runner.media.h264 import AvcC, pps_ids, read_sps
from runner.media.join import Part, join

SIZE = (96, 64)


def encoded(folder, length, seed, **options):
    return make_clip(folder / f"{seed}.mp4", length, seed=seed, size=SIZE, **options)


def spliced(folder, lengths, **options):
    """A film of clips of these lengths: the frames it should have, those it has, its facts, its path."""
    clips = [encoded(folder, length, seed, **options) for seed, length in enumerate(lengths)]
    target = folder / "film.mp4"
    film = join([Part(path=clip, end=-1 if clip is not clips[-1] else None) for clip in clips], target)
    wanted = []
    for clip in clips:
        own = frames(clip)
        wanted += own if clip is clips[-1] else own[:-1]
    return wanted, frames(target), film, target


def check(wanted, got, film):
    assert len(got) == len(wanted) == film.frames
    quality = [psnr(a, b) for a, b in zip(wanted, got, strict=True)]
    assert sum(value < 99 for value in quality) <= film.reencoded_frames
    assert min(quality) > 40
    assert film.method != "re-encoded"


def complaints(path):
    """What the ffmpeg program says while it decodes a whole file, strictly."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


MATRIX = [
    {"bf": bf, "b_pyramid": pyramid, "x264_params": f"open-gop={is_open}:b-adapt=0", "g": g}
    for bf, pyramid, is_open, g in itertools.product((0, 1, 2, 3, 4), ("none", "normal"), (0, 1), (250, 8))
    if bf or (pyramid == "none" and not is_open)
]


@pytest.mark.parametrize(
    "options", MATRIX, ids=lambda options: "-".join(str(value) for value in options.values())
)
def test_every_structure_of_a_clip_can_be_spliced(tmp_path, options):
    for number, lengths in enumerate([(3, 7, 26), (13, 2, 31), (19, 20, 8)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        wanted, got, film, target = spliced(folder, lengths, **options)
        check(wanted, got, film)
        assert complaints(target) == (0, "")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    bf=st.integers(0, 5),
    adaptive=st.integers(0, 2),
    g=st.integers(1, 30),
    refs=st.integers(1, 6),
    profile=st.sampled_from(["baseline", "main", "high"]),
)
def test_any_clips_give_all_of_their_frames(tmp_path_factory, lengths, bf, adaptive, g, refs, profile):
    folder = tmp_path_factory.mktemp("any")
    bf = 0 if profile == "baseline" else bf
    wanted, got, film, target = spliced(
        folder, lengths, bf=bf, x264_params=f"b-adapt={adaptive}", g=g, refs=refs, profile=profile
    )
    check(wanted, got, film)
    assert complaints(target) == (0, "")


@pytest.mark.parametrize("g", [250, 7])
def test_a_spliced_film_can_be_entered_anywhere(tmp_path, g):
    _, whole, film, target = spliced(tmp_path, (17, 23, 20), bf=3, x264_params="b-adapt=0", g=g)
    assert film.reencoded_frames

    with av.open(str(target)) as made:
        track = made.streams.video[0]
        step = int(1 / (24 * track.time_base))
        for number in range(film.frames):
            made.seek((number - 4) * step, stream=track)
            frame = next(frame for frame in made.decode(track) if frame.pts >= number * step)
            assert frame.pts == number * step
            assert (frame.to_ndarray() == whole[number]).all()


def test_the_ffmpeg_program_seeks_to_the_same_frames(tmp_path):
    _, whole, film, target = spliced(tmp_path, (17, 23, 20), bf=3, x264_params="b-adapt=0")
    width, height = SIZE

    for number in (0, 13, 15, 16, 17, 30, 37, 38, 39, film.frames - 1):
        at = f"{(number - 0.5) / 24:.6f}" if number else "0"
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-ss",
            at,
            "-i",
            str(target),
            "-frames:v",
            "1",
        ]
        command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        assert len(data) == width * height * 3 // 2
        assert data == whole[number].tobytes()


def test_the_header_holds_the_parameter_sets_of_both_kinds_of_frames(tmp_path):
    _, _, film, target = spliced(tmp_path, (17, 23), bf=3, x264_params="b-adapt=0")
    assert film.reencoded_frames

    with av.open(str(target)) as made, av.open(str(tmp_path / "0.mp4")) as clip:
        record = AvcC.read(made.streams.video[0].codec_context.extradata)
        own = AvcC.read(clip.streams.video[0].codec_context.extradata)
        packets = [packet for packet in made.demux(video=0) if packet.size]
    assert (record.sps[0], record.pps[0]) == (own.sps[0], own.pps[0])
    assert [read_sps(nal).id for nal in record.sps] == [0, 1]
    assert [pps_ids(nal) for nal in record.pps] == [(0, 0), (1, 1)]
    assert record.level >= max(nal[3] for nal in record.sps)
    assert read_sps(record.sps[1]).reorder == read_sps(record.sps[0]).reorder
    assert read_sps(record.sps[1]).references == read_sps(record.sps[0]).references
    assert all(a.dts < b.dts for a, b in itertools.pairwise(packets))
    assert all(packet.dts <= packet.pts for packet in packets)


def test_colours_pass_a_splice_unchanged(tmp_path):
    full_range_bt601 = (6, 6, 6, 2)
    wanted, got, film, target = spliced(
        tmp_path, (17, 23), bf=3, x264_params="b-adapt=0", colour=full_range_bt601, pix_fmt="yuvj420p"
    )
    check(wanted, got, film)
    assert film.reencoded_frames

    with av.open(str(target)) as made:
        told = {
            (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
            for frame in made.decode(video=0)
        }
    assert told == {full_range_bt601}


@pytest.mark.parametrize("sar", [None, "1/1"])
def test_pixels_that_are_told_to_be_square_do_not_disturb_a_splice(tmp_path, sar):
    wanted, got, film, target = spliced(tmp_path, (17, 23), bf=3, x264_params="b-adapt=0", sar=sar)
    check(wanted, got, film)
    assert film.reencoded_frames
    assert complaints(target) == (0, "")


@pytest.mark.parametrize("length", range(3, 12))
def test_two_key_frames_never_meet_at_a_splice(tmp_path, length):
    """An IDR image right before another would have the same idr_pic_id, which the standard forbids."""
    wanted, got, film, target = spliced(tmp_path, (length, 9), bf=1, x264_params="b-adapt=0")

    check(wanted, got, film)
    assert film.reencoded_frames != 1
    with av.open(str(target)) as made:
        keys = [packet.is_keyframe for packet in made.demux(video=0) if packet.size]
    assert not any(a and b for a, b in itertools.pairwise(keys))


def test_forty_clips_do_not_drift(tmp_path):
    lengths = [9 + seed % 5 for seed in range(40)]
    wanted, got, film, target = spliced(tmp_path, lengths, bf=2, x264_params="b-adapt=0")
    check(wanted, got, film)
    assert film.frames == sum(lengths) - 39
    assert complaints(target) == (0, "")
