"""Streams whose packets are not their images, and files whose times were rounded on a coarser clock."""

from __future__ import annotations

import itertools
import subprocess
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import imageio_ffmpeg
import pytest
from media.join_clips import frames as stored
from media.join_clips import make_clip
from media.painting import read_number
from runner.plugins.ffmpeg import FFmpegOptions
from runner.plugins.ffmpeg.extract import FFmpeg
from runner.plugins.scikit_video import ScikitVideoOptions
from runner.plugins.scikit_video.extract import ScikitVideo

from runner.api import HandOver
from runner.media import count_shown, first_frames, last_frame, open_video, probe_clip
from runner.media.join import Part, join

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from media.corpus import Corpus

EXTRACTORS = {
    "pyav": last_frame,
    "ffmpeg": lambda path: FFmpeg(FFmpegOptions()).extract(path, HandOver.LAST),
    "scikit_video": lambda path: ScikitVideo(ScikitVideoOptions()).extract(path, HandOver.LAST),
}


def program(*words: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-nostdin", *map(str, words)]
    subprocess.run(command, check=True, timeout=300)


def two_passes(source: Path, target: Path, *options: str) -> Path:
    log = target.with_suffix("")
    for number in (1, 2):
        program(
            "-i", source, "-an", *options, "-auto-alt-ref", "1", "-lag-in-frames", "16",
            "-b:v", "400k", "-g", "200", "-pass", number, "-passlogfile", log, target,
        )  # fmt: skip
    return target


def vp8(corpus: Corpus, folder: Path) -> Path:
    return two_passes(corpus.clip("one_gop").path, folder / "vp8.webm", "-c:v", "libvpx")


def vp9(corpus: Corpus, folder: Path) -> Path:
    made = two_passes(
        corpus.clip("one_gop").path, folder / "joined.webm", "-c:v", "libvpx-vp9", "-cpu-used", "4"
    )
    program(
        "-i", made, "-c", "copy", "-bsf:v", "vp9_superframe_split", "-fflags", "-autobsf", folder / "vp9.webm"
    )
    return folder / "vp9.webm"


HIDING = {"vp8": vp8, "vp9": vp9}


@pytest.mark.parametrize("codec", HIDING)
def test_what_is_not_shown_is_not_counted(codec: str, corpus: Corpus, tmp_path: Path) -> None:
    clip = HIDING[codec](corpus, tmp_path)

    with av.open(str(clip)) as container:
        packets = sum(1 for packet in container.demux(video=0) if packet.size)
    shown = len(stored(clip))
    assert packets > shown == 60, "the encoder has to hide a frame"
    with open_video(clip) as source:
        assert count_shown(source) == shown
    assert probe_clip(clip).duration_s == pytest.approx(60 / 25, abs=0.002)
    assert [read_number(frame.rgb) for frame in first_frames(clip, 3)] == [0, 1, 2]


@pytest.mark.parametrize("codec", HIDING)
@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_every_extractor_finds_the_last_image_that_is_shown(
    extractor: str, codec: str, corpus: Corpus, tmp_path: Path
) -> None:
    clip = HIDING[codec](corpus, tmp_path)

    assert read_number(EXTRACTORS[extractor](clip).rgb) == 59


@pytest.mark.parametrize("codec", HIDING)
def test_a_film_of_such_clips_has_each_frame_once(codec: str, corpus: Corpus, tmp_path: Path) -> None:
    clip = HIDING[codec](corpus, tmp_path)

    film = join([Part(path=clip, end=-1), Part(path=clip)], tmp_path / "film.mp4")

    assert film.frames == 119
    with av.open(str(tmp_path / "film.mp4")) as made:
        numbers = [read_number(frame.to_ndarray(format="rgb24")) for frame in made.decode(video=0)]
    assert numbers == [*range(59), *range(60)]


@pytest.mark.parametrize("rate", [24, 25, 30, 60, Fraction(24000, 1001), Fraction(30000, 1001)])
def test_times_that_were_rounded_to_milliseconds_are_those_of_a_steady_rate(
    rate: Fraction, tmp_path: Path
) -> None:
    frames = int(15 * rate)
    times = [round(number * 1000 / Fraction(rate)) * 16 for number in range(frames)]
    clip = make_clip(
        tmp_path / "a.mp4", frames, fps=rate, size=(64, 48), times=times, time_base=Fraction(1, 16_000)
    )
    with av.open(str(clip)) as made:
        gaps = {after - before for before, after in itertools.pairwise(times)}
        assert len(gaps) > 1 or rate == 25
        assert made.streams.video[0].time_base == Fraction(1, 16_000)

    film = join([Part(path=clip)] * 2, tmp_path / "film.mp4")

    assert film.fps == str(Fraction(rate))
    assert film.frames == 2 * frames
    assert film.method == "copy"


def test_a_rate_that_really_varies_is_not_taken_for_a_rounded_one(tmp_path: Path) -> None:
    times = [number * 640 + (160 if number % 5 == 2 else 0) for number in range(50)]
    clip = make_clip(
        tmp_path / "a.mp4", 50, fps=25, size=(64, 48), times=times, time_base=Fraction(1, 16_000)
    )

    assert join([Part(path=clip)] * 2, tmp_path / "film.mp4").method == "re-encoded"


PALETTES: dict[str, Callable[[Path, Path], None]] = {
    "qtrle": lambda source, target: program("-i", source, "-an", "-c:v", "qtrle", "-pix_fmt", "pal8", target),
    "smc": lambda source, target: program("-i", source, "-an", "-c:v", "smc", "-pix_fmt", "pal8", target),
    "msrle": lambda source, target: program("-i", source, "-an", "-c:v", "msrle", "-pix_fmt", "pal8", target),
}


@pytest.mark.parametrize("codec", PALETTES)
def test_a_palette_that_comes_with_the_first_packet_is_not_missed(
    codec: str, corpus: Corpus, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mov"
    PALETTES[codec](corpus.clip("short_gop").path, clip)

    with av.open(str(clip)) as made:
        expected = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)][-1]
    found = last_frame(clip).rgb

    assert abs(found.astype(int) - expected.astype(int)).max() <= 1
    assert found.max() > 0
