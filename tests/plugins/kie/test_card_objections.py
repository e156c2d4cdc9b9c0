"""What the model cards do not allow, said before anything is spent."""

from __future__ import annotations

from typing import Any

import pytest
from runner.plugins.kie.models import MODELS, body

from runner.api import InputMode, Objection
from runner.errors import ConfigError
from runner.providers import objections
from tests.plugins.kie.asking import CATALOGUE, caps, card, objected, shot, variant

CLIP = ["https://example.com/cat.mp4"]


@pytest.mark.parametrize(
    ("model", "start", "params", "blamed", "allowed"),
    [
        ("grok-imagine", "text", {"mode": "Fun"}, "mode", "fun, normal, spicy"),
        ("grok-imagine", "image", {"mode": "spicy"}, "mode", "fun, normal"),
        ("grok-imagine", "image", {"task_id": "abc"}, "task_id", ""),
        ("grok-imagine", "text", {"task_id": "abc"}, "task_id", ""),
        (
            "wan/2-7-r2v",
            "text",
            {"reference_image": CLIP * 3, "reference_video": CLIP * 3},
            "reference_image",
            "5 together",
        ),
        ("minimax-h3", "image", {"reference_image_urls": CLIP}, "reference_image_urls", ""),
        (
            "kling-3.0",
            "text",
            {"multi_shots": True},
            "multi_shots",
            "false, or a list in params.multi_prompt",
        ),
        (
            "kling-3.0-omni",
            "image",
            {"customize_multi_shots": True},
            "customize_multi_shots",
            "false, or a list in params.multi_prompt",
        ),
        ("bytedance/seedance-2-5", "text", {"output_format": "MP4"}, "output_format", "mp4, mov"),
        ("bytedance/seedance-2", "text", {"generate_audio": "true"}, "generate_audio", "true or false"),
        ("bytedance/seedance-2", "text", {"generate_audio": 1}, "generate_audio", "true or false"),
        (
            "bytedance/seedance-2",
            "text",
            {"reference_video_urls": CLIP * 4},
            "reference_video_urls",
            "at most 3 items",
        ),
        ("bytedance/seedance-2", "text", {"reference_video_urls": CLIP[0]}, "reference_video_urls", "a list"),
        ("bytedance/seedance-2", "image", {"reference_video_urls": CLIP}, "reference_video_urls", ""),
        ("bytedance/seedance-2-mini", "image", {"reference_image_urls": CLIP}, "reference_image_urls", ""),
        ("bytedance/seedance-2-5", "image", {"reference_audio_urls": CLIP}, "reference_audio_urls", ""),
        ("kling/v2-5-turbo-pro", "text", {"cfg_scale": 1.5}, "cfg_scale", "0 to 1"),
        ("kling-3.0", "both", {"multi_shots": True}, "multi_shots", "false"),
        ("veo-3-1", "image", {"model": "veo3"}, "model", "veo3_fast"),
        (
            "veo-3-1",
            "text",
            {"generation_type": "text_2_video"},
            "generation_type",
            "TEXT_2_VIDEO, REFERENCE_2_VIDEO",
        ),
        (
            "veo-3-1-lite",
            "image",
            {"generation_type": "REFERENCE_2_VIDEO"},
            "generation_type",
            "FIRST_AND_LAST_FRAMES_2_VIDEO",
        ),
        (
            "veo-3-1-quality",
            "text",
            {"generation_type": "REFERENCE_2_VIDEO"},
            "generation_type",
            "TEXT_2_VIDEO",
        ),
        ("sora-2", "text", {"upload_method": "S3"}, "upload_method", "s3, oss"),
    ],
)
def test_a_parameter_that_the_model_does_not_take_is_named_with_what_it_takes(
    model: str, start: str, params: dict[str, Any], blamed: str, allowed: str
) -> None:
    found = objected(model, shot(5, start=start, params=params))

    assert list(found) == [f"params.{blamed}"]
    assert found[f"params.{blamed}"].allowed == allowed


@pytest.mark.parametrize(
    ("model", "start", "field"),
    [
        ("kling/v2-1-pro", "image", "image_url"),
        ("kling-2.6", "image", "image_urls"),
        ("bytedance/seedance-2", "image", "first_frame_url"),
        ("bytedance/v1-pro", "text", "seed"),
        ("wan/2-7", "text", "ratio"),
        ("wan/2-6", "text", "resolution"),
        ("kling-3.0", "text", "mode"),
        ("pixverse-v6", "text", "quality"),
        ("sora-2", "text", "n_frames"),
        ("sora-2-pro-storyboard", "image", "shots"),
        ("hailuo/02-standard", "text", "duration"),
        ("veo-3-1", "text", "prompt"),
    ],
)
def test_fields_that_are_filled_from_the_shot_are_no_parameters(model: str, start: str, field: str) -> None:
    found = objected(model, shot(5, start=start, params={field: "x"}))

    assert list(found) == [f"params.{field}"]
    assert "shot's own keys" in found[f"params.{field}"].message


