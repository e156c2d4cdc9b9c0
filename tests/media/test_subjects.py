"""What metrics get to measure: bounded, upright, read-only, and of the right frames."""

from __future__ import annotations

import numpy as np
import pytest
from join_clips import make_clip, picture, tone

from runner.errors import MediaError
from runner.media import picture as images
from runner.media.frames import frame_from_end
from runner.media.measures import reading, seam_frames
from runner.media.survey import survey


def close(found, wanted):
    return float(np.abs(found.astype(float) - wanted).mean()) < 6


def test_a_long_clip_keeps_a_bounded_number_of_frames(tmp_path):
    subject = reading.clip(make_clip(tmp_path / "a.mp4", 500))

    assert 120 < len(subject.frames) <= 240
    assert len(subject.stills) == 5
    assert len(subject.changes) == 499
    assert subject.fps == pytest.approx(24, rel=0.01)
    assert close(subject.frames[0], picture(0, 0))
    assert close(subject.frames[1], picture(0, 4))  # every fourth


def test_frames_are_reduced_and_stills_are_not(tmp_path):
    subject = reading.clip(make_clip(tmp_path / "a.mp4", 6, size=(640, 360)))

    assert subject.frames[0].shape == (180, 320, 3)
    assert subject.stills[0].shape == (360, 640, 3)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_frames_are_upright(tmp_path, rotation):
    path = make_clip(tmp_path / "a.mp4", 3, rotation=rotation)
    subject = reading.clip(path)

    assert subject.frames[0].shape == subject.stills[0].shape
    assert close(subject.frames[0], subject.stills[0])


def test_sound_is_mono_at_one_rate_and_as_long_as_the_picture(tmp_path):
    path = make_clip(tmp_path / "a.mp4", 24, sound=tone(1.5, rate=44_100), sound_rate=44_100)
    subject = reading.clip(path)

    assert subject.sound is not None
    assert subject.sound.ndim == 1
    assert subject.sound_rate == 48_000
    assert len(subject.sound) == 48_000
    assert np.abs(subject.sound).max() > 0.1


def test_a_silent_clip_has_no_sound(tmp_path):
    assert reading.clip(make_clip(tmp_path / "a.mp4", 3)).sound is None


def test_nothing_of_a_subject_can_be_written_to(tmp_path):
    subject = reading.clip(make_clip(tmp_path / "a.mp4", 6, sound=tone(0.25)))

    for array in (subject.frames[0], subject.stills[0], subject.changes, subject.sound):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("trim", [0, 3])
def test_a_seam_has_the_frames_around_the_one_that_was_handed_over(tmp_path, trim):
    before, after = make_clip(tmp_path / "a.mp4", 30), make_clip(tmp_path / "b.mp4", 12, seed=1, fps=30)
    given = frame_from_end(before, trim).rgb
    (tmp_path / "given.png").write_bytes(images.encode(given).data)

    subject = seam_frames.seam(before, after, tmp_path / "given.png", trim=trim)

    assert (subject.handed_over == given).all()
    assert (subject.before[-1] == given).all()
    assert [close(frame, picture(0, 25 - trim + at)) for at, frame in enumerate(subject.before)] == [True] * 5
    assert [close(frame, picture(1, at)) for at, frame in enumerate(subject.after)] == [True] * 5
    assert (subject.before_fps, subject.after_fps) == (24, 30)
    assert (len(subject.reduced_before), len(subject.reduced_after)) == (8, 12)
    assert close(subject.reduced_before[-1], subject.before[-1])
    assert close(subject.reduced_before[0], picture(0, 22 - trim))
    assert subject.sound_before is None
    assert subject.sound_rate == 0
    for array in (subject.handed_over, subject.before[0], subject.after[0], subject.reduced_after[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(("frames", "trim"), [((30, 20), 0), ((30, 20), 3), ((3, 2), 0), ((1, 1), 0)])
def test_a_seam_of_clips_that_were_just_decoded_is_the_same_one(tmp_path, frames, trim):
    before, after = (
        make_clip(tmp_path / f"{seed}.mp4", count, seed=seed, sound=tone(count / 24), bf=2)
        for seed, count in enumerate(frames)
    )
    (tmp_path / "given.png").write_bytes(images.encode(frame_from_end(before, trim).rgb).data)
    earlier, later = (
        seam_frames.Ends.of(survey(clip, count / 24))
        for clip, count in zip((before, after), frames, strict=True)
    )
    expected = seam_frames.seam(before, after, tmp_path / "given.png", trim=trim)
    subject = seam_frames.seam(
        before, after, tmp_path / "given.png", trim=trim, of_before=earlier, of_after=later
    )

    for field in ("before", "after", "reduced_before", "reduced_after"):
        found, wanted = getattr(subject, field), getattr(expected, field)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert (one == other).all()
            with pytest.raises(ValueError, match="read-only"):
                one[...] = 0
    assert (subject.sound_before == expected.sound_before).all()
    assert (subject.sound_after == expected.sound_after).all()
    assert (subject.before_fps, subject.after_fps) == (expected.before_fps, expected.after_fps)
    assert subject.reduced_after is later.opening
    # Where frames are left out, others are needed than were kept.
    assert (subject.reduced_before is earlier.ending) is (trim == 0)


def test_reduced_frames_are_as_bright_as_the_frames(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 3, size=(1280, 720))
    seen = survey(clip, 3 / 24)

    for whole, small in zip(seen.opening, seen.opening.small, strict=True):
        assert small.shape == (180, 320, 3)
        assert np.abs(whole.mean(axis=(0, 1)) - small.mean(axis=(0, 1))).max() < 0.5


def test_a_seam_has_the_sound_on_both_sides(tmp_path):
    before = make_clip(tmp_path / "a.mp4", 36, sound=np.concatenate([tone(1.0), 0 * tone(0.5)]))
    after = make_clip(tmp_path / "b.mp4", 24, sound=tone(1.0))
    (tmp_path / "given.png").write_bytes(images.encode(frame_from_end(before, 0).rgb).data)

    subject = seam_frames.seam(before, after, tmp_path / "given.png")
    trimmed = seam_frames.seam(before, after, tmp_path / "given.png", trim=12)

    assert subject.sound_before is not None
    assert trimmed.sound_before is not None
    assert subject.sound_after is not None
    assert (subject.sound_rate, len(subject.sound_after)) == (48_000, 24_000)
    assert abs(len(subject.sound_before) - 24_000) < 2_000
    assert np.abs(subject.sound_before[2_000:-2_000]).max() < 0.02
    assert np.abs(trimmed.sound_before[2_000:-2_000]).max() > 0.1
    assert np.abs(subject.sound_after[2_000:]).max() > 0.1


def test_what_is_no_clip_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no clip")

    with pytest.raises(MediaError):
        reading.clip(tmp_path / "a.mp4")
