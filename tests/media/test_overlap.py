"""How many frames of a clip were shown before, on footage whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
from media.test_seam import noisy, scene, through_codec
from PIL import Image

from runner.media.overlap import LOOKED_AT, MOST, find

WIDTH, HEIGHT = 640, 360
PACE = 4


def pan(seed, places, *, grain=0.0):
    """A camera that moves to the right over a scene, at these places in pixels, through H.264."""
    whole = Image.fromarray(scene(seed, 1200, 700))
    shown = [
        whole.transform(
            (WIDTH, HEIGHT),
            Image.Transform.AFFINE,
            (1, 0, 300 + place, 0, 1, 150 + place / 3),
            Image.Resampling.BICUBIC,
        )
        for place in places
    ]
    return [
        noisy(np.asarray(one), grain, number) if grain else np.asarray(one)
        for number, one in enumerate(shown)
    ]


def ending(seed, pace=PACE, crf=20, **options):
    """The last four frames of a clip that moves at a steady pace, and ends at place 0."""
    return through_codec(pan(seed, [pace * (at - 7) for at in range(8)], **options), crf)[-4:]


def opening(seed, overlap, pace=PACE, crf=20, **options):
    """A clip that goes on at that pace; its first `overlap` frames stand at place 0."""
    places = [pace * max(0, at + 1 - overlap) for at in range(LOOKED_AT)]
    return through_codec(pan(seed, places, **options), crf)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("overlap", range(MOST + 1))
def test_every_overlap_is_found(seed, overlap):
    found = find(ending(seed)[-1], opening(seed, overlap))

    assert (found.frames, found.slow_start) == (overlap, False)
    assert found.jump_after == pytest.approx(1, abs=0.35)
    if overlap:
        assert found.jump_before < 0.4


@pytest.mark.parametrize("pace", [2, 9])
@pytest.mark.parametrize("crf", [16, 27])
@pytest.mark.parametrize("overlap", [0, 1, 2, 5, 8])
def test_slow_and_quick_footage_and_a_poor_codec(pace, crf, overlap):
    found = find(ending(1, pace, crf)[-1], opening(1, overlap, pace, crf))

    assert found.frames == overlap


@pytest.mark.parametrize("overlap", [0, 1, 2, 3, 6])
def test_grain_is_no_motion(overlap):
    found = find(ending(2, grain=4)[-1], opening(2, overlap, grain=4))

    assert found.frames == overlap


@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_a_clip_that_is_a_little_brighter(overlap):
    later = [np.clip(frame * 1.03 + 4, 0, 255).astype(np.uint8) for frame in opening(3, overlap)]

    assert find(ending(3)[-1], later).frames == overlap


@pytest.mark.parametrize("frames", [3, 5, 8])
def test_a_clip_that_eases_in_is_cut_where_it_has_moved_by_one_step(frames):
    """The clip before it moved at full pace: what stands in between is a standstill that nobody filmed."""
    speeds = [PACE * min(1.0, ((at + 1) / frames) ** 2) for at in range(LOOKED_AT)]
    places = np.concatenate([[0.0], np.cumsum(speeds)])[:LOOKED_AT]
    wanted = int(np.argmin(np.abs(places - PACE)))
    before, later = ending(1), through_codec(pan(1, places), 20)

    unsure, found = find(before[-1], later), find(before[-1], later, before=before[:-1])

    assert (unsure.frames, unsure.slow_start) == (1, True)
    assert (found.slow_start, abs(found.frames - wanted) <= 1, found.frames > 1) == (False, True, True)
    assert found.jump_after == pytest.approx(1, abs=0.4)


def test_a_motion_that_begins_there_is_not_cut():
    """What stood still and then gains speed is a motion of its own: a ball that is let go."""
    places = [0.15 * at**2 for at in range(LOOKED_AT)]
    before, later = ending(1, pace=0), through_codec(pan(1, places), 20)

    found = find(before[-1], later, before=before[:-1])

    assert (found.frames, found.slow_start) == (1, False)


@pytest.mark.parametrize("still", [True, False])
def test_a_scene_that_hardly_moves_shows_its_first_frame_once(still):
    places = [0.0] * LOOKED_AT if still else [0.05 * at for at in range(LOOKED_AT)]
    before, later = ending(2, pace=0.05), through_codec(pan(2, places), 24)

    assert find(before[-1], later, before=before[:-1]).frames == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_clip_of_few_frames(count):
    found = find(ending(1)[-1], opening(1, 1)[:count])

    assert found.frames == 1


def test_clips_of_another_size_are_compared_all_the_same():
    smaller = [np.asarray(Image.fromarray(frame).resize((320, 180))) for frame in opening(1, 3)]

    assert find(ending(1)[-1], smaller).frames == 3


def test_nothing_cannot_be_measured():
    with pytest.raises(ValueError, match="without frames"):
        find(ending(1)[-1], [])
