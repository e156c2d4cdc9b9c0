"""Validation: which request each model takes, in which order it is looked at, and what is said against it."""

from __future__ import annotations

import pytest
from kie_customer import picture

URL = "https://example.org/frame.png"
UNKNOWN = (
    "The model name you specified is not supported. Please verify your input and use one of the supported models "
    "provided by KIE."
)
PAUSED = "This interface is temporarily paused."
NAMELESS = "This field is required"
OPTIONS = "is not within the range of allowed options"
DROPPED = object()

GOOD = {
    "kling-3.0/video": {
        "prompt": "p",
        "image_urls": [URL],
        "duration": "5",
        "mode": "pro",
        "sound": False,
        "multi_shots": False,
        "aspect_ratio": "16:9",
    },
    "kling-3.0-omni/image-to-video": {
        "prompt": "p",
        "image_urls": [URL],
        "duration": 5,
        "resolution": "720p",
    },
    "kling/v3-turbo-image-to-video": {
        "prompt": "p",
        "image_urls": [URL],
        "duration": "4",
        "resolution": "720p",
    },
    "kling/v3-turbo-text-to-video": {"prompt": "p", "duration": "4", "resolution": "720p"},
    "kling-2.6/image-to-video": {"prompt": "p", "image_urls": [URL], "duration": "5", "sound": False},
    "kling/v2-5-turbo-image-to-video-pro": {"prompt": "p", "image_url": URL, "duration": "5"},
    "kling/v2-1-pro": {"prompt": "p", "image_url": URL, "tail_image_url": URL, "duration": "10"},
    "kling/v2-1-standard": {"prompt": "p", "image_url": URL, "duration": "5"},
    "kling/v2-1-master-image-to-video": {"prompt": "p", "image_url": URL, "duration": "5"},
    "kling-3.0-omni/text-to-video": {"prompt": "p"},
    "bytedance/seedance-2": {"prompt": "cat", "first_frame_url": URL, "duration": 4, "resolution": "480p"},
    "bytedance/seedance-2-fast": {
        "prompt": "cat",
        "first_frame_url": URL,
        "last_frame_url": URL,
        "duration": 15,
    },
    "bytedance/seedance-2-mini": {"prompt": "cat", "duration": 4},
    "bytedance/seedance-2-5": {"prompt": "cat", "duration": -1, "aspect_ratio": "adaptive"},
    "bytedance/seedance-1.5-pro": {
        "prompt": "cat",
        "input_urls": [URL, URL],
        "duration": 4,
        "aspect_ratio": "1:1",
    },
    "bytedance/v1-pro-image-to-video": {"prompt": "p", "image_url": URL, "duration": "5", "seed": -1},
    "bytedance/v1-pro-fast-image-to-video": {"prompt": "p", "image_url": URL, "resolution": "720p"},
    "bytedance/v1-lite-image-to-video": {"prompt": "p", "image_url": URL, "end_image_url": URL},
    "wan/2-7-image-to-video": {"prompt": "p", "first_frame_url": URL, "duration": 2, "resolution": "1080p"},
    "wan/2-7-text-to-video": {"prompt": "p", "ratio": "4:3", "duration": 2},
    "wan/2-7-r2v": {"prompt": "p", "first_frame": URL, "duration": 2},
    "wan/2-6-image-to-video": {"prompt": "pp", "image_urls": [URL], "duration": "15"},
    "wan/2-6-flash-image-to-video": {"prompt": "pp", "image_urls": [URL], "audio": False},
    "wan/2-5-image-to-video": {"prompt": "p", "image_url": URL, "duration": "5"},
    "wan/2-2-a14b-image-to-video-turbo": {"prompt": "p", "image_url": URL, "resolution": "480p"},
    "wan/3-0-video": {"prompt": "p"},
    "wan/3-0-video-prime": {"prompt": "p"},
    "hailuo/2-3-image-to-video-standard": {
        "prompt": "p",
        "image_url": URL,
        "duration": "6",
        "resolution": "768P",
    },
    "hailuo/2-3-image-to-video-pro": {
        "prompt": "p",
        "image_url": URL,
        "duration": "10",
        "resolution": "768P",
    },
    "hailuo/02-image-to-video-standard": {"prompt": "p", "image_url": URL, "resolution": "512P"},
    "hailuo/02-image-to-video-pro": {"prompt": "p", "image_url": URL, "end_image_url": URL},
    "minimax-h3/image-to-video": {"prompt": "p", "last_frame_url": URL, "duration": 4, "resolution": "2K"},
    "grok-imagine/image-to-video": {"image_urls": [URL], "duration": "6", "mode": "fun"},
    "grok-imagine-video-1-5-preview": {"prompt": "p", "image_urls": [URL], "duration": 1},
    "happyhorse/image-to-video": {"prompt": "p", "image_urls": [URL], "duration": 3},
    "happyhorse-1-1/image-to-video": {"prompt": "p", "image_urls": [URL], "resolution": "1080p"},
    "pixverse-v6/image-to-video": {
        "prompt": "ppp",
        "image_urls": [URL, URL],
        "duration": 1,
        "quality": "360p",
    },
    "pixverse-v6/transition": {
        "prompt": "ppp",
        "first_frame_image_url": URL,
        "last_frame_image_url": URL,
        "quality": "540p",
    },
    "pixverse-v6/extend": {"prompt": "ppp", "video_url": URL, "duration": 1, "quality": "360p"},
    "grok-imagine/extend": {"task_id": "0" * 32, "prompt": "p", "extend_at": 2, "extend_times": "6"},
    "veo-3-1": {
        "model": "veo3_fast",
        "prompt": "p",
        "generation_type": "FIRST_AND_LAST_FRAMES_2_VIDEO",
        "image_urls": [URL],
        "aspect_ratio": "9:16",
        "duration": 8,
        "resolution": "720p",
    },
    "gemini-omni-video": {"prompt": "p", "image_urls": [URL], "duration": "4"},
}
"""A request that each model of the contract's table takes."""


