"""Matching colours to an anchor, by numbers that can be written down and applied again."""

from __future__ import annotations

import json
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from runner.media import colour_match
from runner.media.colour import to_rgb
from runner.media.colour_match import Transform, apply, match, picture_filter
from runner.media.lab import delta_e_2000
from runner.media.look import look
from runner.planning import plan
from tests.media.test_chain_drift import picture


def faded(rgb: Any) -> Any:
    """Brighter, flatter and warmer."""
    return np.clip(rgb * [0.75, 0.7, 0.65] + [60, 55, 45], 0, 255).astype(np.uint8)


def test_at_full_strength_mean_and_deviation_are_those_of_the_anchor() -> None:
    plain = picture()
    anchor, source = look([plain]), look([faded(plain)])
    assert delta_e_2000(source.lab, anchor.lab) > 10

    corrected = look([apply(faded(plain), match(source, anchor, 1.0))])

    assert delta_e_2000(corrected.lab, anchor.lab) < 0.5
    assert corrected.deviation == pytest.approx(anchor.deviation, rel=0.05)


def test_half_the_strength_goes_half_of_the_way() -> None:
    plain = picture()
    anchor, source = look([plain]), look([faded(plain)])

    corrected = look([apply(faded(plain), match(source, anchor, 0.5))])

    assert corrected.lab[0] == pytest.approx((anchor.lab[0] + source.lab[0]) / 2, abs=0.5)


def test_without_strength_nothing_changes() -> None:
    plain = picture()
    transform = match(look([faded(plain)]), look([plain]), 0.0)

    assert transform == Transform(gain=(1.0, 1.0, 1.0), offset=(0.0, 0.0, 0.0))
    assert np.abs(apply(plain, transform).astype(int) - plain).max() <= 1


def test_the_numbers_give_the_same_pixels_again() -> None:
    plain = picture()
    transform = match(look([faded(plain)]), look([plain]), 0.8)
    numbers = json.loads(json.dumps(asdict(transform)))
    again = Transform(gain=tuple(numbers["gain"]), offset=tuple(numbers["offset"]))

    assert again == transform
    assert np.array_equal(apply(plain, again), apply(plain, transform))


def test_a_plain_image_is_not_torn_apart() -> None:
    grey = np.full((90, 160, 3), 90, np.uint8)

    transform = match(look([grey]), look([picture()]), 1.0)

    assert transform.gain == (1.0, 1.0, 1.0)
    assert np.ptp(apply(grey, transform).reshape(-1, 3), axis=0).max() == 0


def test_contrast_is_at_most_doubled() -> None:
    flat = (picture() // 8 + 100).astype(np.uint8)

    assert max(match(look([flat]), look([picture()]), 1.0).gain) <= 2.0


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv444p"])
@pytest.mark.parametrize("matrix", [1, 6])
def test_the_pictures_of_a_clip_are_matched_and_stay_what_they_are(pix_fmt: str, matrix: int) -> None:
    plain = picture()
    full = pix_fmt == "yuvj420p"
    frame = av.VideoFrame.from_ndarray(faded(plain), "rgb24").reformat(
        format=pix_fmt,
        dst_colorspace=1 if matrix == 1 else 5,
        src_color_range=2,
        dst_color_range=2 if full else 1,
    )
    frame.pts, frame.time_base, frame.colorspace = 7, Fraction(1, 24), matrix
    frame.color_range = 2 if full else 1
    transform = match(look([to_rgb(frame)]), look([plain]), 1.0)

    made = picture_filter(transform)(frame)

    assert (made.format.name, made.width, made.height) == (pix_fmt, frame.width, frame.height)
    assert (made.pts, made.time_base) == (7, Fraction(1, 24))
    assert (made.colorspace, made.color_range) == (frame.colorspace, frame.color_range)
    wanted = apply(to_rgb(frame), transform).astype(int)
    assert np.abs(to_rgb(made) - wanted).mean() < (0.8 if pix_fmt == "yuv444p" else 3)
    # libswscale rounds the chroma of yuvj420p up by about half a level.
    assert look([to_rgb(made)]).lab == pytest.approx(look([plain]).lab, abs=1.0 if full else 0.6)


def test_the_version_in_the_identity_is_that_of_the_transform() -> None:
    assert plan.CORRECTION == colour_match.VERSION
