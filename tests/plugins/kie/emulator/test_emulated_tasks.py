"""A task's way from creation to its clip, and how recordInfo tells of it."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise

import av
import numpy as np
import pytest
from kie_customer import Clip, picture, pixels, psnr

FETCH_FAILED = "Image fetch failed. Check access settings or use our File Upload API instead."
NO_AUDIO = "The Google model was unable to generate audio for this request"
KEYS = [
    "taskId",
    "model",
    "state",
    "param",
    "resultJson",
    "failCode",
    "failMsg",
    "costTime",
    "completeTime",
    "createTime",
    "creditsConsumed",
]


def image_to_video(customer, url, **given):
    return customer.made("kling/v2-1-pro", **{"prompt": "pour", "image_url": url, "duration": "5", **given})


def test_a_creation_answers_with_32_hex_digits_twice(customer):
    data = customer.create()["data"]

    assert list(data) == ["taskId", "recordId"]
    assert data["taskId"] == data["recordId"]
    assert re.fullmatch("[0-9a-f]{32}", data["taskId"])


def test_a_running_task_has_the_recorded_fields_in_the_recorded_order(customer):
    customer.emulator.script(rules=[{"seconds": 60}])
    task = customer.made(prompt="café\n'x'")

    answer = customer.record(task)
    data = answer["data"]

    assert list(answer) == ["code", "msg", "data"]
    assert list(data) == KEYS
    assert data | {"createTime": 0, "param": ""} == {
        "taskId": task,
        "model": "kling/v2-1-master-text-to-video",
        "state": "waiting",
        "param": "",
        "resultJson": "",
        "failCode": None,
        "failMsg": None,
        "costTime": None,
        "completeTime": None,
        "createTime": 0,
        "creditsConsumed": 160.0,
    }
    assert isinstance(data["createTime"], int)


def test_the_input_comes_back_as_json_inside_json_with_defaults(customer):
    customer.emulator.script(rules=[{"seconds": 60}])
    task = customer.made("bytedance/seedance-2", prompt="café", duration=4)

    param = json.loads(customer.record(task)["data"]["param"])

    assert set(param) == {"input", "model"}
    assert json.loads(param["input"]) == {
        "prompt": "café",
        "duration": 4,
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "generate_audio": True,
    }


def test_success_tells_its_whole_seconds_and_its_address_in_a_string(customer):
    customer.emulator.script(rules=[{"seconds": 155.4}])
    task = customer.made()
    customer.emulator.advance(156)

    data = customer.end(task)

    assert list(data) == KEYS
    assert (data["state"], data["failCode"], data["failMsg"]) == ("success", None, None)
    assert data["costTime"] == (data["completeTime"] - data["createTime"]) // 1000 >= 155
    assert list(json.loads(data["resultJson"])) == ["resultUrls"]


def test_failure_tells_its_code_as_a_string(customer):
    customer.emulator.script(rules=[{"fail": {"msg": "CONTENT_POLICY_BLOCKED: no", "code": "501"}}])

    data = customer.end(customer.made())

    assert (data["state"], data["resultJson"], data["costTime"]) == ("fail", "", None)
    assert (data["failCode"], data["failMsg"]) == ("501", "CONTENT_POLICY_BLOCKED: no")
    assert data["completeTime"] >= data["createTime"]


def test_the_states_of_a_path_follow_each_other(customer):
    customer.emulator.script(rules=[{"seconds": 30, "states": ["waiting", "queuing", "generating"]}])
    task = customer.made()
    states = []
    for _ in range(3):
        states.append(customer.record(task)["data"]["state"])
        customer.emulator.advance(10)

    assert states == ["waiting", "queuing", "generating"]
    assert customer.end(task)["state"] == "success"


def test_a_task_waits_and_generates_by_default_and_the_speed_divides_its_time(started):
    customer = started("--task-seconds", "100", "--speed", "10")
    task = customer.made()
    waiting = customer.record(task)["data"]["state"]
    customer.emulator.advance(6)
    generating = customer.record(task)["data"]["state"]
    customer.emulator.advance(4)

    assert (waiting, generating, customer.end(task)["state"]) == ("waiting", "generating", "success")


def test_a_fresh_task_may_not_be_known_yet(started):
    customer = started("--grace-seconds", "5", "--task-seconds", "0")
    task = customer.made()

    early = customer.record(task)
    customer.emulator.advance(5)

    assert early == {"code": 422, "msg": "recordInfo is null", "data": None}
    assert customer.end(task)["state"] == "success"


def test_a_poll_needs_a_task(customer):
    assert customer.get("/api/v1/jobs/recordInfo")["msg"] == "taskId parameter is required"
    assert customer.record("")["code"] == 400
    assert customer.record("nobody")["code"] == 422


# --- clips --------------------------------------------------------------------------------------------------------


def test_a_clip_starts_at_the_given_picture_and_moves_on(customer):
    given = picture(256, 144, seed=1)

    clip = customer.clip(image_to_video(customer, customer.upload(given)))

    assert (clip.codec, clip.size, clip.duration_s) == ("h264", (256, 144), pytest.approx(5))
    assert psnr(clip.frames[0], pixels(given)) > 30
    assert psnr(clip.frames[-1], clip.frames[0]) < 25
    differences = [
        float(np.abs(one.astype(int) - other).mean())
        for one, other in zip(clip.frames, clip.frames[1:], strict=False)
    ]
    assert min(differences) > 0, "no frame stands still"


def test_a_clip_leaves_the_given_picture_softly(customer):
    given = picture(256, 144, seed=1)

    frames = customer.clip(image_to_video(customer, customer.upload(given))).frames

    steps = [int(np.abs(one.astype(int) - other).max()) for one, other in pairwise(frames)]
    assert max(steps) < 90, "nothing jumps, and no edge runs through the picture"


def test_a_caption_stands_in_the_middle_of_a_clip_and_not_in_the_frames_that_are_handed_over(customer):
    # The scene is the prompt's, too: the caption is what differs between models.
    made = (
        customer.made("kling/v2-1-master-text-to-video", prompt="pour", duration="5"),
        customer.made("kling/v2-5-turbo-text-to-video-pro", prompt="pour", duration="5"),
    )
    one, two = (customer.clip(task).frames for task in made)

    steps = [np.abs(a.astype(int) - b).max() for a, b in zip(one, two, strict=True)]
    assert steps[len(steps) // 2] > 40
    assert max(steps[0], steps[-1]) < 25


@pytest.mark.parametrize(
    ("field", "tracks"),
    [
        ({}, ["video", "audio"]),
        ({"generate_audio": True}, ["video", "audio"]),
        ({"generate_audio": False}, ["video"]),
    ],
)
def test_a_clip_has_sound_unless_it_is_turned_off(customer, field, tracks):
    task = customer.made("bytedance/seedance-2", prompt="cat", duration=4, resolution="480p", **field)

    with av.open(io.BytesIO(customer.stranger.get(customer.url(task)).content)) as clip:
        assert [stream.type for stream in clip.streams] == tracks
        assert {float(stream.duration * stream.time_base) for stream in clip.streams} == {4.0}
        if "audio" in tracks:
            loudest = max(np.abs(frame.to_ndarray()).max() for frame in clip.decode(audio=0))
            assert 0.02 < loudest < 0.5


def test_clips_can_be_chained_frame_by_frame(customer):
    frame = picture(256, 144, seed=2)
    for _ in range(3):
        clip = customer.clip(image_to_video(customer, customer.upload(frame)))
        assert psnr(clip.frames[0], pixels(frame)) > 30
        frame = encoded(clip.frames[-1])


def encoded(rgb):
    from runner.media import picture

    return picture.encode(rgb).data


def test_a_clip_ends_on_the_last_picture(customer):
    first, last = picture(seed=3), picture(seed=4)

    clip = customer.clip(
        image_to_video(
            customer, customer.upload(first, "first.png"), tail_image_url=customer.upload(last, "last.png")
        )
    )

    assert psnr(clip.frames[0], pixels(first)) > 30
    assert psnr(clip.frames[-1], pixels(last)) > 30


def test_the_second_of_two_pictures_is_the_last_one(customer):
    first, last = picture(seed=3), picture(seed=4)
    urls = [customer.upload(first, "first.png"), customer.upload(last, "last.png")]

    clip = customer.clip(customer.made("veo-3-1", prompt="p", image_urls=urls, duration=4))

    assert clip.duration_s == pytest.approx(4)
    assert psnr(clip.frames[0], pixels(first)) > 30
    assert psnr(clip.frames[-1], pixels(last)) > 30


def test_reference_pictures_are_no_first_frame(customer):
    given = picture(seed=5)

    clip = customer.clip(
        customer.made(
            "veo-3-1",
            prompt="p",
            image_urls=[customer.upload(given)],
            generation_type="REFERENCE_2_VIDEO",
            duration=4,
        )
    )

    assert psnr(clip.frames[0], pixels(given)) < 20


def test_a_clip_goes_on_from_another_clip(customer):
    before = customer.url(customer.made())
    last = Clip(customer.stranger.get(before).content).frames[-1]

    clip = customer.clip(
        customer.made(
            "wan/2-7-image-to-video", prompt="on", first_clip_url=before, aspect_ratio="16:9", duration=2
        )
    )

    assert psnr(clip.frames[0], last) > 30
    assert [one["url"] for one in customer.emulator.books().fetches].count(before) == 1


@pytest.mark.parametrize(
    ("ratio", "size"), [("16:9", (256, 144)), ("9:16", (144, 256)), ("1:1", (144, 144)), ("21:9", (336, 144))]
)
def test_a_clip_without_a_picture_has_the_asked_shape(customer, ratio, size):
    clip = customer.clip(
        customer.made("bytedance/seedance-2", prompt="cat", aspect_ratio=ratio, resolution="480p", duration=4)
    )

    assert clip.size == size


def test_a_picture_of_another_shape_is_scaled_and_cropped(customer):
    wide = picture(512, 144, seed=6)
    url = customer.upload(wide)

    clip = customer.clip(
        customer.made("veo-3-1", prompt="p", image_urls=[url], aspect_ratio="16:9", duration=4)
    )

    assert clip.size == (256, 144)
    assert psnr(clip.frames[0], pixels(wide)[:, 128:384]) > 30


def test_a_picture_of_an_absurd_shape_does_not_make_an_absurd_clip(customer):
    assert customer.clip(image_to_video(customer, customer.upload(picture(3000, 4)))).size == (576, 144)


def test_a_model_that_follows_its_picture_ignores_the_asked_ratio(customer):
    clip = customer.clip(
        customer.made(
            "kling-3.0/video",
            prompt="p",
            image_urls=[customer.upload(picture(144, 256))],
            duration="3",
            mode="std",
            sound=False,
            multi_shots=False,
            aspect_ratio="16:9",
        )
    )

    assert clip.size == (144, 256)


def test_resolutions_are_those_that_were_asked_for(started):
    customer = started("--max-short-side", "9999", "--task-seconds", "0", "--fps", "4")
    sizes = [
        customer.clip(
            customer.made("pixverse-v6/text-to-video", prompt="ppp", duration=1, quality=quality)
        ).size
        for quality in ("360p", "720p")
    ]

    assert sizes == [(640, 360), (1280, 720)]


def test_prompts_look_different_and_the_same_request_the_same(customer):
    one, other, again = (
        customer.stranger.get(customer.url(customer.made(prompt=prompt))).content for prompt in "aba"
    )

    assert one == again
    assert psnr(Clip(one).frames[0], Clip(other).frames[0]) < 30


# --- pictures that cannot be used ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/frame.png",
        "blob:http://example.org/1",
        "file:///etc/passwd",
        "ftp://127.0.0.1/frame.png",
        "http://",
        "http://127.0.0.1:99999/x",
    ],
)
def test_a_picture_that_cannot_be_fetched_fails_the_task_later(customer, url):
    data = customer.end(image_to_video(customer, url))

    assert (data["state"], data["failCode"], data["failMsg"]) == ("fail", "400", FETCH_FAILED)
    assert data["creditsConsumed"] == 0.0


def test_inline_pictures_in_an_optional_field_fail_the_task(customer):
    task = customer.made(
        "bytedance/seedance-2", prompt="cat", first_frame_url="data:image/png;base64,iVBORw0KGgo=", duration=4
    )

    assert customer.end(task)["failMsg"] == FETCH_FAILED


NOWHERE = "http://127.0.0.1:9/a.mp4"
WITH_MEDIA = [
    ("bytedance/seedance-2", {"prompt": "cat", "duration": 4}, "reference_video_urls", True),
    ("bytedance/seedance-2", {"prompt": "cat", "duration": 4}, "reference_audio_urls", True),
    ("wan/2-7-r2v", {"prompt": "p", "duration": 2}, "reference_video", True),
    ("wan/2-7-image-to-video", {"prompt": "p", "aspect_ratio": "1:1"}, "first_clip_url", False),
    ("wan/2-7-image-to-video", {"prompt": "p", "aspect_ratio": "1:1"}, "driving_audio_url", False),
    ("pixverse-v6/extend", {"prompt": "ppp", "duration": 1, "quality": "360p"}, "video_url", False),
    ("topaz/video-upscale", {}, "video_url", False),
]
"""Fields for clips and sound: model, what else it needs, the field, whether it takes several."""


@pytest.mark.parametrize(("model", "given", "field", "several"), WITH_MEDIA)
def test_a_clip_or_sound_that_cannot_be_fetched_fails_the_task_later(customer, model, given, field, several):
    task = customer.made(model, **given, **{field: [NOWHERE] if several else NOWHERE})

    data = customer.end(task)

    assert (data["state"], data["failCode"], data["failMsg"]) == ("fail", "400", FETCH_FAILED)
    assert data["creditsConsumed"] == 0.0


@pytest.mark.parametrize(
    "url", ["blob:http://example.org/1", "file:///etc/passwd", "data:video/mp4;base64,AAAA", "http://"]
)
def test_the_addresses_of_references_have_the_rules_of_those_of_pictures(customer, url):
    good = customer.upload(b"a clip", "a.mp4")
    task = customer.made("bytedance/seedance-2", prompt="cat", duration=4, reference_video_urls=[good, url])

    assert customer.end(task)["failMsg"] == FETCH_FAILED


def test_references_that_can_be_fetched_are_asked_for_and_not_fetched_whole(customer):
    clip, sound = customer.upload(bytes(1_000_000), "a.mp4"), customer.upload(bytes(1_000_000), "a.mp3")
    task = customer.made(
        "bytedance/seedance-2",
        prompt="cat",
        duration=4,
        reference_video_urls=[clip],
        reference_audio_urls=[sound],
    )

    assert customer.end(task)["state"] == "success"
    fetches = [one for one in customer.emulator.books().fetches if one["url"] in (clip, sound)]
    assert {one["url"] for one in fetches} == {clip, sound}
    assert all(0 < one["size"] < 10_000 and not one["problem"] for one in fetches)
    seen = [one for one in customer.emulator.books().downloads if one["path"] in clip + sound]
    assert [(one["method"], one["headers"]["range"]) for one in seen] == [("GET", "bytes=0-1023")] * 2


def test_a_reference_is_not_fetched_whole_from_where_no_parts_can_be_asked_for(customer):
    customer.emulator.script(uploaded=[{"answer": "oversized", "size": 50_000_000}])
    clip = customer.upload(b"a clip", "a.mp4")
    task = customer.made("bytedance/seedance-2", prompt="cat", duration=4, reference_video_urls=[clip])

    assert customer.end(task)["state"] == "success"
    (fetch,) = [one for one in customer.emulator.books().fetches if one["url"] == clip]
    assert 0 < fetch["size"] < 10_000


@pytest.mark.parametrize("step", ["page", "404", "empty", "drop"])
def test_a_reference_that_is_none_fails_the_task(customer, step):
    customer.emulator.script(uploaded=[step])
    clip = customer.upload(b"a clip", "a.mp4")
    task = customer.made("bytedance/seedance-2", prompt="cat", duration=4, reference_video_urls=[clip])

    assert customer.end(task)["failMsg"] == FETCH_FAILED


def test_a_reference_that_takes_too_long_fails_the_task(started):
    customer = started("--fetch-timeout", "0.3", "--task-seconds", "0")
    customer.emulator.script(uploaded=["hang"])
    clip = customer.upload(b"a clip", "a.mp4")
    task = customer.made("bytedance/seedance-2", prompt="cat", duration=4, reference_video_urls=[clip])

    assert customer.end(task)["failMsg"] == FETCH_FAILED


@pytest.mark.parametrize("step", ["page", "404", "empty", "cut", "drop"])
def test_a_picture_that_is_none_fails_the_task(customer, step):
    customer.emulator.script(uploaded=[step])

    data = customer.end(image_to_video(customer, customer.upload()))

    assert (data["failCode"], data["failMsg"]) == ("400", FETCH_FAILED)


def test_a_redirect_to_a_page_is_no_picture_and_one_to_a_picture_is(customer):
    good = customer.upload(name="good.png")
    customer.emulator.script(
        uploaded=[
            {"answer": "redirect", "to": f"{customer.emulator.url}/nowhere"},
            {"answer": "redirect", "to": good},
        ]
    )
    urls = [customer.upload(name="a.png"), customer.upload(name="b.png")]

    states = [customer.end(image_to_video(customer, url))["state"] for url in urls]

    assert states == ["fail", "success"]


def test_a_picture_larger_than_the_model_takes_fails_the_task(customer):
    customer.emulator.script(uploaded=[{"answer": "oversized", "size": 10_500_000}])

    assert customer.end(image_to_video(customer, customer.upload()))["failMsg"] == FETCH_FAILED


def test_a_picture_that_takes_too_long_fails_the_task(started):
    customer = started("--fetch-timeout", "0.3", "--task-seconds", "0")
    customer.emulator.script(uploaded=["hang"])

    assert customer.end(image_to_video(customer, customer.upload()))["failMsg"] == FETCH_FAILED


def test_jpeg_bytes_under_a_png_name_make_veo_complain_of_audio(customer):
    jpeg = picture(format="JPEG")
    wrong, right = customer.upload(jpeg, "a.png"), customer.upload(jpeg, "a.jpg")

    failed = customer.end(customer.made("veo-3-1", prompt="p", image_urls=[wrong], duration=4))
    fine = customer.end(customer.made("veo-3-1", prompt="p", image_urls=[right], duration=4))

    assert (failed["failMsg"], fine["state"]) == (NO_AUDIO, "success")
    assert customer.end(image_to_video(customer, wrong))["state"] == "success", "other models do not care"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (picture(280, 300), "Image size is too small: at least 300px"),
        (picture(800, 310), "Image aspect ratio is out of range: 0.4 to 2.5"),
        (picture(320, 320, format="WEBP"), "Image format webp is not supported"),
    ],
)
def test_a_picture_outside_the_models_rules_fails_the_task(customer, data, complaint):
    url = customer.upload(data, f"a.{'webp' if data[:4] == b'RIFF' else 'png'}")

    task = customer.made("kling-3.0-omni/image-to-video", prompt="p", image_urls=[url])

    assert customer.end(task)["failMsg"] == complaint