@pytest.fixture
def rich(customer):
    """A customer whose tasks never run: nothing is fetched."""
    customer.emulator.account(customer.key, credits=100_000)
    customer.emulator.script(rules=[{"stuck": True}])
    return customer


@pytest.mark.parametrize("model", GOOD)
def test_every_model_of_the_contract_takes_a_good_request(rich, model):
    assert rich.create(model, **GOOD[model])["code"] == 200


S5 = {"16:9", "9:16", "1:1", "4:3", "3:4"}
RATIOS = {
    "happyhorse/text-to-video": S5,
    "happyhorse-1-1/text-to-video": S5 | {"4:5", "5:4", "9:21", "21:9"},
    "minimax-h3/text-to-video": S5 | {"21:9"},
    "pixverse-v6/text-to-video": S5 | {"2:3", "3:2", "21:9"},
    "bytedance/v1-pro-text-to-video": S5 | {"21:9"},
    "bytedance/v1-lite-text-to-video": S5 | {"9:21"},
}
"""What the client's cards say of text-to-video twins, from KIE's schemas of 2026-10-01."""


@pytest.mark.parametrize("model", RATIOS)
def test_a_text_to_video_twin_takes_the_ratios_of_its_newest_schema(rich, model):
    duration = "5" if model.startswith("bytedance/") else 5
    given = {"prompt": "ppp", "duration": duration, "quality": "360p"}

    taken = {
        ratio
        for ratio in set.union(*RATIOS.values())
        if rich.create(model, **given, aspect_ratio=ratio)["code"] == 200
    }

    assert taken == RATIOS[model]


def test_extra_fields_are_tolerated(rich):
    assert rich.create("kling/v2-1-pro", **GOOD["kling/v2-1-pro"], what_is_this=[1])["code"] == 200


@pytest.mark.parametrize(
    "name", ["no/such", "veo3", "veo3_fast", "Kling/v2-1-pro", "kling/v2-1-pro ", "", None, 7]
)
def test_an_unknown_model_is_422(rich, name):
    answer = rich.post("/api/v1/jobs/createTask", {"model": name, "input": {}})

    assert answer == {"code": 422, "msg": UNKNOWN, "data": None}


