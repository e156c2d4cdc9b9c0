"""Music and narration lie where they should, as loud as they should, and end with the pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from media.join_clips import SAMPLES_PER_S, heard, make_clip, tone
from media.sounds import write_as, write_wav

from runner.errors import NotAudio
from runner.media.join import Part, Sound, Track, join
from runner.media.loudness import integrated
from runner.media.sound_file import look_at, open_sound


def strength(sound, hertz, start_s, end_s):
    """The amplitude of a tone between two times."""
    part = sound[round(start_s * SAMPLES_PER_S) : round(end_s * SAMPLES_PER_S)]
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(part)) / SAMPLES_PER_S)
    return float(2 * np.abs((part * wave).mean()))


def clip(path, seconds=4, hertz=None, seed=0, amplitude=1.0):
    sound = None if hertz is None else amplitude * tone(seconds, hertz)
    return make_clip(path, round(seconds * 24), seed=seed, size=(64, 48), sound=sound)


def film(tmp_path, *clips, sound):
    made = join([Part(path=one) for one in clips], tmp_path / "film.mp4", sound=sound)
    return made, heard(tmp_path / "film.mp4") if made.audio else None


def music(tmp_path, seconds=10, **keys):
    return Track(path=write_wav(tmp_path / "music.wav", tone(seconds, 300, 44_100)), **keys)


def test_music_is_cut_to_the_length_of_the_pictures(tmp_path):
    made, sound = film(tmp_path, clip(tmp_path / "a.mp4"), sound=Sound(music=music(tmp_path)))

    assert made.audio
    assert len(sound) == 4 * SAMPLES_PER_S
    assert strength(sound, 300, 0.2, 3.8) == pytest.approx(0.4, rel=0.05)
    assert made.method == "copy", "the pictures stay as they are"


def test_a_short_piece_ends_or_is_repeated(tmp_path):
    one = clip(tmp_path / "a.mp4")
    short = music(tmp_path, 1.5)

    _, once = film(tmp_path, one, sound=Sound(music=short))
    _, looped = film(tmp_path, one, sound=Sound(music=Track(path=short.path, loop=True, fade_out_s=0)))

    assert strength(once, 300, 0.2, 1.4) == pytest.approx(0.4, rel=0.05)
    assert np.abs(once[round(1.6 * SAMPLES_PER_S) :]).max() < 0.01
    assert all(
        strength(looped, 300, at, at + 0.4) == pytest.approx(0.4, rel=0.08) for at in (0.2, 1.6, 2.6, 3.5)
    )


def test_gain_fades_and_a_start(tmp_path):
    track = music(tmp_path, gain_db=-6.0206, start_s=1, fade_in_s=1, fade_out_s=1, loop=True)

    _, sound = film(tmp_path, clip(tmp_path / "a.mp4"), sound=Sound(music=track))

    assert np.abs(sound[: round(0.95 * SAMPLES_PER_S)]).max() < 0.01
    assert strength(sound, 300, 1.4, 1.6) == pytest.approx(0.1, rel=0.1)
    assert strength(sound, 300, 2.1, 2.9) == pytest.approx(0.2, rel=0.05)
    assert strength(sound, 300, 3.4, 3.6) == pytest.approx(0.1, rel=0.1)
    assert np.abs(sound[-480:]).max() < 0.01


def test_a_piece_that_is_not_repeated_fades_out_where_it_ends(tmp_path):
    track = music(tmp_path, 2, fade_out_s=1)

    _, sound = film(tmp_path, clip(tmp_path / "a.mp4"), sound=Sound(music=track))

    assert strength(sound, 300, 1.45, 1.55) == pytest.approx(0.2, rel=0.15)


def test_music_makes_room_for_narration_and_comes_back(tmp_path):
    voice = write_as(tmp_path / "voice.flac", "flac", tone(1, 900))
    sounds = Sound(music=music(tmp_path, 10, duck_db=12), narration=Track(path=voice, start_s=1), clips=False)

    _, sound = film(tmp_path, clip(tmp_path / "a.mp4", 5, 500), sound=sounds)

    assert strength(sound, 300, 0.2, 0.9) == pytest.approx(0.4, rel=0.05)
    assert strength(sound, 300, 1.3, 1.9) == pytest.approx(0.1, rel=0.1)
    assert strength(sound, 900, 1.2, 1.9) == pytest.approx(0.4, rel=0.05)
    assert strength(sound, 300, 3.6, 4.9) == pytest.approx(0.4, rel=0.05)
    assert strength(sound, 500, 0.2, 4.8) < 0.002, "the clips are not heard"


def test_music_makes_room_for_clips_that_are_heard(tmp_path):
    quiet, loud = clip(tmp_path / "a.mp4", 3), clip(tmp_path / "b.mp4", 3, 500, seed=1)

    _, sound = film(tmp_path, quiet, loud, sound=Sound(music=music(tmp_path, duck_db=12)))

    assert strength(sound, 300, 0.2, 2.8) == pytest.approx(0.4, rel=0.05)
    assert strength(sound, 300, 3.5, 5.8) == pytest.approx(0.1, rel=0.1)
    assert strength(sound, 500, 3.5, 5.8) == pytest.approx(0.4, rel=0.05)


def test_a_sum_that_is_too_loud_does_not_clip(tmp_path):
    loud = music(tmp_path, gain_db=6)

    _, sound = film(tmp_path, clip(tmp_path / "a.mp4", 3, 500, amplitude=2), sound=Sound(music=loud))

    assert 0.8 < np.abs(sound).max() < 1.03


def test_a_film_may_be_silent(tmp_path):
    made, _ = film(tmp_path, clip(tmp_path / "a.mp4", 2, 500), sound=Sound(clips=False))

    assert not made.audio
    with av.open(str(tmp_path / "film.mp4")) as file:
        assert len(file.streams) == 1


def test_clips_are_brought_to_one_loudness_and_silence_stays(tmp_path):
    clips = [
        clip(tmp_path / "a.mp4", 3, 800, amplitude=0.05),
        clip(tmp_path / "b.mp4", 3, 800, seed=1, amplitude=2.2),
        clip(tmp_path / "c.mp4", 3, seed=2),
    ]

    _, sound = film(tmp_path, *clips, sound=Sound(level_lufs=-20))

    for number in (0, 1):
        part = sound[round((3 * number + 0.2) * SAMPLES_PER_S) : round((3 * number + 2.8) * SAMPLES_PER_S)]
        assert integrated([np.stack([part, part])]) == pytest.approx(-20, abs=0.7)
    assert np.abs(sound[round(6.1 * SAMPLES_PER_S) :]).max() < 0.001


def test_loudness_is_that_of_the_standard():
    """EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS."""
    wave = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(10 * SAMPLES_PER_S) / SAMPLES_PER_S)
    stereo = np.stack([wave, wave]).astype(np.float32)

    assert integrated([stereo[:, :100_000], stereo[:, 100_000:]]) == pytest.approx(-23, abs=0.1)
    assert integrated([np.zeros((2, 96_000), np.float32)]) is None
    assert integrated([stereo[:, :4800]]) is None


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp3", "libmp3lame"),
        ("a.flac", "flac"),
        ("a.ogg", "libopus"),
        ("a.m4a", "aac"),
        ("a.wav", "pcm_s24le"),
        ("a.opus", "libopus"),
    ],
)
def test_usual_sound_files_are_read(tmp_path, name, codec):
    path = write_as(tmp_path / name, codec, tone(2, 440))

    assert look_at(path).duration_s == pytest.approx(2, abs=0.1)
    _, sound = film(tmp_path, clip(tmp_path / "clip.mp4", 1), sound=Sound(music=Track(path=path)))
    assert strength(sound, 440, 0.2, 0.8) == pytest.approx(0.4, rel=0.06)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Not found</html>",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"RIFF\xff\xff\xff\xffWAVE",
    ],
)
def test_what_is_no_sound_is_refused(tmp_path, content):
    path = tmp_path / "music.wav"
    path.write_bytes(content)

    with pytest.raises(NotAudio) as caught:
        look_at(path)

    assert str(path) in caught.value.where


def test_a_video_without_sound_is_no_music(tmp_path):
    with pytest.raises(NotAudio, match="no sound"):
        look_at(clip(tmp_path / "a.mp4", 1))


def test_a_track_that_is_gone_is_an_error_and_leaves_no_film(tmp_path):
    one = clip(tmp_path / "a.mp4", 1)

    with pytest.raises(NotAudio, match="no such file"):
        join([Part(path=one)], tmp_path / "film.mp4", sound=Sound(music=Track(path=Path("/nowhere.wav"))))

    assert not (tmp_path / "film.mp4").exists()


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path):
    path = write_wav(tmp_path / "concat:a.wav", tone(1, rate=44_100))

    with open_sound(path) as (_, track):
        assert track.rate == 44_100
