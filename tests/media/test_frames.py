"""The first and the last frame: which one, when, and from how little of the file."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media.painting import read_number

from runner.errors import MediaError
from runner.media.frames import first_frame, first_frames, last_frame

if TYPE_CHECKING:
    from pathlib import Path

    from media.corpus import Corpus

RELAXED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.mark.parametrize(
    "name", ["b_frames", "one_frame", "open_gop", "mkv", "transport_stream", "av1", "fragmented"]
)
def test_the_first_frame_is_the_one_a_player_begins_with(name: str, corpus: Corpus) -> None:
    clip = corpus.clip(name)
    assert read_number(first_frame(clip.path).rgb) == clip.first


@pytest.mark.parametrize("name", ["trimmed", "trimmed_within_frames", "trimmed_one_gop"])
def test_what_an_edit_list_cuts_away_is_not_shown(name: str, corpus: Corpus) -> None:
    clip = corpus.clip(name)
    assert read_number(first_frame(clip.path).rgb) == clip.first
    assert read_number(last_frame(clip.path).rgb) == clip.last


def test_the_first_frames_come_in_the_order_in_which_they_are_shown(corpus: Corpus) -> None:
    frames = first_frames(corpus.clip("b_frames").path, 7)
    assert [read_number(frame.rgb) for frame in frames] == list(range(7))
    assert [round(frame.time_s * 25) for frame in frames] == list(range(7))


def test_a_clip_with_fewer_frames_than_asked_for_gives_all_it_has(corpus: Corpus) -> None:
    assert len(first_frames(corpus.clip("two_frames").path, 5)) == 2


@pytest.mark.parametrize(
    ("name", "time_s"),
    [
        ("b_frames", 0.92),
        ("variable_rate", 100.8 / 25),
        ("trimmed", 12 / 25),
        ("last_frame_is_long", 2.4),
        ("one_frame", 0),
    ],
)
def test_the_time_counts_from_the_beginning_of_the_clip(name: str, time_s: float, corpus: Corpus) -> None:
    assert last_frame(corpus.clip(name).path).time_s == pytest.approx(time_s, abs=0.001)


@pytest.mark.parametrize(
    "name",
    ["b_frames", "open_gop", "hevc_open_gop", "vp9", "av1", "mkv", "fragmented", "sound_outlasts_picture"],
)
def test_clips_with_an_index_are_read_from_their_last_key_frame(name: str, corpus: Corpus) -> None:
    assert last_frame(corpus.clip(name).path).method == "pyav tail"


def test_nothing_before_the_last_group_of_pictures_is_read(corpus: Corpus, tmp_path: Path) -> None:
    """The cost cannot grow with the length of a clip whose beginning may be missing."""
    clip = corpus.clip("b_frames")
    data = bytearray(clip.path.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin + 16 : begin + 1200] = bytes(1200 - 16)
    damaged = tmp_path / "clip.mp4"
    damaged.write_bytes(data)
    with pytest.raises(MediaError):
        first_frame(damaged)
    assert read_number(last_frame(damaged).rgb) == clip.last


def test_a_frame_is_ready_to_be_encoded(corpus: Corpus) -> None:
    for name in ("b_frames", "turned_90", "mirrored", "odd_size"):
        rgb = last_frame(corpus.clip(name).path).rgb
        assert rgb.flags.c_contiguous
        assert rgb.flags.writeable


def test_many_extractions_side_by_side_give_what_one_gives(corpus: Corpus) -> None:
    names = ["b_frames", "one_gop", "hevc", "vp9", "mkv", "transport_stream"] * 4
    paths = [corpus.clip(name).path for name in names]
    alone = {path: last_frame(path).rgb.tobytes() for path in set(paths)}
    with ThreadPoolExecutor(8) as pool:
        frames = list(pool.map(last_frame, paths))
    assert [frame.rgb.tobytes() for frame in frames] == [alone[path] for path in paths]


@pytest.mark.parametrize(
    "name", ["b_frames", "b_frames_fast_start", "hevc", "mkv", "mkv_streamed", "vp9", "transport_stream"]
)
@RELAXED
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_clip_that_ends_early_never_gives_a_frame(
    name: str, share: float, corpus: Corpus, tmp_path: Path
) -> None:
    clip = corpus.clip(name)
    data = clip.path.read_bytes()
    cut = tmp_path / clip.path.name
    cut.write_bytes(data[: int(len(data) * share)])
    if name == "transport_stream" and cut.stat().st_size % 188 == 0:
        return  # cut between packets: no one can tell
    with pytest.raises(MediaError):
        last_frame(cut)


@pytest.mark.parametrize(
    "name",
    ["b_frames", "one_gop", "hevc", "vp9", "mkv", "mkv_streamed", "transport_stream", "fragmented", "av1"],
)
@RELAXED
@given(begin=st.floats(0.1, 1), length=st.integers(600, 4000))
def test_a_hole_in_a_clip_never_gives_a_wrong_frame(
    name: str, begin: float, length: int, corpus: Corpus, tmp_path: Path
) -> None:
    clip = corpus.clip(name)
    data = bytearray(clip.path.read_bytes())
    start = int(len(data) * begin)
    data[start : start + length] = bytes(len(data[start : start + length]))
    holed = tmp_path / clip.path.name
    holed.write_bytes(data)
    try:
        frame = last_frame(holed)
    except MediaError:
        return
    assert frame.rgb.tobytes() == last_frame(clip.path).rgb.tobytes()


@pytest.mark.parametrize("name", ["av1", "vp9"])
def test_a_picture_that_is_lost_on_the_way_to_the_last_is_missed(
    name: str, corpus: Corpus, tmp_path: Path
) -> None:
    """Decoders of these go on without an error, from what they had before."""
    clip = corpus.clip(name)
    data, whole = clip.path.read_bytes(), last_frame(clip.path).rgb.tobytes()
    with av.open(str(clip.path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.pos]
    refused = 0
    for place, size in packets:
        size = min(size, 500)
        spoilt = tmp_path / clip.path.name
        spoilt.write_bytes(data[:place] + bytes(size) + data[place + size :])
        try:
            assert last_frame(spoilt).rgb.tobytes() == whole
        except MediaError:
            refused += 1
    assert refused >= 6


def test_damage_in_h264_is_noticed_nearly_always(corpus: Corpus, tmp_path: Path) -> None:
    """A few bytes within one group of pictures. Without being told, the decoder would paint over what it misses."""
    clip = corpus.clip("one_gop")
    data, whole = clip.path.read_bytes(), last_frame(clip.path).rgb.tobytes()
    begin = data.index(b"mdat") + 4 + 820  # behind the encoder's own text
    end = data.index(b"moov") - 8
    wrong = 0
    places = range(begin, end, (end - begin) // 60)
    for place in places:
        spoilt = tmp_path / "clip.mp4"
        spoilt.write_bytes(
            data[:place] + bytes(byte ^ 0x5A for byte in data[place : place + 6]) + data[place + 6 :]
        )
        with contextlib.suppress(MediaError):
            wrong += last_frame(spoilt).rgb.tobytes() != whole
    assert wrong <= len(places) // 20
