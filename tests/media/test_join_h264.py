"""Parameter sets and avcC records are read as x264 wrote them."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media.join_clips import make_clip

from runner.media.h264 import AvcC, join_lengths, pps_ids, read_sps, split_lengths, split_start_codes


def record_of(path):
    with av.open(str(path)) as clip:
        return clip.streams.video[0].codec_context.extradata


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"profile": 100, "reorder": 2, "progressive": True}),
        ({"bf": 0, "refs": 5}, {"reorder": 0, "references": 5}),
        ({"bf": 2, "b_pyramid": "none"}, {"reorder": 1}),
        ({"profile": "baseline", "bf": 0}, {"profile": 66, "reorder": 0}),
        ({"profile": "main"}, {"profile": 77, "reorder": 2}),
        ({"pix_fmt": "yuv420p10le"}, {"profile": 110, "progressive": True, "reorder": 2}),
        ({"pix_fmt": "yuv444p"}, {"profile": 244, "progressive": True, "reorder": 2}),
        ({"x264_params": "sps-id=7"}, {"id": 7}),
        ({"x264_params": "interlaced=1"}, {"progressive": False, "reorder": 2}),
        ({"x264_params": "cqm=jvt"}, {"reorder": 2}),
        ({"x264_params": "nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500"}, {"reorder": 2}),
        ({"sar": "10/11"}, {"reorder": 2}),
        ({"sar": "123/77"}, {"reorder": 2}),
        ({"colour": (9, 16, 9, 1)}, {"reorder": 2}),
        ({"size": (158, 94)}, {"reorder": 2}),
    ],
    ids=str,
)
def test_a_parameter_set_tells_what_the_encoder_was_asked_for(tmp_path, options, expected):
    clip = make_clip(tmp_path / "a.mp4", 3, **options)

    facts = read_sps(AvcC.read(record_of(clip)).sps[0])

    assert {name: getattr(facts, name) for name in expected} == expected


def test_a_record_is_written_as_it_was_read(tmp_path):
    record = record_of(make_clip(tmp_path / "a.mp4", 3))

    assert AvcC.read(record).write() == record


def test_added_sets_are_covered_by_level_and_profile(tmp_path):
    base = AvcC.read(record_of(make_clip(tmp_path / "a.mp4", 3, profile="main", size=(64, 48))))
    high = AvcC.read(record_of(make_clip(tmp_path / "b.mp4", 3, size=(640, 360), x264_params="sps-id=1")))

    both = AvcC.read(base.with_sets((*high.sps, *high.pps)).write())

    assert both.sps == base.sps + high.sps
    assert both.pps == base.pps + high.pps
    assert (both.profile, both.level) == (100, max(base.level, high.level))
    assert both.tail == high.tail
    assert base.level < high.level


def test_a_free_id_is_used_by_no_set(tmp_path):
    base = AvcC.read(record_of(make_clip(tmp_path / "a.mp4", 3)))
    more = AvcC.read(record_of(make_clip(tmp_path / "b.mp4", 3, x264_params="sps-id=1")))

    assert base.free_id() == 1
    assert [pps_ids(nal) for nal in more.pps] == [(1, 1)]
    assert base.with_sets((*more.sps, *more.pps)).free_id() == 2


def test_what_is_cut_short_is_refused(tmp_path):
    record = record_of(make_clip(tmp_path / "a.mp4", 3))

    with pytest.raises(ValueError, match="too early"):
        AvcC.read(record[:20])
    with pytest.raises(ValueError, match="not an avcC"):
        AvcC.read(b"\x00\x00\x00\x01" + record)
    with pytest.raises(ValueError, match="too early"):
        read_sps(AvcC.read(record).sps[0][:9])
    with pytest.raises(ValueError, match="do not fill"):
        list(split_lengths(b"\x00\x00\x00\x09abc", 4))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.sampled_from([1, 2, 4]))
def test_samples_come_apart_as_they_were_put_together(nals, length_size):
    assert list(split_lengths(join_lengths(nals, length_size), length_size)) == nals


def test_start_codes_of_both_lengths_separate_units():
    stream = b"\x00\x00\x00\x01\x67\x01\x00\x00\x01\x68\x02\x00\x00\x00\x01\x65\x03\x80\x00"

    assert list(split_start_codes(stream)) == [b"\x67\x01", b"\x68\x02", b"\x65\x03\x80"]