EMPTY = {
    "kling/ai-avatar-standard": "image_url is required",
    "infinitalk/from-audio": "image_url is required",
    "topaz/image-upscale": "image_url is required",
    "veed/fabric-1": "image_url is required",
    "topaz/video-upscale": "video_url is required",
    "grok-imagine/text-to-video": "prompt is required",
    "hailuo/02-text-to-video-pro": "prompt is required",
    "wan/2-5-text-to-video": "prompt is required",
    "kling/v2-1-pro": NAMELESS,
    "kling/v3-turbo-text-to-video": NAMELESS,
    "wan/2-6-text-to-video": NAMELESS,
    "minimax-h3/text-to-video": NAMELESS,
    "bytedance/seedance-2": "Please fill in the text prompt or image, video, or audio",
    "bytedance/seedance-2-fast": "Please fill in the text prompt or image, video, or audio",
    "wan/3-0-video": "prompt or media is required",
    "bytedance/v1-pro-text-to-video": "Server exception, please try again later or contact customer service",
    "sora-2-text-to-video": PAUSED,
    "sora-2-image-to-video": PAUSED,
    "sora-2-pro-storyboard": PAUSED,
}
"""What was measured."""


@pytest.mark.parametrize("model", EMPTY)
def test_an_empty_input_is_answered_as_it_was_measured(rich, model):
    assert rich.create(model) == {"code": 500, "msg": EMPTY[model], "data": None}
    assert rich.account().creations == 0


def test_grok_takes_an_empty_input_and_bills_it(rich):
    assert rich.create("grok-imagine/image-to-video")["code"] == 200
    assert rich.account().held > 0


STRING_FAMILY = [model for model, given in GOOD.items() if "image_url" in given]


@pytest.mark.parametrize("model", STRING_FAMILY)
@pytest.mark.parametrize("value", [DROPPED, "", None, "data:image/png;base64,iVBORw0KGgo=", "iVBORw0KGgo="])
def test_a_model_of_one_picture_names_its_field_unless_it_gets_an_address(rich, model, value):
    given = {**GOOD[model], "image_url": value}
    if value is DROPPED:
        del given["image_url"]

    assert rich.create(model, **given)["msg"] == "image_url is required"


@pytest.mark.parametrize(
    "model", ["kling/v2-1-pro", "wan/2-5-image-to-video", "hailuo/02-image-to-video-pro"]
)
def test_the_list_of_another_model_is_no_picture_for_this_one(rich, model):
    given = {name: value for name, value in GOOD[model].items() if name != "image_url"}

    assert rich.create(model, **given, image_urls=[URL])["msg"] == "image_url is required"


@pytest.mark.parametrize("model", ["kling-3.0/video", "wan/2-7-image-to-video"])
def test_a_misspelt_picture_makes_some_models_think_of_text(rich, model):
    given = {
        name: value
        for name, value in GOOD[model].items()
        if name not in ("image_urls", "first_frame_url", "aspect_ratio")
    }

    assert (
        rich.create(model, **given, image_ulrs=[URL])["msg"] == "aspect_ratio is required for text-to-video"
    )


