"""A film's sound stays with its images, from the first seam to the last."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import pytest
from media.join_clips import SAMPLES_PER_S, click, heard, make_clip, tone

from runner.media.join import Part, join


def chain(clips):
    return [Part(path=clip, end=-1 if number < len(clips) - 1 else None) for number, clip in enumerate(clips)]


def loudest(sound, start_s, end_s):
    """When the sound is loudest between two times, in seconds."""
    start, end = round(start_s * SAMPLES_PER_S), round(end_s * SAMPLES_PER_S)
    return (start + int(np.abs(sound[start:end]).argmax())) / SAMPLES_PER_S


def level(sound, start_s, end_s):
    return float(np.abs(sound[round(start_s * SAMPLES_PER_S) : round(end_s * SAMPLES_PER_S)]).max(initial=0))


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(24000, 1001), Fraction(30000, 1001)])
def test_a_click_stays_with_its_frame_in_every_clip(tmp_path, fps):
    length = 13
    clips = [
        make_clip(tmp_path / f"{seed}.mp4", length, seed=seed, fps=fps, sound=click(length / fps, 0.2))
        for seed in range(8)
    ]

    join(chain(clips), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    for number in range(8):
        begins = float(number * (length - 1) / fps)
        at = loudest(sound, begins + 0.05, begins + 0.35)
        assert at == pytest.approx(begins + 0.2 + 0.0005, abs=0.001)


def test_forty_clips_do_not_drift(tmp_path):
    """At 30000/1001 fps a frame lasts 1601.6 samples: what is rounded off must not add up."""
    fps, length = Fraction(30000, 1001), 9
    clip = make_clip(tmp_path / "clip.mp4", length, fps=fps, size=(64, 48), sound=click(length / fps, 0.15))

    film = join(chain([clip] * 40), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    begins = float(39 * (length - 1) / fps)
    assert loudest(sound, begins + 0.05, begins + 0.25) == pytest.approx(begins + 0.1505, abs=0.0005)
    with av.open(str(tmp_path / "film.mp4")) as made:
        seconds = [track.duration * track.time_base for track in made.streams]
    assert seconds[0] == film.frames / fps
    assert abs(seconds[1] - seconds[0]) < Fraction(1, 20_000)


@pytest.mark.parametrize(
    ("rate", "layout"), [(44_100, "stereo"), (44_100, "mono"), (48_000, "mono"), (22_050, "mono")]
)
def test_sound_of_another_kind_is_brought_to_48_khz_stereo(tmp_path, rate, layout):
    clip = make_clip(
        tmp_path / "a.mp4",
        24,
        sound=click(1, 0.5, rate) + tone(1, rate=rate) / 8,
        sound_rate=rate,
        layout=layout,
    )

    join(chain([clip, clip]), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    for at in (0.5, 0.5 + 23 / 24):
        assert loudest(sound, at - 0.2, at + 0.2) == pytest.approx(at + 24 / rate, abs=0.001)
    assert 0.03 < level(sound, 0.1, 0.4) < 0.07
    with av.open(str(tmp_path / "film.mp4")) as made:
        track = made.streams.audio[0]
        assert (track.codec_context.name, track.rate, track.layout.name) == ("aac", 48_000, "stereo")


def test_a_clip_without_sound_is_silent_in_a_film_with_sound(tmp_path):
    mute = make_clip(tmp_path / "mute.mp4", 24)
    loud = make_clip(tmp_path / "loud.mp4", 24, seed=1, sound=tone(1))

    film = join(chain([mute, loud, mute]), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    assert film.audio
    assert level(sound, 0, 22 / 24) < 0.001
    assert level(sound, 1.0, 1.8) > 0.3
    assert level(sound, 2.0, 2.9) < 0.001


def test_clips_without_sound_make_a_film_without_a_sound_track(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 9)

    film = join(chain([clip, clip]), tmp_path / "film.mp4")

    assert not film.audio
    with av.open(str(tmp_path / "film.mp4")) as made:
        assert len(made.streams) == 1


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.7])
def test_sound_that_is_too_short_or_too_long_ends_with_its_pictures(tmp_path, seconds):
    clip = make_clip(tmp_path / "a.mp4", 24, sound=tone(seconds, 300))
    other = make_clip(tmp_path / "b.mp4", 24, seed=1, sound=click(1, 0.5))

    join(chain([clip, other]), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    assert len(sound) == math.floor(47 / 24 * SAMPLES_PER_S)
    assert loudest(sound, 23 / 24 + 0.1, 47 / 24) == pytest.approx(23 / 24 + 0.5005, abs=0.001)
    assert level(sound, 23 / 24 + 0.1, 23 / 24 + 0.4) < 0.02


def test_a_seam_does_not_click(tmp_path):
    """Two tones that meet at full swing would jump by 0.8 from one sample to the next."""
    length = 12
    swing = 0.4 * np.cos(2 * np.pi * 40 * np.arange(SAMPLES_PER_S // 2) / SAMPLES_PER_S)
    a = make_clip(tmp_path / "a.mp4", length, sound=swing)
    b = make_clip(tmp_path / "b.mp4", length, seed=1, sound=-swing)

    join(chain([a, b]), tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    seam = round(11 / 24 * SAMPLES_PER_S)
    assert np.abs(np.diff(sound[seam - 480 : seam + 480])).max() < 0.03
    assert np.abs(sound[seam - 4 : seam + 4]).max() < 0.05
    assert level(sound, 0.1, 0.4) > 0.35
