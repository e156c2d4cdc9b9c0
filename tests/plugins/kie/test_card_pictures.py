"""What each model says that a first frame must be like."""

from __future__ import annotations

import pytest

from runner.api import Range
from tests.plugins.kie.asking import caps

ALL, NO_WEBP = {"png", "jpeg", "webp"}, {"png", "jpeg"}
SEEDANCE_2 = (ALL, 30_000_000, 300, 6000, Range(0.4, 2.5))
OMNI = (NO_WEBP, 50_000_000, 300, None, Range(0.4, 2.5))
ANY = (ALL, 10_000_000, None, None, None)


@pytest.mark.parametrize(
    ("model", "rules"),
    [
        ("bytedance/seedance-2", SEEDANCE_2),
        ("bytedance/seedance-2-fast", SEEDANCE_2),
        ("bytedance/seedance-2-mini", SEEDANCE_2),
        ("kling-3.0-omni", OMNI),
        ("kling/v3-turbo", (NO_WEBP, *ANY[1:])),
        ("kling-2.6", (NO_WEBP, *ANY[1:])),
        ("hailuo/02-pro", ANY),
        ("happyhorse", (ALL, 10_000_000, 300, None, None)),
        ("wan/2-6", (ALL, 10_000_000, 256, None, None)),
        ("wan/2-5", ANY),
        ("pixverse-v6", (ALL, 20_000_000, None, None, None)),
    ],
)
def test_a_first_frame_is_held_to_what_the_contract_says(model: str, rules: tuple[object, ...]) -> None:
    image = caps(model).image

    assert image is not None
    assert (set(image.formats), image.max_bytes, image.min_px, image.max_px, image.ratio) == rules


@pytest.mark.parametrize(
    ("model", "sent"),
    [("bytedance/seedance-2-mini", False), ("kling-3.0", False), ("wan/2-7", True), ("pixverse-v6", True)],
)
def test_whether_a_seed_is_sent_is_known_before_it_is_asked_for(model: str, sent: bool) -> None:
    assert caps(model).request.seed is sent
