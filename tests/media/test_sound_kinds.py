"""Sound of any rate, layout and format, also one that changes within a clip, is in place and in tune."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from media.join_clips import SAMPLES_PER_S, heard, make_clip, picture, tone

from runner.media import probe_clip
from runner.media.join import Part, join


def pitch(sound, start_s, end_s):
    """The strongest frequency in a stretch, in Hz."""
    part = sound[round(start_s * SAMPLES_PER_S) : round(end_s * SAMPLES_PER_S)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
    return float(np.argmax(spectrum)) * SAMPLES_PER_S / (1 << 18)


def sound_packets(codec, rate, layout, hertz, seconds):
    """Encoded tone, as (data, samples) for each packet."""
    fmt = {"mp2": "s16", "ac3": "fltp"}[codec]
    resampler = av.AudioResampler(format=fmt, layout=layout, rate=rate)
    context = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout, context.format = rate, layout, fmt
    context.bit_rate = 128_000
    context.open()
    size = context.frame_size or 1024
    channels = av.AudioLayout(layout).nb_channels
    samples = tone(seconds, hertz, rate).astype(np.float32)
    made = []
    for start in range(0, len(samples), size):
        block = np.zeros(size, np.float32)
        block[: len(samples[start : start + size])] = samples[start : start + size]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.stack([block] * channels)), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        for one in resampler.resample(frame):
            made += [(bytes(packet), size) for packet in context.encode(one)]
    return made


def changing(path, kinds, codec):
    """A transport stream of one video and a sound track whose kind changes every second."""
    with av.open(str(path), "w", format="mpegts") as film:
        video = film.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        rate, layout, _ = kinds[0]
        voice = film.add_stream(codec, rate=rate, layout=layout)
        for number in range(25 * len(kinds)):
            frame = av.VideoFrame.from_ndarray(picture(0, number), "rgb24")
            film.mux(video.encode(frame))
        film.mux(video.encode(None))
        for second, (rate, layout, hertz) in enumerate(kinds):
            time = Fraction(second)
            for data, size in sound_packets(codec, rate, layout, hertz, 1.0):
                packet = av.Packet(data)
                packet.stream, packet.time_base = voice, Fraction(1, 90_000)
                packet.pts = packet.dts = round(time * 90_000)
                time += Fraction(size, rate)
                if time < second + 1 + Fraction(size, rate):
                    film.mux(packet)
    return path


@pytest.mark.parametrize("codec", ["mp2", "ac3"])
@pytest.mark.parametrize(
    "kinds",
    [
        ((48_000, "stereo", 1000), (44_100, "stereo", 700), (48_000, "mono", 500)),
        ((44_100, "mono", 1000), (48_000, "stereo", 700), (32_000, "stereo", 500)),
    ],
)
def test_sound_that_changes_within_a_clip_stays_in_tune(tmp_path, codec, kinds):
    clip = changing(tmp_path / "a.ts", kinds, codec)

    film = join([Part(path=clip, end=-1), Part(path=clip)], tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    assert film.audio
    for again in (0, float((25 * len(kinds) - 1) / Fraction(25))):
        for second, (_, _, hertz) in enumerate(kinds):
            begins = again + second
            assert pitch(sound, begins + 0.25, begins + 0.85) == pytest.approx(hertz, rel=0.004)


def many_channels(path, codec, fmt, layout, suffix_format=None):
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(path), "w", format=suffix_format) as film:
        video = film.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        voice = film.add_stream(codec, rate=48_000, layout=layout)
        for number in range(24):
            film.mux(video.encode(av.VideoFrame.from_ndarray(picture(0, number), "rgb24")))
        film.mux(video.encode(None))
        samples = (tone(1) / 0.4 * 0.95).astype(np.float32)
        resampler = av.AudioResampler(format=fmt, layout=layout, rate=48_000)
        for start in range(0, len(samples), 1536):
            block = np.ascontiguousarray(np.stack([samples[start : start + 1536]] * channels))
            frame = av.AudioFrame.from_ndarray(block, "fltp", layout)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            for one in resampler.resample(frame):
                film.mux(voice.encode(one))
        film.mux(voice.encode(None))
    return path


@pytest.mark.parametrize("layout", ["5.1", "6.1", "quad", "3.0"])
def test_many_channels_are_mixed_down_without_clipping(tmp_path, layout):
    clip = many_channels(tmp_path / "a.mkv", "flac", "s16", layout)

    join([Part(path=clip)] * 2, tmp_path / "film.mp4")

    sound = heard(tmp_path / "film.mp4")
    assert 0.5 < np.abs(sound).max() <= 1.0
    assert pitch(sound, 0.2, 0.8) == pytest.approx(440, rel=0.004)
    # A sine that is cut off has strong overtones.
    spectrum = np.abs(np.fft.rfft(sound[9600:28800] * np.hanning(19200)))
    assert spectrum[3 * 176 - 5 : 3 * 176 + 5].max() < spectrum.max() / 200


@pytest.mark.parametrize(
    ("name", "codec", "fmt"),
    [("a.mov", "pcm_s16le", "s16"), ("a.mov", "aac", "fltp"), ("a.mp4", "ac3", "fltp")],
)
def test_a_film_of_one_clip_is_an_mp4_with_aac(tmp_path, name, codec, fmt):
    clip = many_channels(tmp_path / name, codec, fmt, "stereo")

    join([Part(path=clip)], tmp_path / "film.mp4")

    with av.open(str(tmp_path / "film.mp4")) as film:
        assert film.metadata["major_brand"].strip() != "qt"
        assert [track.codec_context.name for track in film.streams.audio] == ["aac"]


def two_tracks(path, *, default, broken=False):
    """A Matroska file with two videos and two sound tracks; the ones numbered `default` are marked as such."""
    with av.open(str(path), "w") as film:
        videos, voices = [], []
        for _ in range(2):
            video = film.add_stream("libx264", rate=24)
            video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
            videos.append(video)
            voices.append(film.add_stream("aac", rate=48_000, layout="stereo"))
        for number, track in enumerate((*videos, *voices)):
            track.disposition = (
                av.stream.Disposition.default if number % 2 == default else av.stream.Disposition(0)
            )
        for number in range(24):
            for seed, video in enumerate(videos):
                film.mux(video.encode(av.VideoFrame.from_ndarray(picture(seed, number), "rgb24")))
        for track in videos:
            film.mux(track.encode(None))
        for hertz, voice in zip((440, 880), voices, strict=True):
            samples = tone(1, hertz).astype(np.float32)
            for start in range(0, len(samples), 1024):
                block = np.ascontiguousarray(np.stack([samples[start : start + 1024]] * 2))
                frame = av.AudioFrame.from_ndarray(block, "fltp", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
                film.mux(voice.encode(frame))
            film.mux(voice.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("default", [0, 1])
def test_the_default_tracks_are_used_as_players_do(tmp_path, default, suffix):
    clip = two_tracks(tmp_path / f"a{suffix}", default=default)

    found = probe_clip(clip)
    join([Part(path=clip)] * 2, tmp_path / "film.mp4")

    assert pitch(heard(tmp_path / "film.mp4"), 0.2, 0.8) == pytest.approx(440 * (default + 1), rel=0.004)
    with av.open(str(tmp_path / "film.mp4")) as film:
        first = next(film.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    wanted, other = (np.abs(first - picture(seed, 0)).mean() for seed in (default, 1 - default))
    assert wanted < other / 2
    assert found.notes == (
        f"of 2 video tracks number {default + 1} is used",
        f"of 2 sound tracks number {default + 1} is used",
    )


def test_a_clip_with_one_track_of_each_kind_has_no_notes(tmp_path):
    assert probe_clip(make_clip(tmp_path / "a.mp4", sound=tone(0.5))).notes == ()
