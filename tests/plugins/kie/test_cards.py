"""The request that goes out for every model card and every way to start a clip, against the contract.

`bodies.json` was written by hand from KIE's documents, one row a request: never from the cards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.models import body

from tests.plugins.kie.asking import CATALOGUE, card, objected, shot, variant

if TYPE_CHECKING:
    from runner.providers import ModelCard

ROWS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("bodies.json").read_text(encoding="utf-8"))

# Every id of the contract's tables of video models (its sections 2.1 and 2.2) that starts a clip from a picture.
FROM_A_FIRST_FRAME = (
    "kling-3.0/video",
    "kling-3.0-omni/image-to-video",
    "kling/v3-turbo-image-to-video",
    "kling-2.6/image-to-video",
    "kling/v2-5-turbo-image-to-video-pro",
    "kling/v2-1-pro",
    "kling/v2-1-standard",
    "kling/v2-1-master-image-to-video",
    "bytedance/seedance-2",
    "bytedance/seedance-2-fast",
    "bytedance/seedance-2-mini",
    "bytedance/seedance-2-5",
    "bytedance/seedance-1.5-pro",
    "bytedance/v1-pro-image-to-video",
    "bytedance/v1-pro-fast-image-to-video",
    "bytedance/v1-lite-image-to-video",
    "wan/2-7-image-to-video",
    "wan/2-7-r2v",
    "wan/2-6-image-to-video",
    "wan/2-6-flash-image-to-video",
    "wan/2-5-image-to-video",
    "wan/2-2-a14b-image-to-video-turbo",
    "hailuo/2-3-image-to-video-standard",
    "hailuo/2-3-image-to-video-pro",
    "hailuo/02-image-to-video-standard",
    "hailuo/02-image-to-video-pro",
    "minimax-h3/image-to-video",
    "grok-imagine/image-to-video",
    "grok-imagine-video-1-5-preview",
    "happyhorse/image-to-video",
    "happyhorse-1-1/image-to-video",
    "pixverse-v6/image-to-video",
    "pixverse-v6/transition",
    "veo-3-1",
    "gemini-omni-video",
    "sora-2-image-to-video",
    "sora-2-image-to-video-stable",
    "sora-2-pro-image-to-video",
    "sora-2-pro-storyboard",
)


def starts(one: ModelCard) -> set[str]:
    """The ways in which a card starts a clip."""
    found = set()
    if one.text is not None:
        found.add("text")
    if one.image is not None:
        found.add("image")
    if one.between is not None or (one.image is not None and one.image.last_frame is not None):
        found.add("both")
    return found


def row_id(row: dict[str, Any]) -> str:
    return f"{row['model']} from {row['from']}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_the_request_is_what_the_contract_says(row: dict[str, Any]) -> None:
    request = shot(*row["shot"], start=row["from"], params=row.get("params"))

    sent = body(variant(row["model"], request), request)

    # As JSON: 5 is not "5" there, and true is not 1.
    assert json.dumps(sent, sort_keys=True) == json.dumps(row["body"], sort_keys=True)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_nothing_stands_against_these_requests(row: dict[str, Any]) -> None:
    request = shot(*row["shot"], start=row["from"], params=row.get("params"))

    assert objected(row["model"], request) == {}


def test_every_card_is_in_the_table_with_every_way_to_start_a_clip() -> None:
    there = {name: starts(one) for name, one in CATALOGUE.cards.items()}
    tested: dict[str, set[str]] = {}
    for row in ROWS:
        tested.setdefault(row["model"], set()).add(row["from"])

    assert tested == there


@pytest.mark.parametrize("model_id", FROM_A_FIRST_FRAME)
def test_every_model_that_starts_from_a_picture_has_a_card(model_id: str) -> None:
    assert any(
        one is not None and one.id == model_id and one.first_frame is not None
        for known in CATALOGUE.cards.values()
        for one in (known.image, known.between)
    )


def test_no_two_cards_go_by_the_same_name() -> None:
    names = [*CATALOGUE.cards, *(alias for one in CATALOGUE.cards.values() for alias in one.aliases)]

    assert sorted(names) == sorted(set(names))


def test_a_model_is_found_by_its_name_its_aliases_and_the_ids_that_kie_has_for_it() -> None:
    for name, one in CATALOGUE.cards.items():
        assert CATALOGUE.find(name) == (name, one)
        for alias in one.aliases:
            assert CATALOGUE.find(alias) == (name, one)
        for own in one.variants:
            # The tiers of Veo share one id, which is the name of the default tier.
            assert CATALOGUE.find(own.id) == (own.id if own.id in CATALOGUE.cards else name, card(own.id))
            assert own.id in {each.id for each in card(own.id).variants}
    assert CATALOGUE.find("wan/2-6-image-to-video") == ("wan/2-6", card("wan/2-6"))
    assert CATALOGUE.find("wan/9") is None


def test_an_id_belongs_to_one_card_but_for_the_tiers_of_veo() -> None:
    owners: dict[str, set[str]] = {}
    for name, one in CATALOGUE.cards.items():
        for own in one.variants:
            owners.setdefault(own.id, set()).add(name)

    assert {own: names for own, names in owners.items() if len(names) > 1} == {
        "veo-3-1": {"veo-3-1", "veo-3-1-quality", "veo-3-1-lite"}
    }


def test_sora_is_retired_and_each_of_it_names_living_models_instead() -> None:
    retired = {name: one for name, one in CATALOGUE.cards.items() if one.retired is not None}

    assert set(retired) == {"sora-2", "sora-2-stable", "sora-2-pro", "sora-2-pro-storyboard"}
    for one in retired.values():
        assert str(one.retired) == "2026-09-24"
        assert one.successors
        assert all(CATALOGUE.cards[name].retired is None for name in one.successors)


def test_every_card_says_what_it_is_and_where_its_facts_are_from() -> None:
    for name, one in CATALOGUE.cards.items():
        assert one.variants, name
        assert one.about, name
        assert one.source, name


def test_unknown_parameters_pass_through_and_known_ones_overrule_what_is_always_sent() -> None:
    request = shot(5, params={"sound": True, "brand_new": {"strength": 0.5}})

    sent = body(variant("kling-3.0", request), request)["input"]

    assert sent["sound"] is True
    assert sent["brand_new"] == {"strength": 0.5}
    assert sent["multi_shots"] is False


@pytest.mark.parametrize(
    ("message", "transient"),
    [
        ("Your prompt was flagged by Website as violating content policies", False),
        ("PUBLIC ERROR UNSAFE IMAGE UPLOAD", False),
        ("public error prominent people upload", False),
        ("public error minor upload", False),
        ("PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED", False),
        ("The Google model was unable to generate audio for this request", True),
    ],
)
@pytest.mark.parametrize("model", ["veo-3-1", "veo-3-1-quality", "veo-3-1-lite"])
def test_what_veo_says_of_a_failure_is_understood(model: str, message: str, transient: bool) -> None:
    failure = card(model).failure(message)

    assert failure is not None
    assert failure.transient is transient


def test_a_failure_that_a_card_knows_nothing_of_is_left_to_others() -> None:
    assert card("veo-3-1").failure("internal error, please try again later.") is None
    assert card("wan/2-7").failure("public error minor upload") is None
