"""Two images against each other: the numbers of scikit-image."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from runner.media.measures import pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSE = 1e-3


@pytest.fixture
def skimage() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reference's own imports
        import skimage.color
        import skimage.metrics

        yield skimage


def images() -> dict[str, tuple[Any, Any]]:
    random = np.random.default_rng(5)
    base = random.integers(0, 256, (108, 192, 3))
    other = random.integers(0, 256, (108, 192, 3))
    tiles = np.kron(random.integers(20, 230, (9, 16, 3)), np.ones((12, 12, 1), int))
    made = {
        "unlike": (base, other),
        "noise": (tiles, tiles + random.integers(-6, 7, tiles.shape)),
        "brighter": (tiles, tiles * 1.06),
        "dark": (base // 16, other // 16),
        "grey": (base[..., :1].repeat(3, 2), other[..., :1].repeat(3, 2)),
        "grey and colour": (base[..., :1].repeat(3, 2), other),
        "blue": (base // 4 + np.array([0, 0, 190]), other // 4 + np.array([0, 0, 190])),
        "opposite hues": (base * 0 + np.array([200, 40, 40]), base * 0 + np.array([20, 160, 160])),
        "odd size": (base[:101, :77], tiles[:101, :77]),
        "the same": (tiles, tiles),
    }
    return {
        name: (np.clip(a, 0, 255).astype(np.uint8), np.clip(b, 0, 255).astype(np.uint8))
        for name, (a, b) in made.items()
    }


@pytest.mark.parametrize("name", images())
def test_numbers_equal_those_of_scikit_image(name: str, skimage: Any) -> None:
    a, b = images()[name]
    lab = [skimage.color.rgb2lab(image) for image in (a, b)]

    expected_ssim = skimage.metrics.structural_similarity(pairs.luma(a), pairs.luma(b), data_range=255)
    assert pairs.ssim(a, b) == pytest.approx(expected_ssim, abs=CLOSE)
    expected_delta_e = skimage.color.deltaE_ciede2000(*lab).mean()
    assert pairs.delta_e(a, b) == pytest.approx(expected_delta_e, abs=CLOSE)
    with np.errstate(divide="ignore"):
        psnr_db = skimage.metrics.peak_signal_noise_ratio(a, b, data_range=255)
    assert pairs.psnr_db(a, b) == pytest.approx(min(psnr_db, 99), abs=CLOSE)


def test_what_is_the_same_has_no_difference() -> None:
    image = images()["noise"][1]

    assert (pairs.ssim(image, image), pairs.psnr_db(image, image), pairs.delta_e(image, image)) == (1, 99, 0)


def test_images_of_two_sizes_are_not_compared() -> None:
    image = images()["noise"][0]

    for measure in (pairs.ssim, pairs.psnr_db, pairs.delta_e):
        with pytest.raises(ValueError, match="cannot be compared"):
            measure(image, image[:-1])
