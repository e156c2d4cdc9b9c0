"""What a clip is said to be."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest
from media.corpus import EDITS, RECIPES

from runner.errors import Incomplete, NotAVideo
from runner.media.frames import last_frame
from runner.media.probe import probe

if TYPE_CHECKING:
    from pathlib import Path

    from media.corpus import Corpus


def test_a_clip_is_described_in_full(corpus: Corpus) -> None:
    path = corpus.clip("sound").path
    found = probe(path)
    assert found.container.startswith("mov")
    assert (found.codec, found.pix_fmt) == ("h264", "yuv420p")
    assert (found.width, found.height, found.rotation) == (128, 96, 0)
    assert (found.fps, found.frames, found.duration_s) == (25, 24, 0.96)
    assert (found.matrix, found.tagged, found.full_range) == ("bt709", True, False)
    assert found.audio is not None
    assert (found.audio.codec, found.audio.sample_rate) == ("aac", 48000)
    assert found.audio.duration_s == pytest.approx(0.96, abs=0.03)
    assert found.bytes == path.stat().st_size


@pytest.mark.parametrize("name", [*RECIPES, *EDITS])
def test_the_frames_that_an_index_promises_are_those_that_are_shown(name: str, corpus: Corpus) -> None:
    clip = corpus.clip(name)
    found = probe(clip.path)
    indexed = found.container.startswith("mov") and "fragment" not in name
    assert found.frames == (clip.shown if indexed else None)


@pytest.mark.parametrize(
    ("name", "duration_s"),
    [
        ("b_frames", 0.96),
        ("sound_outlasts_picture", 0.96),
        ("picture_outlasts_sound", 0.96),
        ("last_frame_is_long", 2.44),
        ("one_frame", 0.04),
        ("trimmed", 13 / 25),
        ("trimmed_within_frames", 10.5 / 25),
        ("fragmented", 0.96),
        ("mkv", 0.96),
        ("mkv_without_cues", 0.96),
        ("mkv_streamed", 0.96),
        ("vp9", 0.96),
        ("transport_stream", 2.4),
    ],
)
def test_the_duration_is_that_of_the_picture_as_shown(name: str, duration_s: float, corpus: Corpus) -> None:
    assert probe(corpus.clip(name).path).duration_s == pytest.approx(duration_s, abs=0.002)


@pytest.mark.parametrize(
    "name", ["b_frames", "trimmed", "trimmed_within_frames", "mkv", "transport_stream", "vp9", "fragmented"]
)
def test_a_constant_rate_is_exact(name: str, corpus: Corpus) -> None:
    assert probe(corpus.clip(name).path).fps == 25


def test_a_variable_rate_is_the_average(corpus: Corpus) -> None:
    found = probe(corpus.clip("variable_rate").path)
    assert found.frames == 24
    assert found.fps == pytest.approx(24 / found.duration_s)
    assert isinstance(found.fps, Fraction)


@pytest.mark.parametrize(("name", "turn"), [("turned_90", 90), ("turned_180", 180), ("turned_270", 270)])
def test_the_size_is_that_of_the_upright_picture(name: str, turn: int, corpus: Corpus) -> None:
    found = probe(corpus.clip(name).path)
    assert found.rotation == turn
    assert (found.width, found.height) == ((128, 96) if turn == 180 else (96, 128))


@pytest.mark.parametrize(
    ("name", "matrix", "tagged", "full"),
    [
        ("b_frames", "bt709", True, False),
        ("untagged", "bt601", False, False),
        ("untagged_hd", "bt709", False, False),
        ("hd_tagged_bt601", "bt601", True, False),
        ("ten_bit_bt2020", "bt2020", True, False),
        ("full_range_bt601", "bt601", True, True),
    ],
)
def test_the_colours_are_those_to_decode_with(
    name: str, matrix: str, tagged: bool, full: bool, corpus: Corpus
) -> None:
    found = probe(corpus.clip(name).path)
    assert (found.matrix, found.tagged, found.full_range) == (matrix, tagged, full)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("b_frames", "h264"), ("hevc", "hevc"), ("vp9", "vp9"), ("av1", "av1"), ("mpeg2", "mpeg2video")],
)
def test_codecs_have_their_common_names(name: str, codec: str, corpus: Corpus) -> None:
    assert probe(corpus.clip(name).path).codec == codec


def test_the_picture_of_a_clip_with_a_cover_is_not_the_cover(corpus: Corpus) -> None:
    assert probe(corpus.clip("with_cover").path).codec == "h264"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("empty", "the file is empty"),
        ("error_page", '"<!DOCTYPE html> <html>'),
        ("error_json", '"{"code": 422'),
        ("playlist", "plain text"),
        ("sound_only", "sound and no picture"),
        ("cover_only", "only image is a cover"),
        ("avi", "AVI"),
    ],
)
def test_what_is_not_a_video_is_named(name: str, word: str, corpus: Corpus) -> None:
    path = corpus.clip(name).path
    with pytest.raises(NotAVideo) as refusal:
        probe(path)
    assert word in refusal.value.why
    assert refusal.value.where == str(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotAVideo, match="not a video") as refusal:
        probe(tmp_path / "gone.mp4")
    assert "no such file" in refusal.value.why


@pytest.mark.parametrize("base", ["b_frames_fast_start", "mkv", "fragmented"])
@pytest.mark.parametrize("missing", [1, 100, 700])
def test_a_truncated_clip_says_how_much_is_missing(
    base: str, missing: int, corpus: Corpus, tmp_path: Path
) -> None:
    whole = corpus.clip(base).path
    cut = tmp_path / whole.name
    data = whole.read_bytes()
    if base == "fragmented":
        data = data[: data.rindex(b"mfra") - 4]  # so that the last box is one of samples
    cut.write_bytes(data[:-missing])
    with pytest.raises(Incomplete) as refusal:
        probe(cut)
    assert f" {missing:,} are missing" in refusal.value.why
    assert refusal.value.hint


def test_a_truncated_index_is_noticed_behind_an_open_ended_box(corpus: Corpus) -> None:
    with pytest.raises(Incomplete) as refusal:
        probe(corpus.clip("truncated_open_ended").path)
    assert "its index reaches to byte" in refusal.value.why


def test_a_segment_index_tells_that_the_last_segments_are_missing(corpus: Corpus, tmp_path: Path) -> None:
    """DASH files cut exactly between two fragments, where all boxes are whole."""
    data = corpus.clip("indexed_fragments").path.read_bytes()
    cut = tmp_path / "clip.mp4"
    cut.write_bytes(data[: data.rindex(b"moof") - 4])
    with pytest.raises(Incomplete) as refusal:
        probe(cut)
    assert "segment index" in refusal.value.why


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """A few kilobytes that would decode to 300 MB."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        track = container.add_stream("mjpeg", rate=25)
        track.width, track.height, track.pix_fmt = 12_000, 8_000, "yuvj420p"
        frame = av.VideoFrame(12_000, 8_000, "yuvj420p")
        frame.pts = 0
        container.mux([*track.encode(frame), *track.encode(None)])
    with pytest.raises(NotAVideo):
        probe(path)
    with pytest.raises(NotAVideo, match="too large") as refusal:
        last_frame(path)
    assert "12000x8000" in refusal.value.why


def test_names_that_are_not_utf_8_are_read(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(corpus.clip("b_frames").path.read_bytes())
    assert probe(path).frames == 24


def test_tags_in_broken_utf_8_do_not_matter(corpus: Corpus, tmp_path: Path) -> None:
    data = corpus.clip("b_frames").path.read_bytes()
    assert b"Lavf" in data
    spoilt = tmp_path / "clip.mp4"
    spoilt.write_bytes(data.replace(b"Lavf", b"\xff\xfe\xfdf"))
    assert probe(spoilt).frames == 24