REFUSED = [
    # Types: a number in quotes is a string
    ("kling/v2-1-pro", {"duration": 5}, "duration must be a string"),
    ("kling-3.0/video", {"duration": 5}, "duration must be a string with a whole number in it"),
    ("wan/2-6-image-to-video", {"duration": 5}, "duration must be a string"),
    ("hailuo/2-3-image-to-video-standard", {"duration": 6}, "duration must be a string"),
    ("bytedance/seedance-2", {"duration": "4"}, "duration must be an integer"),
    ("wan/2-7-image-to-video", {"duration": "5"}, "duration must be an integer"),
    ("minimax-h3/image-to-video", {"duration": "4"}, "duration must be an integer"),
    ("pixverse-v6/image-to-video", {"duration": 1.5}, "duration must be an integer"),
    ("veo-3-1", {"duration": "8"}, "duration must be a number"),
    ("kling-3.0/video", {"sound": "false"}, "sound must be a boolean"),
    ("bytedance/seedance-2", {"duration": True}, "duration must be an integer"),
    # Arity
    ("kling-2.6/image-to-video", {"image_urls": URL}, "image_urls must be an array of URLs"),
    ("kling/v2-1-pro", {"image_url": [URL]}, "image_url must be a URL"),
    ("kling-2.6/image-to-video", {"image_urls": [URL, URL]}, "image_urls: the length must not exceed 1"),
    ("kling-3.0/video", {"image_urls": [URL] * 3}, "image_urls: the length must not exceed 2"),
    ("grok-imagine-video-1-5-preview", {"image_urls": [URL] * 8}, "image_urls: the length must not exceed 7"),
    ("bytedance/seedance-1.5-pro", {"input_urls": [URL] * 3}, "input_urls: the length must not exceed 2"),
    ("kling-2.6/image-to-video", {"image_urls": []}, NAMELESS),
    # Enums, with their case
    ("hailuo/2-3-image-to-video-standard", {"resolution": "768p"}, f"resolution {OPTIONS}"),
    ("hailuo/2-3-image-to-video-standard", {"resolution": "1080P", "duration": "10"}, f"duration {OPTIONS}"),
    ("kling-3.0/video", {"mode": "4k"}, f"mode {OPTIONS}"),
    ("kling-3.0-omni/image-to-video", {"resolution": "4K"}, f"resolution {OPTIONS}"),
    ("kling-3.0/video", {"aspect_ratio": "4:3"}, f"aspect_ratio {OPTIONS}"),
    ("bytedance/seedance-2-fast", {"resolution": "1080p"}, f"resolution {OPTIONS}"),
    ("bytedance/v1-pro-fast-image-to-video", {"resolution": "480p"}, f"resolution {OPTIONS}"),
    ("minimax-h3/image-to-video", {"resolution": "2k"}, f"resolution {OPTIONS}"),
    ("kling/v2-1-pro", {"duration": "7"}, f"duration {OPTIONS}"),
    ("veo-3-1", {"duration": 5}, f"duration {OPTIONS}"),
    ("veo-3-1", {"model": "veo3_quality"}, f"model {OPTIONS}"),
    # Ranges
    ("kling-3.0/video", {"duration": "16"}, "duration: the value must not exceed 15"),
    ("bytedance/seedance-2", {"duration": 3}, "duration: the value must be at least 4"),
    ("bytedance/seedance-2", {"duration": 10**400}, "duration: the value must not exceed 15"),
    ("kling/v2-5-turbo-image-to-video-pro", {"cfg_scale": 1.1}, "cfg_scale: the value must not exceed 1"),
    # Lengths
    ("kling-2.6/image-to-video", {"prompt": "p" * 1001}, "prompt: the length must not exceed 1000"),
    ("wan/2-5-image-to-video", {"prompt": "p" * 801}, "prompt: the length must not exceed 800"),
    ("bytedance/seedance-2", {"prompt": "pp"}, "prompt: the length must be at least 3"),
    ("wan/2-6-image-to-video", {"prompt": "p"}, "prompt: the length must be at least 2"),
    # Required
    ("kling-3.0/video", {"mode": None}, NAMELESS),
    ("kling-3.0/video", {"multi_shots": None}, NAMELESS),
    ("pixverse-v6/image-to-video", {"quality": None}, "quality is required"),
    ("pixverse-v6/transition", {"last_frame_image_url": None}, "last_frame_image_url is required"),
    ("happyhorse/image-to-video", {"image_urls": None}, "image_urls is required"),
    ("minimax-h3/image-to-video", {"last_frame_url": None}, NAMELESS),
    ("grok-imagine/image-to-video", {"duration": 6}, "duration must be a string with a whole number in it"),
    # Objects in a list
    (
        "kling-3.0/video",
        {"multi_prompt": [{"prompt": "a", "duration": 3}, {"prompt": "b" * 501, "duration": 3}]},
        "multi_prompt[1]: prompt: the length must not exceed 500",
    ),
    ("kling-3.0/video", {"multi_prompt": ["a"]}, "multi_prompt[0] must be an object"),
    (
        "kling-3.0/video",
        {"kling_elements": [{"name": "n", "description": "d", "element_input_urls": [URL]}]},
        "kling_elements[0]: element_input_urls: the length must be at least 2",
    ),
    # Together
    (
        "bytedance/seedance-2",
        {"reference_image_urls": [URL]},
        "first_frame_url and reference_image_urls cannot be used together",
    ),
    (
        "bytedance/seedance-2",
        {"reference_video_urls": [URL], "reference_audio_urls": [URL]},
        "first_frame_url and reference_video_urls cannot be used together",
    ),
    (
        "bytedance/seedance-2-5",
        {"first_frame_url": URL, "reference_audio_urls": [URL]},
        "first_frame_url and reference_audio_urls cannot be used together",
    ),
    ("kling-3.0/video", {"multi_shots": True}, "multi_prompt is required"),
    ("kling-3.0/video", {"multi_shots": True, "multi_prompt": []}, "multi_prompt is required"),
    ("veo-3-1", {"image_urls": None}, "image_urls is required"),
    ("veo-3-1", {"image_urls": []}, "image_urls is required"),
    ("veo-3-1", {"image_urls": [URL] * 3}, "image_urls: the length must not exceed 2"),
    (
        "veo-3-1",
        {"generation_type": "REFERENCE_2_VIDEO", "model": "veo3"},
        f"generation_type {OPTIONS}",
    ),
    (
        "veo-3-1",
        {"generation_type": "REFERENCE_2_VIDEO", "image_urls": None},
        "image_urls is required",
    ),
    (
        "pixverse-v6/extend",
        {"taskId": "0" * 32},
        "video_url and taskId cannot be used together",
    ),
    ("pixverse-v6/extend", {"video_url": None}, "video_url is required"),
    (
        "grok-imagine/image-to-video",
        {"task_id": "0" * 32},
        "image_urls and task_id cannot be used together",
    ),
    (
        "wan/2-7-r2v",
        {"reference_image": [URL] * 3, "reference_video": [URL] * 3},
        "reference_image and reference_video: the length must not exceed 5 together",
    ),
    ("grok-imagine/extend", {"extend_times": 7}, f"extend_times {OPTIONS}"),
    ("grok-imagine/extend", {"extend_times": "7"}, f"extend_times {OPTIONS}"),
    ("grok-imagine/extend", {"extend_times": True}, "extend_times must be a number or a string"),
    ("grok-imagine/extend", {"extend_times": [6]}, "extend_times must be a number or a string"),
    ("grok-imagine/extend", {"extend_times": None}, "extend_times is required"),
    ("bytedance/seedance-2-5", {"last_frame_url": URL}, "first_frame_url is required"),
]


