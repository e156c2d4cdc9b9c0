"""The bundled metrics: each answers to what it is about."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from runner import plugins
from runner.api import ClipSubject, MetricSpec, SeamSubject, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

RATE = 48_000


def scene(at: int = 0, *, gain: float = 1.0) -> Image:
    """A part of one soft texture, moved by so many pixels."""
    random = np.random.default_rng(3)
    rough = random.integers(0, 200, (30, 40, 3)).astype(np.float64)
    wide = np.kron(rough, np.ones((8, 8, 1)))
    for axis in (0, 1):
        wide = sum(np.roll(wide, step, axis) for step in range(-4, 5)) / 9
    return np.clip(wide[20:140, 20 + at : 220 + at] * gain, 0, 255).astype(np.uint8)


def seam(
    before: list[Image],
    after: list[Image],
    given: Image | None = None,
    *,
    fps: tuple[float, float] = (24, 24),
    sound: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> SeamSubject:
    return SeamSubject(
        handed_over=before[-1] if given is None else given,
        before=before,
        after=after,
        before_fps=fps[0],
        after_fps=fps[1],
        reduced_before=before,
        reduced_after=after,
        sound_before=sound[0] if sound else None,
        sound_after=sound[1] if sound else None,
        sound_rate=RATE if sound else 0,
    )


def clip(frames: list[Image], sound: NDArray[np.float32] | None = None) -> ClipSubject:
    steps = [np.abs(b.astype(float) - a).mean() for a, b in itertools.pairwise(frames)]
    return ClipSubject(
        frames=frames,
        stills=frames[::5],
        changes=np.array(steps, np.float32),
        fps=24,
        duration_s=len(frames) / 24,
        sound=sound,
        sound_rate=RATE if sound is not None else 0,
    )


def measured(name: str, subject: Subject) -> float | None:
    spec = plugins.load([]).metrics()
    (found,) = [one for one in spec if one.name == name]
    assert isinstance(found, MetricSpec)
    context: Any = None
    return found.factory(found.options(), context).measure(subject)


MOVING = [scene(step) for step in range(0, 10, 2)]
GOING_ON = [scene(step) for step in range(8, 18, 2)]


def test_a_seam_that_goes_on_has_no_difference() -> None:
    subject = seam(MOVING, GOING_ON)

    assert measured("seam_ssim", subject) == 1
    assert measured("seam_psnr_db", subject) == 99
    assert measured("seam_delta_e", subject) == 0
    assert measured("seam_luma_jump", subject) == 0
    assert measured("seam_motion", subject) == pytest.approx(1, abs=0.1)


def test_a_seam_that_freezes_has_no_motion() -> None:
    assert measured("seam_motion", seam(MOVING, [MOVING[-1]] * 5)) == pytest.approx(0, abs=0.01)


def test_motion_is_compared_by_time_and_not_by_frame() -> None:
    slower = seam(MOVING, [scene(step) for step in range(8, 13)], fps=(24, 48))

    assert measured("seam_motion", slower) == pytest.approx(1, abs=0.1)


def test_where_nothing_moves_before_there_is_no_ratio() -> None:
    assert measured("seam_motion", seam([scene()] * 5, GOING_ON)) is None


def test_a_jump_of_brightness_is_a_multiple_of_the_usual_change() -> None:
    steady = [scene(step) for step in range(8, 22, 2)]
    brighter = [np.clip(one * 1.06, 0, 255).astype(np.uint8) for one in steady]

    usual, jump = (
        measured("seam_luma_jump", seam(MOVING, steady)),
        measured("seam_luma_jump", seam(MOVING, brighter)),
    )

    assert usual == 0
    assert jump == pytest.approx(8, rel=0.1)  # 6 % over 0.75 %
    assert measured("seam_contrast_jump", seam(MOVING, brighter)) < 1  # type: ignore[operator]


def test_what_stands_for_the_frame_is_not_compared_with_another_scene() -> None:
    elsewhere = seam(MOVING, [np.ascontiguousarray(one[:, ::-1]) for one in GOING_ON])

    for name in ("luma_jump", "hue_jump", "sharpness_jump", "noise_jump", "steps", "repeats"):
        assert measured(f"seam_{name}", elsewhere) is None, name


def test_frames_that_are_missing_or_stand_twice_are_counted() -> None:
    def later(start: int) -> list[Image]:
        return [scene(step) for step in range(start, start + 28, 2)]

    before = [scene(step) for step in range(0, 16, 2)]

    assert measured("seam_steps", seam(before, later(14))) == pytest.approx(0, abs=0.1)
    assert measured("seam_steps", seam(before, later(16))) == pytest.approx(1, abs=0.3)
    assert measured("seam_steps", seam(before, later(20))) == pytest.approx(3, abs=0.5)
    assert measured("seam_repeats", seam(before, later(14))) == 1
    assert measured("seam_repeats", seam(before, [before[-1], before[-1], *later(14)])) == 3


def test_sound_that_breaks_off_clicks_and_one_that_drops_has_a_step() -> None:
    times = np.arange(RATE // 2) / RATE
    tone = np.sin(2 * np.pi * 220 * times).astype(np.float32) / 4  # a whole number of periods
    broken = tone.copy()
    broken[:20] += 0.5

    assert measured("seam_click", seam(MOVING, GOING_ON, sound=(tone, tone))) < 1.8  # type: ignore[operator]
    assert measured("seam_click", seam(MOVING, GOING_ON, sound=(tone, broken))) > 1.8  # type: ignore[operator]
    assert measured("seam_level_step_db", seam(MOVING, GOING_ON, sound=(tone, tone))) == pytest.approx(
        0, abs=0.1
    )
    half = seam(MOVING, GOING_ON, sound=(tone, tone / 2))
    assert measured("seam_level_step_db", half) == pytest.approx(6, abs=0.2)
    assert measured("seam_click", seam(MOVING, GOING_ON)) is None


def test_a_seam_to_another_size_is_compared_at_the_smaller_one() -> None:
    halves = [image[::2, ::2] for image in GOING_ON]

    assert measured("seam_ssim", seam(MOVING, halves)) == pytest.approx(1, abs=0.1)
    assert measured("seam_ssim", seam(MOVING, [scene(90)] * 5)) == pytest.approx(0, abs=0.5)


def test_a_blurred_clip_is_less_sharp_and_a_noisy_one_noisier() -> None:
    random = np.random.default_rng(1)
    noise = [np.clip(one + random.normal(0, 5, one.shape), 0, 255).astype(np.uint8) for one in MOVING]
    blurred = [
        ((one.astype(int) + np.roll(one, 1, 0) + np.roll(one, 1, 1)) // 3).astype(np.uint8) for one in noise
    ]

    assert measured("sharpness", clip(blurred)) < measured("sharpness", clip(noise))  # type: ignore[operator]
    # Noise in each channel is less in luma: the root of the squares of its weights.
    expected = 5 * np.sqrt(0.2126**2 + 0.7152**2 + 0.0722**2)
    assert measured("noise", clip(noise)) == pytest.approx(expected, rel=0.15)


def test_colour_and_contrast() -> None:
    grey = [np.repeat(one[..., :1], 3, 2) for one in MOVING]
    flat = [(one // 2 + 64).astype(np.uint8) for one in MOVING]

    assert measured("saturation", clip(grey)) == pytest.approx(0, abs=0.01)
    assert measured("saturation", clip(MOVING)) > 5  # type: ignore[operator]
    full, half = measured("contrast", clip(MOVING)), measured("contrast", clip(flat))
    assert full is not None
    assert half == pytest.approx(full / 2, rel=0.03)


def test_still_and_black_frames_are_counted() -> None:
    nothing = np.zeros_like(MOVING[0])
    subject = clip([MOVING[0], MOVING[0], MOVING[1], MOVING[2], nothing, nothing, nothing, nothing])

    assert measured("stillness", subject) == pytest.approx(4 / 7, abs=1e-4)
    assert measured("black", subject) == 0.5
    assert measured("stillness", clip([MOVING[0]])) is None


def test_loudness_is_that_of_the_standard() -> None:
    # EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS.
    times = np.arange(5 * RATE) / RATE
    sine = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * times)).astype(np.float32)

    assert measured("loudness_lufs", clip(MOVING, sine)) == pytest.approx(-23, abs=0.1)
    assert measured("loudness_lufs", clip(MOVING, np.zeros(RATE, np.float32))) is None
    assert measured("loudness_lufs", clip(MOVING)) is None
