"""What KIE's answers say, in every shape that is known, and in some that are none. Pure functions over answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from runner.plugins.kie import answers, failures, record

from runner.api import State
from runner.errors import Busy, PollFailed, ShotError, SubmitRefused, SubmitUnknown, TaskUnknown

CLIP = "https://tempfile.aiquickdraw.com/a/1776488624786-abc.mp4"
OTHER = "https://tempfile.aiquickdraw.com/a/1776488624786-def.mp4"
POSTER = "https://tempfile.aiquickdraw.com/a/cover.png"
KEY = "kie-canary-5150"


def succeeded(result: Any, **more: Any) -> dict[str, Any]:
    return {
        "taskId": "t",
        "state": "success",
        "resultJson": result,
        "failCode": None,
        "failMsg": None,
        **more,
    }


def urls(data: dict[str, Any]) -> list[str]:
    status = record.status(data)
    assert status.state is State.SUCCEEDED, status
    return [result.url for result in status.results]


@pytest.mark.parametrize(
    "result",
    [
        json.dumps({"resultUrls": [CLIP]}),
        {"resultUrls": [CLIP]},
        json.dumps({"result_urls": [CLIP]}),
        json.dumps({"data": {"resultUrls": [CLIP]}}),
        json.dumps({"data": {"result_urls": [CLIP]}}),
        json.dumps({"resultUrls": json.dumps([CLIP])}),
        json.dumps({"resultUrls": CLIP}),
        json.dumps({"resultUrls": [CLIP], "resultWaterMarkUrls": [OTHER]}),
        json.dumps({"resultUrls": [CLIP, CLIP]}),
        json.dumps({"resultUrls": [None, 7, "", "ftp://a.example/x", CLIP]}),
        json.dumps({"resultObject": {"url": CLIP}}),
        json.dumps([CLIP]),
        f"  {json.dumps({'resultUrls': [CLIP]})}",
        json.dumps(json.dumps({"resultUrls": [CLIP]}))[1:-1].replace('\\"', '"'),
    ],
)
def test_a_result_is_found_in_every_shape_that_it_comes_in(result: Any) -> None:
    assert urls(succeeded(result)) == [CLIP]


def test_of_several_results_all_are_kept_and_clips_come_first() -> None:
    result = json.dumps({"resultUrls": [POSTER, CLIP, OTHER]})
    assert urls(succeeded(result)) == [CLIP, OTHER, POSTER]


def test_a_clip_is_told_by_the_path_of_its_address() -> None:
    signed = f"{CLIP}?signature=a.png"
    trap = f"{POSTER}?name=a.mp4"
    assert urls(succeeded({"resultUrls": [trap, signed]})) == [signed, trap]


@pytest.mark.parametrize(
    "result",
    ["", "{}", "[]", "null", None, 7, True, "no json", '{"resultUrls":[', "{" * 100_000, "[" * 100_000]
    + [json.dumps({"resultUrls": value}) for value in ([], None, "", [None], ["/clip.mp4"], {"a": "b"})]
    + [json.dumps({"resultObject": {"characterId": "c"}})],
)
def test_success_without_an_address_is_a_failure_that_keeps_its_price(result: Any) -> None:
    status = record.status(succeeded(result, creditsConsumed=76.0))
    assert (status.state, status.cost_usd, status.transient) == (State.FAILED, Decimal("0.380"), False)
    assert "names no result" in status.reason
    assert status.advice


def test_a_success_without_a_result_field_at_all_is_a_failure_of_unknown_price() -> None:
    status = record.status({"taskId": "t", "state": "success"})
    assert (status.state, status.cost_usd) == (State.FAILED, None)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"state": "waiting"}, State.QUEUED),
        ({"state": "queuing"}, State.QUEUED),
        ({"state": "queueing"}, State.QUEUED),
        ({"state": "wait"}, State.QUEUED),
        ({"state": "generating"}, State.RUNNING),
        ({"state": "brewing"}, State.RUNNING),
        ({"state": ""}, State.RUNNING),
        ({"state": None}, State.RUNNING),
        ({"state": 7}, State.RUNNING),
        ({}, State.RUNNING),
        ({"state": "FAIL"}, State.FAILED),
        ({"state": " fail "}, State.FAILED),
        ({"state": "success", "resultJson": {"resultUrls": [CLIP]}}, State.SUCCEEDED),
        ({"successFlag": 0}, State.RUNNING),
        ({"successFlag": 2}, State.FAILED),
        ({"successFlag": 3}, State.FAILED),
        ({"successFlag": "3"}, State.FAILED),
        ({"successFlag": 1, "response": {"resultUrls": [CLIP]}}, State.SUCCEEDED),
        ({"successFlag": 4, "response": {"resultUrls": [CLIP]}}, State.SUCCEEDED),
        ({"successFlag": 9}, State.RUNNING),
        ({"successFlag": None}, State.RUNNING),
        ({"successFlag": "9" * 5000}, State.RUNNING),
        # A state is the newer word of the two.
        ({"state": "generating", "successFlag": 3}, State.RUNNING),
    ],
)
def test_how_a_task_stands_is_told_by_its_state_or_its_flag(data: dict[str, Any], state: State) -> None:
    assert record.status(data).state is state


@pytest.mark.parametrize(
    "response",
    [
        {"response": {"taskId": "t", "resultUrls": [CLIP], "originUrls": [OTHER], "resolution": "720p"}},
        {"response": {"resultVideoUrl": CLIP, "resultImageUrl": POSTER}},
        {"response": json.dumps({"resultUrls": [CLIP]})},
        {"info": {"resultUrls": [CLIP]}},
        {"state": "success", "videoInfo": {"videoId": "v", "videoUrl": CLIP, "imageUrl": POSTER}},
    ],
)
def test_the_older_families_name_their_clip_elsewhere(response: dict[str, Any]) -> None:
    assert urls({"successFlag": 1, **response})[0] == CLIP


def test_a_failure_of_the_older_families_is_read_from_their_own_fields() -> None:
    data = {
        "successFlag": 3,
        "errorCode": 500,
        "errorMessage": "internal error, please try again later.",
        "response": None,
    }
    status = record.status(data)
    assert (status.state, status.reason, status.transient) == (State.FAILED, data["errorMessage"], True)
    assert status.cost_usd == 0


@pytest.mark.parametrize(
    ("credits", "usd"),
    [
        (76.0, Decimal("0.380")),
        (76, Decimal("0.380")),
        ("76.0", Decimal("0.380")),
        (0.0, Decimal(0)),
        (None, None),
        ("", None),
        ("many", None),
        (True, None),
        (-4, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1e400", None),
        ([], None),
        ({}, None),
    ],
)
def test_credits_are_read_where_they_can_be_and_unknown_where_not(credits: Any, usd: Decimal | None) -> None:
    assert record.status(succeeded({"resultUrls": [CLIP]}, creditsConsumed=credits)).cost_usd == usd
    assert record.status({"state": "waiting", "creditsConsumed": credits}).cost_usd == usd


@pytest.mark.parametrize(
    ("told", "usd"), [({}, 0), ({"creditsConsumed": 0.0}, 0), ({"creditsConsumed": 20}, "0.1")]
)
def test_a_failed_task_costs_what_it_says_and_nothing_where_it_says_nothing(told: Any, usd: Any) -> None:
    assert record.status({"state": "fail", "failMsg": "nsfw", **told}).cost_usd == Decimal(usd)


@pytest.mark.parametrize("seconds", [155, 155.0, "155", None, -1, 155_000])
def test_the_time_that_a_task_took_is_not_believed_to_mean_anything(seconds: Any) -> None:
    assert urls(succeeded({"resultUrls": [CLIP]}, costTime=seconds)) == [CLIP]


@pytest.mark.parametrize(
    ("told", "progress"),
    [
        (40, 0.4),
        (0, 0.0),
        (100, 1.0),
        (101, None),
        (-1, None),
        ("40", None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_progress_is_a_share_of_one(told: Any, progress: float | None) -> None:
    assert record.status({"state": "generating", "progress": told}).progress == progress


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("500", "it\x1b[31m broke\r\n\tdown", r"it\x1b[31m broke down"),
        ("501", "", "code 501"),
        (501, None, "code 501"),
        (None, None, ""),
        ("500", "x" * 2000, "x" * 497 + "..."),
    ],
)
def test_a_reason_is_one_line_that_a_terminal_can_show(code: Any, message: Any, reason: str) -> None:
    assert record.status({"state": "fail", "failCode": code, "failMsg": message}).reason == reason


@pytest.mark.parametrize(
    ("text", "code", "transient"),
    [
        ("Your prompt was flagged by Website as violating content policies", "400", False),
        ("public error unsafe image upload", "500", False),
        ("public error prominent people upload", "500", False),
        ("public error minor upload", "500", False),
        ("PUBLIC_ERROR_UNSAFE_FILTER_FAILED", "500", False),
        ("The Google model was unable to generate audio for this request", "500", True),
        ("NSFW content detected", "500", False),
        ("CONTENT_POLICY_BLOCKED: try again later", "500", False),
        ("The output was flagged as sensitive, please try again later.", "500", False),
        ("may violate our guardrails concerning similarity to third-party content.", "500", False),
        ("We currently do not support uploads of images containing photorealistic people", "500", False),
        ("internal error, please try again later.", "500", True),
        ("Internal Error, Please try again later.", "500", True),
        ("request timed out", "500", True),
        ("", "408", True),
        ("Image fetch failed. Check access settings or use our File Upload API instead.", "400", False),
        ("Image fetch failed: timed out", "400", False),
        ("Failed to fetch the image. Kindly verify any access limits set by you", "451", False),
        ("", "500", False),
        ("", "501", False),
        ("nobody has ever read this", "500", False),
    ],
)
def test_only_what_was_chance_is_worth_repeating(text: str, code: str, *, transient: bool) -> None:
    assert failures.meaning(text, code).transient is transient


# --- answers ----------------------------------------------------------------------------------------------------------


def answer(body: Any, status: int = 200, **headers: str) -> answers.Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answers.read(httpx.Response(status, content=content, headers=headers), KEY)


def test_the_code_in_the_body_comes_before_the_status() -> None:
    for status in (200, 402, 500):
        found = answer({"code": 402, "msg": "Credits insufficient", "data": None}, status)
        assert (found.code, found.own, found.message) == (402, True, "Credits insufficient")
    assert answer({"code": "422", "message": "older key"}).code == 422
    assert answer({"code": "422", "message": "older key"}).message == "older key"


@pytest.mark.parametrize("code", [None, True, "many", "9" * 5000, [], 1.5, ""])
def test_without_a_code_in_the_body_the_status_counts_and_the_answer_is_not_kies_own(code: Any) -> None:
    found = answer({"code": code, "msg": "?"}, 503)
    assert (found.code, found.own) == (503, False)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b'"ok"', b"<html>", b"\xff\xfe", b'{"code":', b"[" * 100_000]
)
def test_what_is_no_answer_under_a_status_of_success_says_nothing(body: bytes) -> None:
    found = answer(body)
    assert (found.code, found.own, found.data) == (None, False, None)
    assert isinstance(answers.refusal(found), SubmitUnknown)
    assert isinstance(answers.poll_problem(found, "t"), PollFailed)


def test_a_message_is_one_printable_line_without_the_key() -> None:
    found = answer({"code": 401, "msg": f"bad key\n{KEY}\x1b[2J\x00 !"})
    assert found.line == r"code 401: bad key (hidden)\x1b[2J\x00 !"
    assert len(answer(b"<p>" + b"x" * 9000, 502).message) == 300
    assert answer(b"<p>" + b"x" * 100_000, 502).message == ""


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("7", 7.0), ("0", 0.0), ("", None), ("-1", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_a_wait_is_taken_from_the_header_where_there_is_one(told: str, seconds: float | None) -> None:
    for body in ({"code": 429, "msg": "Rate limit exceeded"}, b"<html>"):
        found = answer(body, 429, **{"Retry-After": told})
        busy = answers.refusal(found)
        assert isinstance(busy, Busy)
        assert busy.retry_after_s == seconds
        problem = answers.poll_problem(found, "t")
        assert isinstance(problem, PollFailed)
        assert problem.retry_after_s == seconds


LEFT_OPEN: list[tuple[Any, int]] = [
    *(({"code": 200, "msg": "success", "data": data}, 200) for data in (None, {}, [], "t", {"taskId": ""})),
    *(
        ({"code": code, "msg": "?", "data": None}, 200)
        for code in (100, 202, 301, 408, 409, 500, 501, 502, 503, 999)
    ),
    *((b"<html>is required", status) for status in (200, 301, 408, 500, 501, 502, 503, 504, 520, 524)),
    # Something in between may have words of its own for a request that it passed on.
    ({"status": 500, "error": "Internal Server Error", "message": "invalid argument"}, 500),
    ({"error": "upstream is not supported"}, 502),
    ({"code": 500, "msg": ""}, 200),
    ({"code": 500}, 200),
    ({"code": 501, "msg": "This field is required"}, 200),
    ({"code": 500, "msg": "internal error, please try again later."}, 200),
]


@pytest.mark.parametrize(("body", "status"), LEFT_OPEN)
def test_whatever_leaves_it_open_if_a_task_was_made_is_unknown(body: Any, status: int) -> None:
    assert type(answers.refusal(answer(body, status))) is SubmitUnknown


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "message",
    [
        "image_url is required",
        "This field is required",
        "duration must be 5 or 10",
        "aspect_ratio is invalid",
        "resolution is not within the range of allowed options",
        "The prompt is too long",
        "prompt length exceeds 5000",
        "This interface is temporarily paused",
        "CREDITS INSUFFICIENT",
    ],
)
def test_a_code_500_that_names_the_mistake_is_certain(message: str, status: int) -> None:
    assert type(answers.refusal(answer({"code": 500, "msg": message, "data": None}, status))) is SubmitRefused


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": 422, "msg": "recordInfo is null", "data": None}, TaskUnknown),
        ({"code": 404, "msg": "Task not found"}, TaskUnknown),
        ({"code": 400, "msg": "taskId parameter is required"}, TaskUnknown),
        ({"code": 200, "msg": "success", "data": None}, TaskUnknown),
        ({"code": 200, "msg": "success", "data": {}}, TaskUnknown),
        ({"code": 401, "msg": "Unauthorized"}, ShotError),
        *(({"code": code, "msg": "?"}, PollFailed) for code in (402, 405, 429, 433, 451, 455, 500, 502, 505)),
    ],
)
def test_an_answer_without_a_record_ends_no_task(body: Any, kind: type[ShotError]) -> None:
    assert type(answers.poll_problem(answer(body), "t")) is kind


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 429, 500, 501, 502])
@pytest.mark.parametrize("body", [b"<html>", b"", {"status": 404, "error": "Not Found", "message": "?"}])
def test_a_page_in_between_does_not_say_that_a_task_is_not_there(body: Any, status: int) -> None:
    assert type(answers.poll_problem(answer(body, status), "t")) is PollFailed