TAKEN = [
    ("bytedance/seedance-2", {"reference_audio_urls": [URL]}),
    ("bytedance/seedance-2-fast", {"reference_audio_urls": [URL]}),
    ("bytedance/seedance-2-mini", {"first_frame_url": URL, "reference_audio_urls": [URL]}),
    ("kling-3.0/video", {"multi_prompt": []}),
    ("kling-3.0/video", {"multi_shots": True, "multi_prompt": [{"prompt": "a", "duration": 5}]}),
    ("veo-3-1", {"image_urls": [URL] * 2}),
    ("veo-3-1", {"image_urls": None, "generation_type": "TEXT_2_VIDEO"}),
    ("veo-3-1", {"image_urls": [URL] * 3, "generation_type": "REFERENCE_2_VIDEO"}),
    ("veo-3-1", {"model": "veo3_lite", "generation_type": "REFERENCE_2_VIDEO"}),
    ("pixverse-v6/extend", {"video_url": None, "taskId": "0" * 32}),
    ("grok-imagine/image-to-video", {"image_urls": None, "task_id": "0" * 32, "index": 5}),
    ("wan/2-7-r2v", {"reference_image": [URL] * 3, "reference_video": [URL] * 2}),
    ("grok-imagine/extend", {"extend_times": 6}),
    ("grok-imagine/extend", {"extend_times": 10}),
    ("grok-imagine/extend", {"extend_times": "10"}),
]
"""Requests that are as far as they may go."""


@pytest.mark.parametrize(("model", "change"), TAKEN)
def test_what_is_still_allowed_is_taken(rich, model, change):
    assert rich.create(model, **{**GOOD[model], **change})["code"] == 200


@pytest.mark.parametrize(("model", "change", "message"), REFUSED)
def test_a_wrong_field_is_refused_with_500_and_costs_nothing(rich, model, change, message):
    answer = rich.create(model, **{**GOOD[model], **change})

    assert answer == {"code": 500, "msg": message, "data": None}
    assert (rich.account().creations, rich.account().held) == (0, 0)


def test_what_is_missing_is_told_before_what_is_wrong(rich):
    given = {**GOOD["kling/v2-1-pro"], "duration": "7", "image_url": ""}

    assert rich.create("kling/v2-1-pro", **given)["msg"] == "image_url is required"


