"""A film is exactly as long as what is left of its clips, whatever is left out, and encodes only what it must."""

from __future__ import annotations

import itertools
import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest
from media.join_clips import SAMPLES_PER_S, click, frames, heard, make_clip, psnr, rgb, times, tone

from runner.media.join import Card, Part, join

STRUCTURES = [
    {"bf": 0, "g": 250},
    {"bf": 3, "g": 250, "x264_params": "b-adapt=0:scenecut=0"},
    {"bf": 2, "g": 9, "x264_params": "b-adapt=0:scenecut=0"},
    {"bf": 0, "g": 1},
]


def complaints(path):
    """What the ffmpeg program says while it decodes a whole file, strictly."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def check(wanted, target, film):
    got = frames(target)
    assert len(got) == len(wanted) == film.frames
    quality = [psnr(a, b) for a, b in zip(wanted, got, strict=True)]
    assert sum(value < 99 for value in quality) <= film.reencoded_frames
    assert min(quality) > 38
    assert complaints(target) == (0, "")


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: f"bf{one['bf']}-g{one['g']}")
@pytest.mark.parametrize("overlap", range(9))
def test_a_film_is_frame_exact_for_every_overlap(tmp_path, structure, overlap):
    clips = [make_clip(tmp_path / f"{seed}.mp4", 30, seed=seed, **structure) for seed in range(3)]
    parts = [Part(path=clips[0]), *(Part(path=clip, start=overlap) for clip in clips[1:])]

    film = join(parts, tmp_path / "film.mp4")

    first, *later = (frames(clip) for clip in clips)
    check(first + [frame for own in later for frame in own[overlap:]], tmp_path / "film.mp4", film)
    assert film.method != "re-encoded"
    assert [part.frames for part in film.parts] == [30, 30 - overlap, 30 - overlap]
    if structure["g"] == 1:
        assert film.reencoded_frames == 0
    elif structure["g"] == 9:
        assert film.reencoded_frames <= 2 * 18


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: f"bf{one['bf']}-g{one['g']}")
@pytest.mark.parametrize(("start", "end"), [(0, 20), (5, None), (3, -4), (9, 27), (1, 3), (7, 8)])
def test_a_clip_may_be_cut_at_both_ends(tmp_path, structure, start, end):
    clips = [make_clip(tmp_path / f"{seed}.mp4", 30, seed=seed, **structure) for seed in range(3)]
    parts = [Part(path=clips[0]), Part(path=clips[1], start=start, end=end), Part(path=clips[2], end=end)]

    film = join(parts, tmp_path / "film.mp4")

    a, b, c = (frames(clip) for clip in clips)
    check(a + b[start:end] + c[:end], tmp_path / "film.mp4", film)
    assert film.parts[1].start == start
    assert film.parts[1].end == (30 if end is None else end % 30)


@pytest.mark.parametrize("codec", ["libx265", "libvpx-vp9"])
def test_clips_of_codecs_that_cannot_be_spliced_are_cut_as_well(tmp_path, codec):
    options = {"x265_params": "log-level=none"} if codec == "libx265" else {}
    clip = make_clip(tmp_path / "a.mp4", 20, codec=codec, **options)

    film = join([Part(path=clip, end=15), Part(path=clip, start=4)], tmp_path / "film.mp4")

    own = rgb(clip)
    assert film.frames == 31
    assert min(psnr(a, b) for a, b in zip(own[:15] + own[4:], rgb(tmp_path / "film.mp4"), strict=True)) > 30


def test_frames_of_another_rate_are_cut_by_their_time(tmp_path):
    a = make_clip(tmp_path / "a.mp4", 48, seed=1, fps=24)
    b = make_clip(tmp_path / "b.mp4", 30, seed=2, fps=30)

    film = join([Part(path=a), Part(path=b, start=10)], tmp_path / "film.mp4")

    assert film.frames == 48 + 16  # 20 frames of 1/30 s
    got = rgb(tmp_path / "film.mp4")
    assert psnr(got[48], rgb(b)[10]) > 28
    assert times(tmp_path / "film.mp4") == [number / Fraction(24) for number in range(64)]


@pytest.mark.parametrize("overlap", range(9))
def test_sound_is_left_out_for_as_long_as_pictures(tmp_path, overlap):
    """A click in each clip: its place in the film says to the sample what was left out before it."""
    clips = [
        make_clip(tmp_path / f"{seed}.mp4", 24, seed=seed, sound=click(1, 0.7), size=(64, 48))
        for seed in range(4)
    ]
    parts = [Part(path=clips[0]), *(Part(path=clip, start=overlap, crossfade_s=0.02) for clip in clips[1:])]

    film = join(parts, tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    assert len(sound) == round(film.frames / 24 * SAMPLES_PER_S)
    for number in range(4):
        began = (24 + (number - 1) * (24 - overlap) - overlap) / 24 if number else 0.0
        middle = round((began + 0.7005) * SAMPLES_PER_S)
        window = np.abs(sound[middle - 4800 : middle + 4800])
        assert window.max() > 0.3
        assert abs(int(window.argmax()) - 4800) < 24


SOUNDS = [*itertools.product((44_100, 48_000), ("mono", "stereo", "5.1")), None]


def test_pictures_and_sound_end_together_after_twenty_clips_of_all_kinds(tmp_path):
    parts = []
    for number in range(20):
        kind = SOUNDS[number % len(SOUNDS)]
        path = tmp_path / f"{number}.mp4"
        length = 9 + number % 4
        if kind is None:
            make_clip(path, length, seed=number, size=(64, 48))
        else:
            rate, layout = kind
            sound = tone(length / 24 + 0.02 * (number % 3), 300 + 20 * number, rate)
            make_clip(path, length, seed=number, size=(64, 48), sound=sound, sound_rate=rate, layout=layout)
        parts.append(Part(path=path, start=number % 9 % 4, crossfade_s=0.02 if number else 0.0))

    film = join(parts, tmp_path / "film.mp4")

    wanted = sum(9 + number % 4 - number % 9 % 4 for number in range(20))
    with av.open(str(tmp_path / "film.mp4")) as made:
        pictures_s, sound_s = (track.duration * track.time_base for track in made.streams)
    assert film.frames == wanted
    assert pictures_s == Fraction(wanted, 24)
    assert abs(sound_s - pictures_s) < Fraction(1, 24)
    assert film.method != "re-encoded"
    assert complaints(tmp_path / "film.mp4") == (0, "")


def rms(sound):
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean()))


def noise(seconds, seed):
    return 0.2 * np.random.default_rng(seed).standard_normal(round(seconds * SAMPLES_PER_S))


def test_a_crossfade_keeps_two_different_sounds_as_loud(tmp_path):
    """Both clips have sound beyond the seam: 5 frames of the later one, 1 of the earlier one."""
    a = make_clip(tmp_path / "a.mp4", 25, seed=1, sound=noise(25 / 24, 1), size=(64, 48))
    b = make_clip(tmp_path / "b.mp4", 30, seed=2, sound=noise(30 / 24, 2), size=(64, 48))
    seam, half = SAMPLES_PER_S, 2400

    def around(crossfade_s):
        parts = [Part(path=a, end=-1), Part(path=b, start=5, crossfade_s=crossfade_s)]
        join(parts, tmp_path / "film.mp4")
        whole = heard(tmp_path / "film.mp4")
        return whole[seam - half : seam + half] / rms(whole[half : seam - 2 * half])

    faded, ramped = around(0.1), around(0.0)

    assert rms(faded) == pytest.approx(1, rel=0.12)
    middle = slice(half - 96, half + 96)
    assert rms(faded[middle]) > 2 * rms(ramped[middle])


def test_where_nothing_is_heard_beyond_a_seam_nothing_is_faded_into_it(tmp_path):
    a = make_clip(tmp_path / "a.mp4", 24, seed=1, sound=noise(1, 1), size=(64, 48))
    b = make_clip(tmp_path / "b.mp4", 24, seed=2, sound=noise(1, 2), size=(64, 48))

    join([Part(path=a), Part(path=b, crossfade_s=0.5)], tmp_path / "one.mp4")
    join([Part(path=a), Part(path=b)], tmp_path / "two.mp4")

    one, two = heard(tmp_path / "one.mp4"), heard(tmp_path / "two.mp4")
    assert len(one) == len(two) == 2 * SAMPLES_PER_S
    assert np.abs(one[: SAMPLES_PER_S - 2400] - two[: SAMPLES_PER_S - 2400]).max() < 0.01


def test_a_dissolve_encodes_the_frames_around_it_and_no_others(tmp_path):
    clips = [
        make_clip(tmp_path / f"{seed}.mp4", 40, seed=seed, g=10, bf=2, sound=tone(40 / 24, 200 + 90 * seed))
        for seed in range(3)
    ]
    parts = [Part(path=clips[0]), *(Part(path=clip, fade=8) for clip in clips[1:])]

    film = join(parts, tmp_path / "film.mp4")

    a, b, c = (rgb(clip) for clip in clips)
    got = rgb(tmp_path / "film.mp4")
    assert film.frames == len(got) == 3 * 40 - 2 * 8
    assert film.method == f"copy, {film.reencoded_frames} frames re-encoded"
    assert film.reencoded_frames < 50
    assert [part.fade for part in film.parts] == [0, 8, 8]
    for number in range(8):
        share = (number + 1) / 9
        mixed = (1 - share) * a[32 + number] + share * b[number].astype(float)
        assert psnr(mixed, got[32 + number]) > 30
        assert psnr((1 - share) * b[32 + number] + share * c[number].astype(float), got[64 + number]) > 30
    assert psnr(got[31], a[31]) > 38
    assert psnr(got[40], b[8]) > 38
    assert len(heard(tmp_path / "film.mp4")) == 104 * SAMPLES_PER_S // 24
    assert complaints(tmp_path / "film.mp4") == (0, "")


@pytest.mark.parametrize("fade", [1, 300])
def test_a_dissolve_is_as_long_as_both_clips_allow(tmp_path, fade):
    clips = [make_clip(tmp_path / f"{seed}.mp4", 12, seed=seed, size=(64, 48)) for seed in range(4)]

    film = join([Part(path=clip, fade=fade) for clip in clips], tmp_path / "film.mp4")

    assert film.frames == (48 if fade == 1 else 48 - 3 * 6)
    assert len(frames(tmp_path / "film.mp4")) == film.frames


def test_the_pictures_of_one_clip_can_be_changed(tmp_path):
    clips = [make_clip(tmp_path / f"{seed}.mp4", 14, seed=seed) for seed in range(3)]

    def darker(frame):
        planes = frame.to_ndarray()
        planes[: frame.height] = planes[: frame.height] // 2 + 8
        return av.VideoFrame.from_ndarray(planes, frame.format.name)

    film = join(
        [Part(path=clips[0]), Part(path=clips[1], picture=darker), Part(path=clips[2])], tmp_path / "film.mp4"
    )

    a, b, c = (frames(clip) for clip in clips)
    got = frames(tmp_path / "film.mp4")
    assert film.reencoded_frames == 14
    assert film.notes == ("the pictures of 1.mp4 are changed",)
    assert all((one == other).all() for one, other in zip(a + c, got[:14] + got[28:], strict=True))
    assert min(psnr(one[:96] // 2 + 8, other[:96]) for one, other in zip(b, got[14:28], strict=True)) > 38


def test_a_film_ends_with_its_card(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 30, sound=tone(30 / 24))
    image = np.zeros((50, 200, 3), np.uint8)
    image[:, :] = (200, 30, 60)

    film = join([Part(path=clip)], tmp_path / "film.mp4", card=Card(image=image, duration_s=1.0, fade_s=0.25))

    got = rgb(tmp_path / "film.mp4")
    assert film.frames == len(got) == 30 + 24 - 6
    assert np.abs(got[-1][48, 80].astype(int) - (200, 30, 60)).max() < 6
    assert got[-1][4, 80].max() < 20, "it is fitted in, on black"
    assert psnr(got[20], rgb(clip)[20]) > 38
    assert "the end card is made of a still" in film.notes
    assert [path.name for path in tmp_path.iterdir() if "card" in path.name] == []
