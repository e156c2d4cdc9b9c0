"""The drift along a chain: measured on images whose drift is known, and forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from runner.media.chain_drift import chain_drift, theil_sen
from runner.media.lab import delta_e_2000, from_lab, to_lab
from runner.media.look import look, mean_colour, noise

if TYPE_CHECKING:
    from runner.media.look import Look

ANCHOR = (50.0, 10.0, -5.0)


def picture(seed: int = 1, lightness: float = 0.0) -> Any:
    """Blocks in muted colours, their L* raised by `lightness`."""
    blocks = np.random.default_rng(seed).integers(90, 150, (9, 16, 3))
    lab = to_lab(np.kron(blocks, np.ones((8, 8, 1))))
    return np.rint(from_lab(lab + np.array([lightness, 0.0, 0.0]))).astype(np.uint8)


def looks(steps: list[float], seed: int = 1) -> list[Look]:
    return [look([picture(seed, step)]) for step in steps]


# Sharma, Wu and Dalal (2005), table 1.
@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
        ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
    ],
)
def test_the_difference_of_colours_is_that_of_its_authors(
    one: tuple[float, float, float], other: tuple[float, float, float], difference: float
) -> None:
    assert delta_e_2000(one, other) == pytest.approx(difference, abs=1e-4)
    assert delta_e_2000(other, one) == pytest.approx(difference, abs=1e-4)


def test_colours_come_back_from_lab() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 20, 3))

    assert np.abs(from_lab(to_lab(rgb)) - rgb).max() < 1e-6
    white, red = to_lab(np.array([[255, 255, 255], [255, 0, 0]]))
    assert white == pytest.approx([100, 0, 0], abs=5e-3)  # the white point has five digits
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.02)


def test_a_look_tells_lightness_blur_and_noise_apart() -> None:
    plain = picture()
    brighter, soft = (
        picture(lightness=6),
        np.asarray(Image.fromarray(plain).filter(ImageFilter.GaussianBlur(2))),
    )
    grain = plain + np.random.default_rng(2).normal(0, 4, plain.shape)
    noisy = np.clip(np.rint(grain), 0, 255).astype(np.uint8)
    first, second, third, fourth = (look([one]) for one in (plain, brighter, soft, noisy))

    assert second.lab[0] - first.lab[0] == pytest.approx(6, abs=0.1)
    assert second.lab[1:] == pytest.approx(first.lab[1:], abs=0.2)
    assert third.sharpness < first.sharpness / 4
    # The noise of luma is that of its channels, weighted and added.
    assert noise(noisy) == pytest.approx(4 * np.sqrt(0.2126**2 + 0.7152**2 + 0.0722**2), rel=0.25)
    assert fourth.noise > first.noise + 1
    grey = np.repeat(plain.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert look([grey]).saturation < 1 < first.saturation
    assert mean_colour([plain, brighter])[0] == pytest.approx(first.lab[0] + 3, abs=0.1)


def test_without_frames_nothing_is_looked_at() -> None:
    with pytest.raises(ValueError, match="without frames"):
        look([])


@pytest.mark.parametrize("per_shot", [-0.8, 0.4, 1.5])
def test_the_slope_is_the_drift_that_was_put_in(per_shot: float) -> None:
    found = looks([per_shot * number for number in range(8)])

    drift = chain_drift(found, found[0].lab)

    slope = drift.slopes["lightness"]
    assert slope.per_shot == pytest.approx(per_shot, rel=0.05)
    assert slope.low is not None
    assert slope.high is not None
    assert slope.low <= slope.per_shot <= slope.high
    assert drift.slopes["distance"].per_shot == pytest.approx(abs(per_shot), rel=0.1)
    assert drift.distances[0] == 0
    assert drift.breaks_at is None


def test_one_bright_clip_hardly_moves_the_slope() -> None:
    steps = [0.5 * number for number in range(9)]
    steps[4] += 12

    assert chain_drift(looks(steps), ANCHOR).slopes["lightness"].per_shot == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_slope_and_interval_are_those_of_scipy(seed: int) -> None:
    from scipy.stats import theilslopes

    rng = np.random.default_rng(seed)
    values = list(np.arange(9) * 0.7 + rng.normal(0, 1, 9))

    mine, expected = theil_sen(values), theilslopes(values, alpha=0.95)

    assert mine.per_shot == pytest.approx(expected[0], abs=1e-3)
    assert (mine.low, mine.high) == pytest.approx((expected[2], expected[3]), abs=1e-3)


def test_two_clips_have_a_slope_without_an_interval() -> None:
    slope = theil_sen([1.0, 3.0])

    assert (slope.per_shot, slope.low, slope.high) == (2.0, None, None)


def test_a_break_is_forecast_and_then_found() -> None:
    steps = [number * 1.0 for number in range(9)]
    found = looks(steps)
    truth = chain_drift(found, found[0].lab, 4.5)
    assert truth.is_broken
    assert truth.breaks_at is not None

    for seen in (3, 4):
        ahead = chain_drift(found[:seen], found[0].lab, 4.5)
        assert ahead.breaks_at is not None
        assert abs(ahead.breaks_at - truth.breaks_at) <= 1
        assert not ahead.is_broken


def test_nothing_is_forecast_of_a_chain_that_is_steady_or_short() -> None:
    still = looks([0.0] * 6)

    assert chain_drift(still, still[0].lab, 2.0).breaks_at is None
    assert chain_drift(looks([0, 1.0]), still[0].lab, 8.0).breaks_at is None
    assert chain_drift(still[:1], still[0].lab, 2.0).slopes == {}


def test_after_the_anchor_the_chain_begins_anew() -> None:
    found = looks([0, 2, 4, 6, 0, 0.5, 1.0, 1.5])

    drift = chain_drift(found, found[0].lab, since=4)

    assert drift.slopes["lightness"].per_shot == pytest.approx(0.5, rel=0.1)
    assert len(drift.distances) == 8
