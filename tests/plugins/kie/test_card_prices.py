"""What a clip costs by the model cards, against the contract's price list (its section 7)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.plugins.kie.asking import CATALOGUE, price, shot

SOUND = {"sound": True}
AUDIO = {"audio": True}

# model, from, seconds, resolution, params, US dollars
KNOWN: list[tuple[str, str, int, str, dict[str, Any], str]] = [
    ("sora-2", "text", 10, "720p", {}, "0.15"),
    ("sora-2", "image", 15, "720p", {}, "0.175"),
    ("sora-2-stable", "text", 10, "720p", {}, "0.175"),
    ("sora-2-stable", "image", 10, "720p", {}, "0.175"),
    ("sora-2-pro", "text", 10, "720p", {}, "0.75"),
    ("sora-2-pro", "image", 15, "720p", {}, "1.35"),
    ("sora-2-pro", "image", 10, "1080p", {}, "1.65"),
    ("sora-2-pro", "text", 15, "1080p", {}, "3.15"),
    ("sora-2-pro-storyboard", "image", 10, "720p", {}, "0.75"),
    ("sora-2-pro-storyboard", "image", 15, "720p", {}, "1.35"),
    ("veo-3-1", "text", 4, "720p", {}, "0.30"),
    ("veo-3-1", "image", 8, "720p", {}, "0.30"),
    ("veo-3-1", "both", 8, "1080p", {}, "0.325"),
    ("veo-3-1-lite", "image", 8, "720p", {}, "0.30"),
    ("veo-3-1-lite", "image", 8, "1080p", {}, "0.175"),
    ("veo-3-1-quality", "text", 8, "1080p", {}, "1.275"),
    ("kling-3.0", "text", 5, "1080p", {}, "0.45"),
    ("kling-3.0", "image", 10, "1080p", SOUND, "1.35"),
    ("kling-3.0-omni", "image", 5, "720p", {}, "0.35"),
    ("kling-3.0-omni", "image", 5, "720p", AUDIO, "0.45"),
    ("kling-3.0-omni", "image", 5, "1080p", {}, "0.45"),
    ("kling-3.0-omni", "both", 4, "1080p", AUDIO, "0.46"),
    ("kling-3.0-omni", "image", 4, "4k", {}, "1.34"),
    ("kling-3.0-omni", "image", 4, "4k", AUDIO, "1.34"),
    ("kling/v3-turbo", "text", 4, "720p", {}, "0.36"),
    ("kling/v3-turbo", "image", 4, "1080p", {}, "0.45"),
    ("kling/v2-1-standard", "image", 5, "720p", {}, "0.125"),
    ("kling/v2-1-standard", "image", 10, "720p", {}, "0.25"),
    ("kling/v2-1-pro", "image", 5, "720p", {}, "0.25"),
    ("kling/v2-1-pro", "both", 10, "720p", {}, "0.5"),
    ("kling/v2-1-master", "text", 5, "720p", {}, "0.8"),
    ("kling/v2-1-master", "image", 10, "720p", {}, "1.6"),
    ("kling/v2-5-turbo-pro", "text", 5, "720p", {}, "0.21"),
    ("kling/v2-5-turbo-pro", "image", 10, "720p", {}, "0.42"),
    ("kling-2.6", "text", 5, "720p", {}, "0.275"),
    ("kling-2.6", "image", 10, "720p", {}, "0.55"),
    ("kling-2.6", "image", 5, "720p", SOUND, "0.55"),
    ("kling-2.6", "text", 10, "720p", SOUND, "1.1"),
    ("bytedance/seedance-2", "text", 4, "480p", {}, "0.38"),
    ("bytedance/seedance-2", "image", 5, "720p", {}, "1.025"),
    ("bytedance/seedance-2-mini", "text", 4, "720p", {}, "0.164"),
    ("bytedance/seedance-2-mini", "image", 15, "720p", {}, "0.615"),
    ("bytedance/seedance-2-5", "image", 4, "480p", {}, "0.56"),
    ("bytedance/seedance-2-5", "text", 4, "720p", {}, "1.26"),
    ("bytedance/v1-pro", "text", 5, "480p", {}, "0.07"),
    ("bytedance/v1-pro", "image", 5, "720p", {}, "0.15"),
    ("bytedance/v1-pro", "image", 10, "1080p", {}, "0.7"),
    ("bytedance/v1-lite", "text", 5, "480p", {}, "0.05"),
    ("bytedance/v1-lite", "image", 10, "720p", {}, "0.225"),
    ("bytedance/v1-lite", "both", 5, "1080p", {}, "0.25"),
    ("wan/2-6", "text", 5, "720p", {}, "0.35"),
    ("wan/2-6", "image", 10, "720p", {}, "0.70"),
    ("wan/2-6", "image", 15, "720p", {}, "1.05"),
    ("wan/2-6", "text", 5, "1080p", {}, "0.5225"),
    ("wan/2-6", "image", 10, "1080p", {}, "1.0475"),
    ("wan/2-6", "image", 15, "1080p", {}, "1.575"),
    ("wan/2-5", "text", 5, "720p", {}, "0.30"),
    ("wan/2-5", "image", 10, "720p", {}, "0.60"),
    ("wan/2-2-turbo", "image", 5, "720p", {}, "0.40"),
    ("hailuo/2-3-standard", "image", 6, "768p", {}, "0.15"),
    ("minimax-h3", "text", 4, "768p", {}, "0.16"),
    ("minimax-h3", "image", 10, "2k", {}, "0.65"),
    ("grok-imagine", "text", 6, "480p", {}, "0.072"),
    ("grok-imagine", "image", 6, "720p", {}, "0.135"),
    ("grok-imagine", "image", 30, "1080p", {}, "1.2"),
    ("happyhorse", "text", 5, "720p", {}, "0.7"),
    ("happyhorse", "image", 5, "1080p", {}, "1.2"),
    ("happyhorse-1-1", "text", 4, "720p", {}, "0.45"),
    ("happyhorse-1-1", "image", 4, "1080p", {}, "0.58"),
    ("pixverse-v6", "text", 5, "360p", {}, "0.1"),
    ("pixverse-v6", "image", 5, "540p", {}, "0.14"),
    ("pixverse-v6", "image", 5, "720p", {}, "0.18"),
    ("pixverse-v6", "both", 5, "1080p", {}, "0.36"),
]

UNKNOWN: list[tuple[str, str, int, str, dict[str, Any]]] = [
    ("kling-3.0", "text", 5, "720p", {}),
    ("kling-3.0", "text", 5, "4k", {}),
    ("kling-3.0-omni", "text", 5, "720p", {}),
    ("veo-3-1", "text", 8, "4k", {}),
    ("veo-3-1-lite", "text", 8, "4k", {}),
    ("veo-3-1-quality", "text", 8, "720p", {}),
    ("bytedance/seedance-2", "text", 5, "1080p", {}),
    # The seconds of a clip that is referred to are billed too, and nobody knows them here.
    ("bytedance/seedance-2", "text", 5, "720p", {"reference_video_urls": ["https://example.com/a.mp4"]}),
    ("bytedance/seedance-2-fast", "image", 5, "720p", {}),
    ("bytedance/seedance-2-mini", "text", 4, "480p", {}),
    ("bytedance/seedance-2-5", "text", 4, "1080p", {}),
    ("bytedance/seedance-1.5-pro", "image", 5, "720p", {}),
    ("bytedance/v1-pro-fast", "image", 5, "720p", {}),
    ("wan/2-7", "image", 5, "720p", {}),
    ("wan/2-7-r2v", "image", 5, "720p", {}),
    ("wan/2-6-flash", "image", 5, "720p", {}),
    ("wan/2-5", "image", 5, "1080p", {}),
    ("wan/2-2-turbo", "image", 5, "480p", {}),
    ("hailuo/2-3-standard", "image", 10, "768p", {}),
    ("hailuo/2-3-standard", "image", 6, "1080p", {}),
    ("hailuo/2-3-pro", "image", 6, "768p", {}),
    ("hailuo/02-standard", "image", 6, "768p", {}),
    ("hailuo/02-pro", "text", 6, "768p", {}),
    ("grok-imagine-video-1-5-preview", "image", 5, "720p", {}),
    ("pixverse-v6", "text", 5, "720p", {"generate_audio_switch": True}),
    ("gemini-omni-video", "text", 4, "720p", {}),
    ("sora-2-stable", "text", 15, "720p", {}),
]


@pytest.mark.parametrize(("model", "start", "duration_s", "resolution", "params", "usd"), KNOWN)
def test_a_clip_costs_what_the_price_list_says(
    model: str, start: str, duration_s: int, resolution: str, params: dict[str, Any], usd: str
) -> None:
    request = shot(duration_s, resolution, start=start, params=params)

    told = price(model, request)

    assert told is not None
    assert told.usd == Decimal(usd)


@pytest.mark.parametrize(("model", "start", "duration_s", "resolution", "params"), UNKNOWN)
def test_a_price_that_is_not_known_is_not_made_up(
    model: str, start: str, duration_s: int, resolution: str, params: dict[str, Any]
) -> None:
    request = shot(duration_s, resolution, start=start, params=params)

    assert price(model, request) is None


def test_every_card_is_in_one_of_the_two_lists() -> None:
    assert {row[0] for row in (*KNOWN, *UNKNOWN)} == set(CATALOGUE.cards)


@pytest.mark.parametrize(
    ("model", "resolution", "as_of"),
    [
        ("veo-3-1", "720p", date(2026, 9, 27)),
        ("veo-3-1", "1080p", date(2026, 10, 7)),
        ("kling-3.0", "1080p", date(2026, 10, 7)),
        ("kling/v2-5-turbo-pro", "720p", date(2026, 1, 1)),
        ("grok-imagine", "720p", date(2026, 11, 22)),
    ],
)
def test_a_price_has_the_date_of_its_source(model: str, resolution: str, as_of: date) -> None:
    request = shot(5, resolution)

    told = price(model, request)

    assert told is not None
    assert told.as_of == as_of
