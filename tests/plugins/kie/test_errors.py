"""What can go wrong with a task at KIE: what the user sees, what is asked for again, what the journal says it cost.

One run for many rows, each a shot with an account of its own; the codes and texts are the contract's.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.emulator.client import running

from runner import Timing
from tests.plugins.kie.desk import MODEL, PRICE, SHOT, Desk, Seen, trouble

if TYPE_CHECKING:
    from tests.conftest import Workplace
    from tests.plugins.kie.desk import Trouble

NO = "KIE refused the shot"
KEY = "KIE does not accept the key"
POOR = "there is not enough credit at KIE"
IMPATIENT = Timing(unknown_task_s=1.0, fresh_task_s=0.5, gone_check_s=0.1)
"""Half a minute of patience is too long for a test."""

UNKNOWN = "cannot tell whether kie accepted the request for this shot"
UNKNOWN_BEFORE = "cannot tell whether kie accepted an earlier request for this shot"
GAVE_UP = "the task failed at kie"

TOP_UP = "top up at kie.ai, then rerun the same command: what is made is kept"
CHECK_KEY = "check the key: KIE_API_KEY in the environment, or generator.api_key_file"
OTHER_MODEL = "choose another model: generator.model=..."
PROMPT = "change the prompt: this one is not allowed by the model"
PICTURE = (
    "the model does not allow what is on the first frame; change it or the prompt, or take another model"
)
HOST = "KIE cannot fetch an image from where it is; for first frames try uploader=kie"
ADDRESS = "check generator.api_url"
CARD = (
    "the model needs more than its card knows: set it in generator.params, add a newer card to "
    "conf/cards/kie/, or take another model"
)
CHANGE = "change the prompt, then rerun the same command"
AGAIN = "rerun the same command"
PAID_AGAIN = "rerun the same command, which pays for another clip"

MODERATED = (
    ("Your prompt was flagged by Website as violating content policies", PROMPT),
    ("public error unsafe image upload", PICTURE),
    ("public error prominent people upload", PICTURE),
    ("public error minor upload", PICTURE),
    ("PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED", PROMPT),
    ("PUBLIC_ERROR_AUDIO_FILTER_FAILED", PROMPT),
    ("nsfw", PROMPT),
    ("CONTENT_POLICY_BLOCKED: violence", PROMPT),
    ("The input was flagged as sensitive", PROMPT),
    ("This content may violate our guardrails concerning similarity to third-party content.", PROMPT),
    (
        "We currently do not support uploads of images containing photorealistic people",
        PICTURE,
    ),
)
FETCH_FAILED = "Image fetch failed. Check access settings or use our File Upload API instead."

# Code, message ("" for the one that the code is known to come with), what the user sees, what to do next.
REFUSALS = (
    (400, "Only English prompts are supported", NO, CHANGE),
    (401, "", KEY, CHECK_KEY),
    (401, "You do not have access permissions", KEY, CHECK_KEY),
    (402, "", POOR, TOP_UP),
    (402, "Credits insufficient", POOR, TOP_UP),
    (404, "No message available", NO, ADDRESS),
    (405, "", NO, ADDRESS),
    (
        422,
        "The model name you specified is not supported. Please verify your input and use one of the supported "
        "models provided by KIE.",
        NO,
        OTHER_MODEL,
    ),
    (429, "Credits insufficient", POOR, TOP_UP),
    (
        433,
        "",
        "the key's own limit at KIE is used up",
        "raise the key's own limit in KIE's settings, or wait until it is reset",
    ),
    (451, "", "KIE could not fetch the first frame", HOST),
    (500, "Credits insufficient", POOR, TOP_UP),
    (500, "image_url is required", NO, CARD),
    (500, "video_url is required", NO, CARD),
    (500, "prompt is required", NO, CARD),
    (500, "This field is required", NO, CARD),
    (500, "Please fill in the text prompt or image, video, or audio", NO, CARD),
    (500, "prompt or media is required", NO, CARD),
    (500, "aspect_ratio is required for text-to-video", NO, CARD),
    (500, "This interface is temporarily paused", NO, OTHER_MODEL),
    (500, "This interface is temporarily paused.", NO, OTHER_MODEL),
    (505, "", NO, OTHER_MODEL),
    *((400, text, NO, advice) for text, advice in MODERATED),
    *((500, text, NO, advice) for text, advice in MODERATED),
    (400, FETCH_FAILED, NO, HOST),
)


@pytest.mark.parametrize("style", ["envelope", "http"])
def test_a_refusal_is_told_once_with_what_helps_and_costs_nothing(desk: Desk, style: str) -> None:
    rows, expected = [], {}
    for code, text, what, advice in REFUSALS:
        name = f"{code} {text}"
        step = {"answer": code, "msg": text, "times": "forever", "http": code if style == "http" else 200}
        rows.append(trouble(name, create=[step]))
        expected[name] = ("failed", what, advice, 1, ("refused",), (0.0,))
    assert _without_why(desk.run(rows)) == expected
    assert desk.answer.code == 1
    assert desk.emulator.books().account(desk.key(0)).balance == 1000


def test_a_page_instead_of_an_answer_is_a_refusal_where_its_status_says_so(desk: Desk) -> None:
    rows = [_paged(status) for status in (400, 401, 402, 403, 404, 405, 413, 505)]
    seen = desk.run(rows)
    assert {name: (one.creations, one.phases, one.cost_usd) for name, one in seen.items()} == {
        row.name: (1, ("refused",), (0.0,)) for row in rows
    }
    assert seen["page 401"].what == KEY
    assert desk.answer.code == 1


LOST: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("dropped before it is dealt with", {"create": ["drop_before"]}, "no answer came"),
    ("dropped after it is dealt with", {"create": ["drop_after"]}, "no answer came"),
    ("no answer before the timeout", {"create": ["hang_after"]}, "no answer came: ReadTimeout"),
    ("502 page, nothing made", {"create": ["html_before"]}, "HTTP 502"),
    ("502 page, task made", {"create": ["html_after"]}, "HTTP 502"),
    ("504 page", {"create": [{"answer": "html_after", "http": 504}]}, "HTTP 504"),
    ("524 page", {"create": [{"answer": "html_after", "http": 524}]}, "HTTP 524"),
    ("500 page", {"create": [{"answer": "html_after", "http": 500}]}, "HTTP 500"),
    ("408 page", {"create": [{"answer": "html_after", "http": 408}]}, "HTTP 408"),
    ("501 page", {"create": [{"answer": "html_after", "http": 501}]}, "HTTP 501"),
    ("page of success", {"create": [{"answer": "html_after", "http": 200}]}, "its answer cannot be read"),
    ("text of success", {"create": ["text_after"]}, "its answer cannot be read"),
    ("accepted without an id", {"create": ["no_data_after"]}, "its answer names no task"),
    ("500 breakdown", {"create": ["500_after"]}, "code 500: Server exception"),
    (
        "500 internal error",
        {"create": [{"answer": "500_after", "msg": "internal error, please try again later."}]},
        "code 500: internal error",
    ),
    ("500 timed out", {"create": [{"answer": "500_after", "msg": "timed out"}]}, "code 500: timed out"),
    (
        "500 no sound",
        {
            "create": [
                {
                    "answer": "500_after",
                    "msg": "The Google model was unable to generate audio for this request",
                }
            ]
        },
        "code 500: The Google model",
    ),
    ("408", {"create": ["408_after"]}, "code 408: timed out"),
    ("501", {"create": ["501_after"]}, "code 501: Generation failed"),
    ("501 as status", {"create": [{"answer": "501_after", "http": 501}]}, "HTTP 501: Generation failed"),
    ("599", {"create": ["599_after"]}, "code 599"),
)


def test_an_answer_that_leaves_it_open_is_never_followed_by_another_creation(desk: Desk) -> None:
    rows = [trouble(name, options={"timeout_s": 1.0}, **rule) for name, rule, _ in LOST]
    for what, seen in ((UNKNOWN, desk.run(rows)), (UNKNOWN_BEFORE, desk.again())):
        assert {
            name: (one.ending, one.what, one.creations, one.phases, one.cost_usd)
            for name, one in seen.items()
        } == {name: ("unknown", what, 1, ("unknown",), (None,)) for name, _, _ in LOST}
        assert desk.answer.code == 3
        assert all("journal resolve" in one.next for one in seen.values())
    # The second time the cause is read from the journal.
    assert {name: why for name, _, why in LOST if why not in seen[name].why} == {}
    assert {row["reserved_usd"] for row in desk.journal()} == {PRICE}


def test_the_command_that_is_printed_for_an_unknown_outcome_settles_it(desk: Desk) -> None:
    rows = [trouble(name, create=["drop_after"]) for name in ("it is there", "it is not", "let it go")]
    seen = desk.run(rows)
    tasks = {task.prompt: id for id, task in desk.emulator.books().tasks.items()}
    answers = (("--submitted", tasks["it is there"]), ("--not-submitted",), ("--abandon",))
    for row, (answer, *task), line in zip(rows, answers, (1, 2, 3), strict=True):
        words = shlex.split(seen[row.name].next.splitlines()[line])
        words = [task[0] if word == "TASKID" else word for word in words]
        assert words[:3] == ["python", "-m", "runner"]
        assert answer in words
        assert desk.workplace.run(*words[3:]).code == 0
    desk.emulator.script()
    after = desk.again()
    assert desk.answer.code == 0
    assert {name: (one.creations, one.phases, one.cost_usd) for name, one in after.items()} == {
        "it is there": (1, ("fetched",), (PRICE,)),
        "it is not": (2, ("refused", "fetched"), (0.0, PRICE)),
        "let it go": (2, ("abandoned", "fetched"), (None, PRICE)),
    }


def test_a_busy_service_is_waited_for(desk: Desk) -> None:
    rows = [
        trouble("rate limit", create=["429"]),
        trouble("rate limit as status", create=[{"answer": 429, "http": 429}]),
        trouble("rate limit as page", create=[{"answer": "html_before", "http": 429}]),
        trouble("maintenance", create=["455"]),
        trouble("maintenance as status", create=[{"answer": 455, "http": 455}]),
        trouble("both", create=["429", "455"]),
    ]
    seen = desk.run(rows)
    assert desk.answer.code == 0, desk.answer.out
    expected: dict[str, Any] = {row.name: (2, ("refused", "fetched"), (0.0, PRICE)) for row in rows}
    expected["both"] = (3, ("refused", "refused", "fetched"), (0.0, 0.0, PRICE))
    assert {name: (one.creations, one.phases, one.cost_usd) for name, one in seen.items()} == expected


def test_no_credit_is_told_whatever_code_it_has(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    with running("--no-credit", "429", "--max-short-side", "64") as poor:
        poor.account("poor", credits=1)
        desk = Desk(workplace, poor)
        seen = desk.run([trouble("dear", options={"api_key": "poor"})], "budget.partial=true")
        assert _without_why(seen)["dear"][:3] == ("failed", POOR, TOP_UP)
        assert poor.books().account("poor").balance == 1


def test_a_balance_that_is_too_low_is_seen_before_anything_is_created(workplace: Workplace) -> None:
    with running("--max-short-side", "64") as poor:
        poor.account("poor", credits=1)
        service = {"plugin": "kie", "api_url": poor.url, "api_key": "poor", "model": MODEL}
        project = workplace.project({"main": {"one": "dear"}}, shot=SHOT, generator=service)

        answer = workplace.run(project)

        assert answer.code == 4
        assert "this costs $0.164, and the account at kie has $0.005; nothing was started" in answer.err
        assert not poor.books().creations


CHANCE = (
    "internal error, please try again later.",
    "Internal Error, Please try again later.",
    "timed out",
    "The Google model was unable to generate audio for this request",
)


def test_a_failed_task_costs_nothing_and_is_repeated_only_where_it_was_chance(desk: Desk) -> None:
    rows: list[Trouble] = []
    expected: dict[str, Any] = {}
    for text, advice in (*MODERATED, (FETCH_FAILED, HOST), ("the model did not like it", CHANGE)):
        rows.append(trouble(text, fail={"msg": text, "code": "400"}))
        expected[text] = ("failed", GAVE_UP, advice, 1, ("failed",), (0.0,))
    for text in CHANCE:
        rows.append(trouble(text, fail={"msg": text}))
        advice = "name a sound in the prompt" if "audio" in text else AGAIN
        expected[text] = ("failed", GAVE_UP, advice, 2, ("failed", "failed"), (0.0, 0.0))
        once = f"once: {text}"
        rows.append(trouble(once, fail={"msg": text}, times=1))
        expected[once] = ("done", "", "", 2, ("failed", "fetched"), (0.0, PRICE))
        kept = f"and the money is kept: {text}"
        rows.append(trouble(kept, fail={"msg": text, "refund": False}))
        advice = advice if "audio" in text else PAID_AGAIN
        expected[kept] = ("failed", GAVE_UP, advice, 1, ("failed",), (PRICE,))
    for code in ("408", "501"):
        stray = f"code {code} for one record"
        rows.append(trouble(stray, poll=[code]))
        expected[stray] = ("done", "", "", 1, ("fetched",), (PRICE,))
    seen = desk.run(rows, "limits.retries=1")
    assert _without_why(seen) == expected
    assert seen["nsfw"].why == "nsfw"
    assert desk.answer.code == 1


def test_success_without_a_clip_is_a_failure_that_was_paid_for(desk: Desk) -> None:
    rows = [trouble(kind, result=kind) for kind in ("empty_urls", "empty_object", "empty_string", "bad_json")]
    seen = desk.run(rows)
    assert {name: (one.what, one.creations, one.phases, one.cost_usd) for name, one in seen.items()} == {
        row.name: (GAVE_UP, 1, ("failed",), (PRICE,)) for row in rows
    }
    why = "KIE says that it succeeded, and names no result; it cost $0.164"
    assert {one.why for one in seen.values()} == {why}
    assert "next: run it again, which pays once more for the 4 shots that failed at a cost" in desk.answer.out
    assert all("kie.ai" in one.next for one in seen.values())
    assert desk.answer.code == 1


FINE: tuple[tuple[str, dict[str, Any]], ...] = (
    *(
        (kind, {"result": kind})
        for kind in ("several", "snake_case", "under_data", "snake_under_data", "object")
    ),
    ("the older shape", {"poll": ["flag*"]}),
    ("states that nobody knows", {"states": ["brewing", "polishing"]}),
    ("all states", {"states": ["waiting", "queuing", "generating"], "seconds": 1}),
    ("not known for a moment", {"grace_s": 0.5}),
    ("no data for a moment", {"poll": ["no_data*2"]}),
    ("poll 404", {"poll": ["404"]}),
    ("poll 422", {"poll": ["422*2"]}),
    ("poll 429", {"poll": ["429*2"]}),
    ("poll 429 as status", {"poll": [{"answer": 429, "http": 429}]}),
    ("poll 401", {"poll": ["401"]}),
    ("poll 433", {"poll": ["433"]}),
    ("poll 455", {"poll": ["455"]}),
    ("poll 500", {"poll": ["500*2"]}),
    ("poll 505", {"poll": ["505"]}),
    ("poll 405", {"poll": ["405"]}),
    ("poll dropped", {"poll": ["drop*2"]}),
    ("poll 502 page", {"poll": ["html*2"]}),
    ("poll 408 page", {"poll": [{"answer": "html", "http": 408}]}),
    ("poll 501 page", {"poll": [{"answer": "html", "http": 501}]}),
    ("poll 404 page", {"poll": [{"answer": "html", "http": 404}]}),
    ("poll text", {"poll": ["text"]}),
    ("poll without an answer", {"poll": ["hang"]}),
    *(
        (f"clip {step}", {"download": [step]})
        for step in ("truncated", "cut", "empty", "page", "page_as_video", "drop", "403", "404", "410", "500")
    ),
    ("clip from elsewhere on this machine", {"download": ["redirect"]}),
)


def test_what_passes_costs_one_creation(desk: Desk) -> None:
    rows = [trouble(name, options={"timeout_s": 1.0}, **rule) for name, rule in FINE]
    seen = desk.run(rows)
    assert seen == {row.name: Seen("done", "", "", "", 1, ("fetched",), (PRICE,)) for row in rows}
    assert desk.answer.code == 0


def test_polls_that_all_fail_leave_the_task_to_be_picked_up(desk: Desk) -> None:
    rows = [
        trouble("500 for ever", poll=["500*9"]),
        trouble("refused for ever", poll=["433*9"]),
        trouble("key taken away", poll=["401*8"]),
    ]
    seen = desk.run(rows, "limits.task_timeout_s=4.5")
    assert {name: (one.what, one.creations, one.phases, one.cost_usd) for name, one in seen.items()} == {
        "500 for ever": ("kie has not finished after 4.5 s", 1, ("submitted",), (None,)),
        "refused for ever": ("kie has not finished after 4.5 s", 1, ("submitted",), (None,)),
        "key taken away": (
            f"KIE does not show task {_task(desk, 2)} to this key",
            1,
            ("submitted",),
            (None,),
        ),
    }
    assert seen["key taken away"].next == CHECK_KEY
    assert desk.answer.code == 1
    after = desk.again()
    assert {name: (one.creations, one.phases) for name, one in after.items()} == {
        row.name: (1, ("fetched",)) for row in rows
    }
    assert desk.answer.code == 0


def test_a_task_that_kie_does_not_know_any_more_is_given_up_by_a_person_only(desk: Desk) -> None:
    rows = [trouble("unknown", poll=["422*"]), trouble("no data", poll=["no_data*"])]
    seen = desk.run(rows, timing=IMPATIENT)
    for one in seen.values():
        assert one.what.startswith("KIE does not know task ")
        assert (one.creations, one.phases, one.cost_usd) == (1, ("submitted",), (None,))
        assert one.next.startswith("look the task up at the provider; to give that attempt up:\n")
        assert "--abandon" in one.next.splitlines()[1]
    assert desk.answer.code == 1
    assert {row["reserved_usd"] for row in desk.journal()} == {PRICE}


def test_a_failure_without_a_record_is_believed_after_a_while_and_looked_at_again_before_it_is_paid_again(
    desk: Desk,
) -> None:
    options = {"patience_s": 1}
    rows = [trouble(code, poll=[f"{code}*5"], options=options) for code in ("501", "408")]
    seen = desk.run(rows)
    assert {
        name: (one.what, one.next, one.creations, one.phases, one.cost_usd) for name, one in seen.items()
    } == {
        "501": (GAVE_UP, f"{CHANGE}, which pays for another clip", 1, ("failed",), (None,)),
        "408": (GAVE_UP, PAID_AGAIN, 1, ("failed",), (None,)),
    }
    assert "reserved for it count as spent" in seen["408"].why
    assert desk.answer.code == 1

    # It had succeeded after all.
    after = desk.again()

    assert desk.answer.code == 0
    assert {name: (one.creations, one.phases, one.cost_usd) for name, one in after.items()} == {
        row.name: (1, ("fetched",), (PRICE,)) for row in rows
    }


def test_one_stray_answer_ends_no_task_that_is_under_way(desk: Desk) -> None:
    rows = [trouble(stray, poll=["state*6", stray, "state", stray]) for stray in ("422", "404", "no_data")]
    seen = desk.run(rows, timing=IMPATIENT)
    assert desk.answer.code == 0, desk.answer.out
    assert {name: (one.creations, one.phases) for name, one in seen.items()} == {
        row.name: (1, ("fetched",)) for row in rows
    }


def test_a_task_that_is_said_to_have_timed_out_is_asked_for_once_more_at_most(desk: Desk) -> None:
    rows = [
        trouble("timed out", fail={"msg": "request timed out"}),
        trouble("not twice in a row", poll=["408", "429", "408"]),
    ]
    seen = desk.run(rows, "limits.retries=5")
    assert {name: one.creations for name, one in seen.items()} == {
        "timed out": 2,
        "not twice in a row": 1,
    }


def _task(desk: Desk, row: int) -> str:
    """The id of the task that was made for a row."""
    (id,) = (id for id, task in desk.emulator.books().tasks.items() if task.key == desk.key(row))
    return id


def _paged(status: int) -> Trouble:
    return trouble(f"page {status}", create=[{"answer": "html_before", "http": status, "times": "forever"}])


def _without_why(seen: dict[str, Seen]) -> dict[str, Any]:
    return {
        name: (one.ending, one.what, one.next, one.creations, one.phases, one.cost_usd)
        for name, one in seen.items()
    }