def test_paused_is_told_before_what_is_missing(rich):
    assert rich.create("sora-2-image-to-video", prompt=7)["msg"] == PAUSED


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b'"x"', b"\xff", b"", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(rich, body):
    answer = rich.http.post("/api/v1/jobs/createTask", content=body)

    assert (answer.status_code, answer.json()["code"]) == (200, 500)


@pytest.mark.parametrize("given", [None, [], "x", 7])
def test_an_input_that_is_no_object_is_refused(rich, given):
    answer = rich.post("/api/v1/jobs/createTask", {"model": "kling/v2-1-pro", "input": given})

    assert answer["code"] == 500


def test_legacy_sora_runs_when_it_is_asked_for(started):
    customer = started("--legacy-sora", "--task-seconds", "0")

    paused = customer.create("sora-2-image-to-video", prompt="p")
    task = customer.made("sora-2-text-to-video", prompt="p", n_frames="10", aspect_ratio="portrait")
    data = customer.end(task)

    assert paused["msg"] == "image_urls is required"
    assert '"resultWaterMarkUrls":[' in data["resultJson"]
    assert data["creditsConsumed"] == 30.0
    clip = customer.clip(task)
    assert (clip.duration_s, clip.size[0] < clip.size[1]) == (pytest.approx(10), True)


def test_legacy_sora_makes_stories_and_characters(started):
    customer = started("--legacy-sora", "--task-seconds", "0")
    scenes = [{"Scene": "a", "duration": 4}, {"Scene": "b", "duration": 0.05}]

    wrong = customer.create("sora-2-pro-storyboard", shots=scenes)
    actor = customer.upload(b"a clip", "a.mp4")
    task = customer.made("sora-2-characters", character_file_url=[actor])
    nobody = customer.made("sora-2-characters", character_file_url=["http://127.0.0.1:9/a.mp4"])

    assert wrong["msg"] == "shots[1]: duration: the value must be at least 0.1"
    assert '"resultObject":{"characterId":' in customer.end(task)["resultJson"]
    assert customer.end(nobody)["state"] == "fail"


def test_the_shots_of_a_story_share_its_seconds(started):
    customer = started("--legacy-sora", "--task-seconds", "0")

    def story(*durations, **given):
        shots = [{"Scene": "a", "duration": one} for one in durations]
        return customer.create("sora-2-pro-storyboard", shots=shots, **given)

    assert story(4, 4, 2.5, n_frames="10")["msg"] == "shots: the durations must not exceed 10 together"
    assert story(4, 4, 2, n_frames="10")["code"] == 200
    assert story(15, 0.1)["msg"] == "shots: the durations must not exceed 15 together", "15 by default"
    assert story(0.3, 8.3, 6.4)["code"] == 200, "a plain sum of these floats is a little more than 15"
    assert story(15, 10, n_frames="25")["code"] == 200
    assert story(15, 0.1, n_frames=[])["msg"] == "n_frames must be a string"


def test_an_upscaler_gives_back_what_it_got(customer):
    data = picture()
    task = customer.made("topaz/image-upscale", image_url=customer.upload(data))

    url = customer.url(task)

    assert url.endswith(".png")
    assert customer.stranger.get(url).content == data


