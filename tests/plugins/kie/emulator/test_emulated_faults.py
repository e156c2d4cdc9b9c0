"""Scripted trouble: every way to misbehave, and that a script is checked."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from kie_customer import Clip
from runner.plugins.kie.emulator.client import running

LOST = (httpx.RemoteProtocolError, httpx.ReadError)
"""How a connection looks that was dropped, with or without bytes on their way."""
MESSAGES = {
    400: "taskId parameter is required",
    402: "The current credits are insufficient. Please top up.",
    404: "Task not found",
    408: "timed out",
    422: "recordInfo is null",
    429: "Rate limit exceeded",
    433: "The current number of points used by apiKey has exceeded the daily limit",
    451: "Failed to fetch the image. Kindly verify any access limits set by you or your service provider.",
    500: "Server exception, please try again later or contact customer service",
}
FAILURES = [
    "Your prompt was flagged by Website as violating content policies",
    "public error unsafe image upload",
    "PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED",
    "The Google model was unable to generate audio for this request",
    "CONTENT_POLICY_BLOCKED: nsfw",
    "This content may violate our guardrails concerning similarity to third-party content.",
    "internal error, please try again later.",
    "timed out",
]


def outcomes(customer):
    return [one["outcome"] for one in customer.emulator.books().creations if one["key"] == customer.key]


# --- creations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [400, 401, 402, 404, 408, 422, 429, 433, 451, 455, 500, 501, 505])
def test_a_creation_is_refused_with_any_code_and_nothing_is_made(customer, code):
    customer.emulator.script(rules=[{"create": [code]}])

    answer = customer.create()

    assert answer["code"] == code
    assert answer["msg"] == MESSAGES.get(code, answer["msg"])
    assert answer["msg"]
    assert ("data" in answer) == (code != 401)
    assert (customer.account().creations, customer.account().refusals) == (0, {str(code): 1})


def test_a_refusal_has_the_message_and_the_status_of_the_script(customer):
    customer.emulator.script(rules=[{"create": [{"answer": 455, "msg": "closed", "http": 503}]}])

    answer = customer.http.post("/api/v1/jobs/createTask", json={"model": "x", "input": {}})

    assert (answer.status_code, answer.json()) == (503, {"code": 455, "msg": "closed", "data": None})


@pytest.mark.parametrize(
    ("step", "made"),
    [
        ("drop_before", 0),
        ("drop_after", 1),
        ("html_before", 0),
        ("html_after", 1),
        ("text_before", 0),
        ("text_after", 1),
    ],
)
def test_an_answer_gets_lost_before_or_after_the_task_is_made(customer, step, made):
    customer.emulator.script(rules=[{"create": [step]}])
    body = {"model": "kling/v2-1-master-text-to-video", "input": {"prompt": "pour", "duration": "5"}}
    try:
        answer = customer.http.post("/api/v1/jobs/createTask", json=body)
    except LOST:
        assert step.startswith("drop")
    else:
        expected = {"html": (502, "text/html"), "text": (200, "text/plain")}[step.partition("_")[0]]
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == expected
        with pytest.raises(ValueError, match="Expecting value"):
            answer.json()
    assert customer.account().creations_by_prompt == ({"pour": 1} if made else {})
    assert customer.account().creations == made


@pytest.mark.parametrize(("step", "made"), [("hang_before", 0), ("hang_after", 1)])
def test_a_creation_that_hangs_may_have_been_taken(customer, step, made):
    customer.emulator.script(rules=[{"create": [step]}])
    body = {"model": "kling/v2-1-master-text-to-video", "input": {"prompt": "pour", "duration": "5"}}

    with pytest.raises(httpx.ReadTimeout):
        customer.http.post("/api/v1/jobs/createTask", json=body, timeout=1)

    assert customer.account().creations == made


def test_a_task_may_be_made_under_an_error_or_without_an_id(customer):
    customer.emulator.script(rules=[{"create": ["500_after", "no_data_after"]}])

    refused, empty = customer.create(), customer.create()

    assert refused["code"] == 500
    assert empty == {"code": 200, "msg": "success", "data": None}
    assert customer.account().creations == 2
    assert outcomes(customer) == ["accepted", "accepted"]


def test_a_slow_answer_comes_after_the_task_was_made(customer):
    customer.emulator.script(rules=[{"create": [{"answer": "ok", "delay_s": 0.5}]}])
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(customer.create)
        customer.until(lambda: customer.account().creations, lambda count: count == 1)
        early = answer.done()

        assert answer.result()["code"] == 200
    assert not early


def test_rules_match_by_prompt_model_number_and_key(customer):
    customer.emulator.script(
        rules=[
            {"match": {"prompt": "steam"}, "create": ["433*"]},
            {"match": {"model": "grok*"}, "create": ["455*"]},
            {"match": {"nth": 4}, "create": [505]},
            {"match": {"key": "somebody else"}, "create": ["501*"]},
        ]
    )

    codes = [
        customer.create(prompt="the steam rises")["code"],
        customer.create("grok-imagine/image-to-video")["code"],
        customer.create()["code"],
        customer.create()["code"],
        customer.create()["code"],
    ]

    assert codes == [433, 455, 200, 505, 200]


def test_answers_are_counted_and_a_rule_is_used_up(customer):
    customer.emulator.script(rules=[{"times": 4, "create": ["429*2", 500, "ok", 505]}, {"create": ["455*"]}])

    assert [customer.create()["code"] for _ in range(6)] == [429, 429, 500, 200, 455, 455]


def test_a_script_sets_the_price(customer):
    customer.emulator.script(rules=[{"credits": 12.5, "seconds": 60}])

    assert customer.record(customer.made())["data"]["creditsConsumed"] == 12.5


# --- polls --------------------------------------------------------------------------------------------------------


def test_polls_answer_in_the_order_of_the_script(customer):
    customer.emulator.script(
        rules=[
            {"poll": ["429*2", 408, 501, 455, {"answer": 500, "msg": "oops"}, "no_data", "422"], "seconds": 0}
        ]
    )
    task = customer.made()

    answers = [customer.record(task) for _ in range(8)]

    assert [one["code"] for one in answers] == [429, 429, 408, 501, 455, 500, 200, 422]
    assert answers[5]["msg"] == "oops"
    assert answers[6]["data"] is None
    assert customer.end(task)["state"] == "success"


def test_polls_may_be_no_answer_at_all(customer):
    customer.emulator.script(rules=[{"poll": ["html", "drop", "text", {"answer": 500, "http": 500}]}])
    task = customer.made()

    def poll():
        return customer.http.get("/api/v1/jobs/recordInfo", params={"taskId": task})

    page = poll()
    with pytest.raises(LOST):
        poll()
    text, error = poll(), poll()

    assert (page.status_code, page.text[:9]) == (502, "<!DOCTYPE")
    assert (text.status_code, text.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert (error.status_code, error.json()["code"]) == (500, 500)


def test_a_poll_that_hangs_is_the_only_one_that_does(customer):
    customer.emulator.script(rules=[{"poll": ["hang"]}])
    task = customer.made()

    with pytest.raises(httpx.ReadTimeout):
        customer.http.get("/api/v1/jobs/recordInfo", params={"taskId": task}, timeout=1)

    assert customer.end(task)["state"] == "success"


def test_states_may_have_names_that_nobody_knows(customer):
    customer.emulator.script(
        rules=[
            {
                "poll": ["state", {"answer": "state", "state": "moderating"}],
                "states": ["reviewing"],
                "seconds": 60,
            }
        ]
    )
    task = customer.made()

    assert [customer.record(task)["data"]["state"] for _ in range(3)] == [
        "brewing",
        "moderating",
        "reviewing",
    ]


def test_a_task_may_be_told_in_the_older_shape(customer):
    customer.emulator.script(
        rules=[
            {"match": {"prompt": "bad"}, "poll": ["flag*"], "fail": {}},
            {"match": {"prompt": "slow"}, "poll": ["flag*"], "stuck": True},
            {"poll": ["flag*"]},
        ]
    )
    good, bad, slow = (customer.made(prompt=prompt) for prompt in ("good", "bad", "slow"))
    customer.until(lambda: customer.account().running, lambda running: running == 1)

    done, failed, still = (customer.record(task)["data"] for task in (good, bad, slow))

    assert (done["successFlag"], done["errorCode"], len(done["response"]["resultUrls"])) == (1, None, 1)
    assert (failed["successFlag"], failed["errorCode"], failed["response"]) == (3, 500, None)
    assert failed["errorMessage"] == "internal error, please try again later."
    assert (still["successFlag"], still["completeTime"]) == (0, None)


def test_a_stuck_task_waits_for_ever(customer):
    customer.emulator.script(rules=[{"stuck": True}])
    task = customer.made()
    customer.emulator.advance(3600)

    assert customer.record(task)["data"]["state"] == "waiting"
    assert customer.account().running == 1


@pytest.mark.parametrize("text", FAILURES)
def test_a_task_fails_with_any_text(customer, text):
    customer.emulator.script(rules=[{"fail": {"msg": text, "code": "400"}}])

    data = customer.end(customer.made())

    assert (data["state"], data["failCode"], data["failMsg"]) == ("fail", "400", text)


# --- results ------------------------------------------------------------------------------------------------------


def result(customer, **rule):
    customer.emulator.script(rules=[rule])
    data = customer.end(customer.made())
    assert data["state"] == "success"
    return data["resultJson"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("urls", ["resultUrls"]),
        ("snake_case", ["result_urls"]),
        ("under_data", ["data", "resultUrls"]),
        ("snake_under_data", ["data", "result_urls"]),
    ],
)
def test_the_address_may_stand_in_several_places(customer, name, path):
    found = json.loads(result(customer, result=name))
    for key in path:
        found = found[key]

    assert customer.stranger.get(found[0]).status_code == 200


def test_a_result_may_be_useless(customer):
    assert json.loads(result(customer, result="empty_urls")) == {"resultUrls": []}
    assert result(customer, result="empty_object") == "{}"
    assert result(customer, result="empty_string") == ""
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        json.loads(result(customer, result="bad_json"))


def test_a_result_may_be_an_object_have_two_addresses_or_one_elsewhere(customer):
    assert list(result(customer, result="object")) == ["resultUrls"]
    several = json.loads(result(customer, result="several"))["resultUrls"]
    assert len(set(several)) == 2
    assert {customer.stranger.get(url).status_code for url in several} == {200}
    elsewhere = "http://169.254.169.254/latest/meta-data"
    assert json.loads(result(customer, urls=[elsewhere])) == {"resultUrls": [elsewhere]}


def test_a_clip_may_be_shorter_than_asked(customer):
    customer.emulator.script(rules=[{"clip_s": 1.5}])

    assert customer.clip(customer.made()).duration_s == pytest.approx(1.5)


def download(customer, *steps):
    customer.emulator.script(rules=[{"download": list(steps)}])
    url = customer.url(customer.made())
    return lambda: customer.stranger.get(url)


def test_an_expired_result_is_gone_for_good(customer):
    get = download(customer, "expired")

    assert [get().status_code, get().status_code] == [404, 404]


def test_downloads_may_answer_errors_pages_and_nothing(customer):
    get = download(
        customer, "503*2", "404", "page", "page_as_video", "empty", {"answer": "ok", "delay_s": 0.01}
    )
    answers = [get() for _ in range(8)]

    assert [one.status_code for one in answers] == [503, 503, 404, 200, 200, 200, 200, 200]
    types = [one.headers["Content-Type"].partition(";")[0] for one in answers[3:]]
    assert types == ["text/html", "video/mp4", "video/mp4", "video/mp4", "video/mp4"]
    assert answers[4].text.startswith("<!DOCTYPE")
    assert answers[5].content == b""
    assert answers[6].content == answers[7].content
    assert Clip(answers[7].content).duration_s == pytest.approx(5)


def test_a_download_may_break_off(customer):
    get = download(customer, "truncated", "drop")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        get()
    with pytest.raises(LOST):
        get()
    assert get().status_code == 200


def test_a_download_may_be_cut_and_whole_by_its_length(customer):
    get = download(customer, "cut")
    cut, whole = get().content, get().content

    assert whole.startswith(cut)
    assert len(cut) < len(whole)


def test_a_slow_download_arrives_in_two_parts(customer):
    get = download(customer, {"answer": "slow", "delay_s": 0.2})

    assert Clip(get().content).duration_s == pytest.approx(5)


def test_an_oversized_download_is_as_large_as_the_script_says(customer):
    get = download(customer, {"answer": "oversized", "size": 3_000_000})

    assert len(get().content) == 3_000_000


def test_a_result_may_be_redirected(customer):
    get = download(customer, {"answer": "redirect", "to": "http://10.0.0.1/clip.mp4"})
    answer = get()

    assert (answer.status_code, answer.headers["Location"]) == (302, "http://10.0.0.1/clip.mp4")


# --- uploads and the balance --------------------------------------------------------------------------------------


def test_uploads_may_be_refused_dropped_and_unreachable(customer):
    customer.emulator.script(
        upload=[500, "html_before", "drop_before", "drop_after"],
        uploaded=["ok", "404", {"answer": "expired"}],
    )

    def upload():
        return customer.http.post(
            "/api/file-stream-upload", files={"file": ("a.png", b"x")}, data={"uploadPath": "i"}
        )

    assert upload().json()["code"] == 500
    assert upload().status_code == 502
    for _ in range(2):
        with pytest.raises(LOST):
            upload()
    assert customer.account().uploads == 1, "only the last one was kept"
    urls = [upload().json()["data"]["downloadUrl"] for _ in range(3)]
    assert [customer.stranger.get(url).status_code for url in urls] == [404, 404, 200]


def test_the_balance_may_be_refused(customer):
    customer.emulator.script(credit=[401, "text", "ok"])

    assert customer.get("/api/v1/chat/credit")["code"] == 401
    assert customer.http.get("/api/v1/chat/credit").headers["Content-Type"].startswith("text/plain")
    assert customer.credit() == 1000


# --- scripts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"rules": [{"create": ["explode"]}]}, "rules.0: .*create: 'explode' is none of .*drop_after"),
        ({"rules": [{}, {"poll": ["drop_after"]}]}, "rules.1: .*poll: 'drop_after' is none of"),
        ({"rules": [{"create": ["99"]}]}, "rules.0: .*'99' is none of"),
        ({"rules": [{"create": ["500*x"]}]}, r"rules.0.create.0: .*behind \* stands a number"),
        ({"rules": [{"creat": []}]}, "rules.0.creat: Unexpected keyword"),
        ({"rules": [{"match": {"promt": "x"}}]}, "rules.0.match.promt: Unexpected keyword"),
        ({"rules": [{"result": "nothing"}]}, "rules.0.result: .*'empty_urls'"),
        ({"rules": [{"states": []}]}, "rules.0: .*name at least one"),
        ({"rules": [{"clip_s": 0}]}, "rules.0: .*clip_s"),
        ({"rules": [{"create": [{"code": 500}]}]}, "rules.0.create.0.code: Unexpected keyword"),
        ({"upload": ["page"]}, "upload: 'page' is none of"),
        ({"uploadd": []}, "uploadd: Unexpected keyword"),
    ],
)
def test_a_script_that_is_none_is_refused_with_its_place(shared, script, message):
    with pytest.raises(ValueError, match=message):
        shared.script(**script)


def test_a_script_comes_from_a_file_of_yaml(tmp_path, started):
    file = tmp_path / "trouble.yaml"
    file.write_text("rules:\n- match: {prompt: pour}\n  create: [455, drop_after]\n", encoding="utf-8")
    customer = started("--script", str(file), "--task-seconds", "0")

    assert customer.create()["code"] == 455


def test_a_wrong_script_keeps_the_emulator_from_starting(tmp_path):
    file = tmp_path / "trouble.yaml"
    file.write_text("rules: [{create: [explode]}]", encoding="utf-8")

    with pytest.raises(RuntimeError), running("--script", str(file)):
        pass