@pytest.mark.parametrize(
    ("model", "field"), [("kling/v2-1-pro", "tail_image_url"), ("bytedance/seedance-2", "last_frame_url")]
)
def test_a_last_frame_has_no_key_of_a_shot_and_may_be_given_by_its_address(model: str, field: str) -> None:
    request = shot(5, start="image", params={field: "https://example.com/last.png"})

    assert objected(model, request) == {}
    assert body(variant(model, request), request)["input"][field] == "https://example.com/last.png"


def test_parts_of_a_second_are_refused() -> None:
    assert list(objected("wan/2-7", shot(4.5))) == ["duration_s"]
    assert objected("wan/2-7", shot(4.0)) == {}


@pytest.mark.parametrize("model", ["hailuo/2-3-standard", "hailuo/2-3-pro"])
def test_hailuo_makes_no_ten_seconds_at_1080p(model: str) -> None:
    found = objected(model, shot(10, "1080p", start="image"))

    assert list(found) == ["duration_s"]
    assert found["duration_s"].allowed == "6, or 10 with resolution 768p"
    assert objected(model, shot(6, "1080p", start="image")) == {}
    assert objected(model, shot(10, "768p", start="image")) == {}


@pytest.mark.parametrize(
    ("model", "start", "least"),
    [("bytedance/seedance-2-mini", "text", 3), ("pixverse-v6", "both", 3), ("wan/2-6", "image", 2)],
)
def test_a_prompt_that_is_too_short_is_refused(model: str, start: str, least: int) -> None:
    found = objected(model, shot(5, start=start, prompt="x" * (least - 1)))

    assert list(found) == ["prompt"]
    assert found["prompt"].allowed == f"{least} characters or more"
    assert objected(model, shot(5, start=start, prompt="x" * least)) == {}


def test_a_clip_cannot_end_on_a_picture_where_the_model_does_not_take_one() -> None:
    assert list(objected("kling/v2-1-standard", shot(5, start="both"))) == ["last_image"]


def test_wan_with_references_needs_at_least_one() -> None:
    found = objected("wan/2-7-r2v", shot(5, start="image"))

    assert found["params"].allowed == "one of reference_image, reference_video"


def test_what_does_not_go_with_a_first_frame_is_said_before_the_frame_has_an_address() -> None:
    planned = shot(5, start="text", params={"reference_image_urls": ["https://example.com/cat.png"]})
    from_image = card("bytedance/seedance-2").variant(InputMode.IMAGE)
    assert from_image is not None

    assert [one.key for one in objections(from_image, planned)] == ["params.reference_image_urls"]


def unknown_model(name: str) -> Objection:
    """What is said about a model without a card."""
    stated = caps(name).request.objections
    assert stated is not None
    (objection,) = stated(shot())
    return objection


def test_an_unknown_model_is_answered_with_names_like_it_that_can_be_used() -> None:
    objection = unknown_model("bytedance/seedance-3")

    assert objection.key == "model"
    assert objection.value == "bytedance/seedance-3"
    assert "bytedance/seedance-2" in objection.allowed


def test_a_retired_model_is_never_suggested() -> None:
    assert "sora" not in unknown_model("sora-3").allowed
    assert "wan/2-7" in unknown_model("???").allowed


def test_a_retired_model_has_models_near_it() -> None:
    lifecycle = caps("sora-2").lifecycle

    assert lifecycle.successors == ("bytedance/seedance-2-mini", "veo-3-1", "grok-imagine")


def test_a_file_of_more_cards_adds_models_and_takes_precedence(tmp_path: Any) -> None:
    more = tmp_path / "more.yaml"
    more.write_text(
        "wan/4-0:\n  about: newer\n  as_of: 2026-11-22\n  source: mine\n  text: {id: wan/4-0-text-to-video}\n"
        "wan/2-7:\n  about: changed\n  as_of: 2026-11-22\n  source: mine\n  text: {id: wan/2-7-text-to-video}\n",
        encoding="utf-8",
    )

    found = MODELS.catalogue([str(more)])

    assert found.find("wan/4-0-text-to-video") is not None
    assert found.cards["wan/2-7"].about == "changed"
    assert CATALOGUE.cards["wan/2-7"].about != "changed"


def test_a_misspelt_key_in_a_file_of_cards_is_an_error_that_names_file_and_line(tmp_path: Any) -> None:
    more = tmp_path / "more.yaml"
    more.write_text(
        "wan/4-0:\n  about: a\n  as_of: 2026-11-22\n  source: s\n  text: {id: x, promt_max: 5}\n",
        encoding="utf-8",
    )

    with pytest.raises(ConfigError) as raised:
        MODELS.catalogue([str(more)])

    (problem,) = raised.value.problems
    assert problem.source == f"{more}:5"
    assert problem.key == "wan/4-0.text.promt_max"
    assert problem.allowed == "did you mean prompt_max?"
    assert str(MODELS.folder) in raised.value.hint