PRICES = [
    ("kling-3.0/video", {"duration": "5"}, 90.0),
    ("kling-3.0/video", {"duration": "5", "sound": True}, 135.0),
    ("kling-3.0-omni/image-to-video", {}, 70.0),
    ("kling-3.0-omni/image-to-video", {"resolution": "1080p", "audio": True}, 115.0),
    ("kling-3.0-omni/image-to-video", {"resolution": "4k"}, 335.0),
    ("kling/v3-turbo-image-to-video", {}, 72.0),
    ("kling/v2-1-pro", {"duration": "5"}, 50.0),
    ("kling/v2-1-standard", {"duration": "10"}, 50.0),
    ("kling/v2-5-turbo-image-to-video-pro", {}, 42.0),
    ("kling-2.6/image-to-video", {"sound": True}, 110.0),
    ("bytedance/seedance-2", {}, 76.0),
    ("bytedance/seedance-2", {"resolution": None}, 164.0),
    ("bytedance/seedance-2-5", {"duration": 4, "resolution": "480p"}, 112.0),
    ("bytedance/v1-lite-image-to-video", {"duration": "10", "resolution": "1080p"}, 100.0),
    ("wan/2-6-image-to-video", {"duration": "5"}, 104.5),
    ("wan/2-5-image-to-video", {}, 60.0),
    ("wan/2-2-a14b-image-to-video-turbo", {"resolution": "720p"}, 80.0),
    ("hailuo/2-3-image-to-video-standard", {}, 30.0),
    ("minimax-h3/image-to-video", {}, 52.0),
    ("minimax-h3/image-to-video", {"resolution": None}, 32.0),
    ("grok-imagine/image-to-video", {}, 14.4),
    ("happyhorse-1-1/image-to-video", {}, 145.0),
    ("pixverse-v6/image-to-video", {"duration": 5, "quality": "1080p"}, 72.0),
    ("veo-3-1", {}, 60.0),
    ("veo-3-1", {"duration": 4}, 60.0),
    ("veo-3-1", {"duration": 6}, 60.0),
    ("pixverse-v6/image-to-video", {"generate_audio_switch": False}, 4.0),
    ("pixverse-v6/transition", {"duration": 5}, 28.0),
    ("bytedance/seedance-2", {"reference_audio_urls": [URL]}, 76.0),
    ("veo-3-1", {"model": "veo3", "resolution": "1080p"}, 255.0),
]


@pytest.mark.parametrize(("model", "change", "credits"), PRICES)
def test_prices_are_those_of_the_contract(rich, model, change, credits):
    task = rich.made(model, **{**GOOD[model], **change})

    assert rich.record(task)["data"]["creditsConsumed"] == credits
    assert rich.emulator.books().tasks[task].price_known


@pytest.mark.parametrize(
    ("model", "change", "credits"),
    [
        ("wan/2-7-image-to-video", {}, 40.0),
        ("kling-3.0/video", {"mode": "std"}, 100.0),
        ("veo-3-1", {"resolution": "4k"}, 160.0),
        ("kling-3.0-omni/text-to-video", {}, 100.0),
        ("pixverse-v6/image-to-video", {"generate_audio_switch": True}, 20.0),
        ("pixverse-v6/transition", {"generate_audio_switch": True}, 100.0),
        ("bytedance/seedance-2", {"first_frame_url": None, "reference_video_urls": [URL]}, 80.0),
        ("bytedance/seedance-2-mini", {"reference_video_urls": [URL]}, 80.0),
        ("bytedance/seedance-2-5", {"duration": 4, "reference_video_urls": [URL]}, 80.0),
        ("wan/3-0-video-prime", {"resolution": "720p"}, 100.0),
    ],
)
def test_an_unknown_price_is_20_credits_a_second_and_told_as_such(rich, model, change, credits):
    task = rich.made(model, **{**GOOD[model], **change})

    assert rich.record(task)["data"]["creditsConsumed"] == credits
    assert not rich.emulator.books().tasks[task].price_known


def test_the_catalogue_and_the_price_feed_agree_with_the_bills(rich, shared):
    models = rich.get("/api/v1/models")["data"]
    page = rich.stranger.post(
        shared.url + "/client/v1/model-pricing/page",
        json={"pageNum": 1, "pageSize": 5, "modelDescription": "minimax", "interfaceType": ""},
    ).json()["data"]

    assert models["total"] == len(models["models"])
    assert set(GOOD) <= {one["model"] for one in models["models"]}
    assert page["total"] == 4
    assert page["pages"] == 1
    assert {(one["anchor"], one["creditPrice"], one["usdPrice"]) for one in page["records"]} == {
        (f"https://kie.ai/market?model=minimax-h3/{twin}", credits, usd)
        for twin in ("image-to-video", "text-to-video")
        for credits, usd in (("8", "0.040"), ("13", "0.065"))
    }


def test_the_schema_of_a_model_keeps_the_slash_of_its_name(rich):
    known = rich.get("/api/v1/models/wan/2-7-r2v/schema")
    unknown = rich.get("/api/v1/models/no/such/schema")

    assert known == {"code": 200, "msg": "success", "data": {"model": "wan/2-7-r2v", "openapi": None}}
    assert unknown["code"] == 404
