"""The fake provider: what it bills and counts, how it misbehaves, and that its books outlive it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import av
import httpx
import numpy as np
import pytest
from desk import Desk, submitting
from pydantic import TypeAdapter

from runner.api import State, TaskRef
from runner.errors import Busy, SubmitUnknown, TaskUnknown
from runner.media import picture
from runner.testing import PLUGINS
from runner.testing.fake_provider.client import running
from runner.testing.fake_provider.script import Behaviour
from runner.testing.provider.script import nth

ROOT = Path(__file__).parents[2]


def frames(clip):
    with av.open(io.BytesIO(clip)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def facts(clip):
    with av.open(io.BytesIO(clip)) as container:
        video = container.streams.video[0]
        return video.width, video.height, float(container.duration / av.time_base)


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other.astype(float)) ** 2))


def clip_of(desk, shot="hero/pour", **keys):
    (ref,) = desk.do(submitting(shot, **keys))
    return bytes(desk.fetch(desk.end(ref)).data)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"9" * 100_000, b"[]", b'{"duration_s": 1%s}' % (b"0" * 400)]
)
def test_a_body_that_is_no_task_is_refused(desk, body):
    headers = {"Authorization": f"Bearer {desk.key}"}
    answer = httpx.post(f"{desk.fake.base_url}/tasks", content=body, headers=headers, trust_env=False)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


# --- books --------------------------------------------------------------------------------------------------------


def test_the_books_and_the_tasks_outlive_a_kill(own_desk):
    own_desk.fake.script(default={"price_usd": "0.40", "submit": ["429"], "poll": ["503"]})
    busy, ref = own_desk.do(submitting(), submitting())
    own_desk.end(ref)
    before, address = own_desk.fake.books(), own_desk.fake.base_url
    own_desk.fake.kill()
    own_desk.fake.start()
    assert type(busy) is Busy
    assert own_desk.fake.base_url == address
    assert own_desk.fake.books() == before
    assert own_desk.fetch(own_desk.end(ref)).data
    assert isinstance(own_desk.submit(token="t2"), TaskRef), "the script goes on where it was"


def test_a_task_that_was_running_when_the_server_died_ends_after_all(own_desk):
    own_desk.fake.script(default={"run_s": 3600})
    ref = own_desk.submit()
    own_desk.fake.kill()
    own_desk.fake.start()
    assert own_desk.poll(ref).state is State.RUNNING
    own_desk.fake.script()
    assert own_desk.end(ref).state is State.SUCCEEDED


def test_money_is_counted_by_token_by_task_and_in_total(desk):
    desk.fake.script(
        default={"price_usd": "0.10", "price_per_s_usd": "0.05"}, shots={"hero/b": {"fail": "refunded"}}
    )
    one, two = desk.do(submitting("hero/a", "ta", duration_s=4.0), submitting("hero/b", "tb"))
    desk.end(one)
    desk.end(two)
    books = desk.books()
    assert books.billed_by_token == {"ta": Decimal("0.30"), "tb": Decimal("0.20")}
    assert books.tasks[one.id].billed_usd == Decimal("0.30")
    assert (books.billed_usd, books.refunded_usd, books.total_usd) == (
        Decimal("0.50"),
        Decimal("0.20"),
        Decimal("0.30"),
    )


def test_a_refund_is_in_the_books_although_nobody_polled(desk):
    desk.fake.script(default={"fail": "refunded"})
    ref = desk.submit()
    assert desk.books().tasks[ref.id].refunded_usd == Decimal("0.10")


def test_every_submission_is_kept_with_its_body(desk):
    desk.fake.script(default={"submit": ["refuse_no_credit"]})
    desk.submit("hero/pour", "t1")
    desk.submit("hero/pour", "t2")
    first, second = desk.books().log
    assert (first.token, first.outcome, first.tasks) == ("t1", "refused", ())
    assert (second.token, second.outcome) == ("t2", "accepted")
    assert second.body["prompt"] == "coffee"
    assert desk.books().submissions_by_shot == {"hero/pour": 2}


def test_polls_fetches_and_look_ups_are_counted_for_each_account(desk):
    desk.fake.script(supports_lookup=True)
    ref = desk.submit()
    status = desk.end(ref)
    desk.fetch(status)
    desk.fetch(status)
    desk.find("t1")
    desk.poll(ref, api_key=f"{desk.key}-other")
    books, other = desk.books(), desk.fake.books().accounts[f"{desk.key}-other"]
    assert (books.fetches, books.finds, books.unknown_polls) == (2, 1, 0)
    assert books.polls == books.tasks[ref.id].polls > 0
    assert (other.polls, other.unknown_polls) == (1, 1)


def test_the_busiest_window_and_the_most_tasks_at_once_are_known(desk):
    desk.fake.script(default={"run_s": 3600}, shots={"hero/short": {"run_s": 0}})
    desk.end(desk.submit("hero/short", "t0"))
    desk.do(submitting("hero/a"), submitting("hero/b"), submitting("hero/c"))
    books = desk.books(window_s=3600)
    assert (books.max_in_window, books.max_running) == (4, 3)
    assert desk.books(window_s=0).max_in_window == 0


# --- accounts and limits ------------------------------------------------------------------------------------------


def test_a_task_of_another_account_looks_like_one_that_never_was(desk):
    ref = desk.submit()
    other = {"Authorization": "Bearer other"}
    theirs = httpx.get(f"{desk.fake.base_url}/tasks/{ref.id}", headers=other)
    never = httpx.get(f"{desk.fake.base_url}/tasks/never", headers=other)
    assert theirs.status_code == never.status_code == 404
    assert theirs.text == never.text


def test_a_request_without_a_key_is_refused(desk):
    answer = httpx.post(f"{desk.fake.base_url}/tasks", json={"prompt": "x", "duration_s": 1, "token": "t"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"prompt": "x"}', b'{"duration_s": "long"}', b"\xff"]
)
def test_nonsense_is_refused_and_not_counted(desk, body):
    headers = {"Authorization": f"Bearer {desk.key}"}
    assert httpx.post(f"{desk.fake.base_url}/tasks", content=body, headers=headers).status_code == 422
    assert desk.key not in desk.fake.books().accounts


def test_a_rate_limit_refuses_what_comes_too_soon(desk):
    desk.fake.script(rate={"count": 2, "per_s": 3600})
    outcomes = desk.do(*[submitting(token=f"t{number}") for number in range(4)])
    assert [type(one) for one in outcomes] == [TaskRef, TaskRef, Busy, Busy]
    assert "more than 2 tasks" in outcomes[2].why
    assert (desk.books().accepted, desk.books().rate_refusals) == (2, 2)
    assert isinstance(desk.submit(api_key=f"{desk.key}-other"), TaskRef), "each account has its own limit"


def test_a_limit_of_running_tasks_ends_with_the_tasks(desk):
    desk.fake.script(in_flight=1, default={"run_s": 3600})
    ref, refused = desk.do(submitting(token="t1"), submitting(token="t2"))
    assert type(refused) is Busy
    desk.fake.script(in_flight=1)
    desk.end(ref)
    assert isinstance(desk.submit(token="t3"), TaskRef)


def test_a_submission_over_the_limit_does_not_use_up_the_script(desk):
    desk.fake.script(rate={"count": 1, "per_s": 1}, default={"submit": ["ok", "drop_after_accept"]})
    first, outcome = desk.do(*[submitting()] * 2)
    assert [type(first), type(outcome)] == [TaskRef, Busy]
    deadline = time.monotonic() + 60
    while type(outcome) is Busy:
        assert time.monotonic() < deadline, outcome
        time.sleep(0.05)
        outcome = desk.submit()
    assert type(outcome) is SubmitUnknown


# --- misbehaviour -------------------------------------------------------------------------------------------------


def test_a_provider_may_take_one_submission_twice(desk):
    desk.fake.script(supports_lookup=True, default={"submit": ["accept_twice"]})
    ref = desk.submit()
    books = desk.books()
    assert books.submissions_by_token == {"t1": 1}
    assert books.accepted_by_token == {"t1": 2}
    assert books.billed_by_token == {"t1": Decimal("0.20")}
    assert desk.find("t1") == ref


def test_a_slow_answer_is_billed_before_it_comes(desk):
    desk.fake.script(default={"slow_s": 3600})
    assert type(desk.submit(timeout_s=0.2)) is SubmitUnknown
    assert desk.books().accepted == 1


def test_a_slow_clip_arrives_whole_for_who_waits(desk):
    desk.fake.script(default={"slow_result_s": 0.4})
    status = desk.end(desk.submit())
    assert desk.fetch(status, timeout_s=0.1).retry_safe
    assert facts(bytes(desk.fetch(status).data))


def test_a_task_may_get_lost_after_it_was_seen(desk):
    desk.fake.script(default={"run_s": 3600, "poll": ["ok*2", "404*"]})
    ref = desk.submit()
    seen = desk.do(*[lambda fake: fake.poll(ref)] * 5)
    assert [getattr(one, "state", None) for one in seen] == [State.RUNNING] * 2 + [None] * 3


def test_a_task_may_be_unknown_for_a_while(desk):
    desk.fake.script(default={"poll": ["404*2"]})
    ref = desk.submit()
    early = desk.do(*[lambda fake: fake.poll(ref)] * 2)
    assert all(type(one) is TaskUnknown for one in early)
    assert desk.end(ref).state is State.SUCCEEDED


def test_a_task_is_queued_then_running(desk):
    desk.fake.script(default={"queue_s": 3600})
    ref = desk.submit()
    assert desk.poll(ref).state is State.QUEUED
    desk.fake.script(default={"run_s": 3600})
    assert desk.poll(ref).state is State.RUNNING


def test_later_layers_of_a_script_win_and_are_counted_on_their_own(desk):
    desk.fake.script(
        default={"submit": ["500"], "price_usd": "1"},
        shots={"pour": {"price_usd": "2"}, "hero/sip": {"price_usd": "3", "submit": ["429*2"]}},
        tokens={"special": {"price_usd": "4"}},
        submissions={6: {"submit": ["refuse_moderation"]}},
    )
    outcomes = desk.do(
        submitting("hero/pour"),
        submitting("hero/pour", "t2"),
        submitting("hero/sip"),
        submitting("hero/sip"),
        submitting("hero/sip", "t3"),
        submitting("hero/sip", "t4"),
        submitting("hero/sip", "special-5"),
    )
    assert [entry.answer for entry in desk.books().log] == [
        *("500", "ok", "429", "429", "ok", "refuse_moderation", "ok")
    ]
    assert desk.books().billed_by_token == {"t2": Decimal(2), "t3": Decimal(3), "special-5": Decimal(4)}
    assert isinstance(outcomes[-1], TaskRef)


@pytest.mark.parametrize(
    "wrong",
    [
        {"defualt": {}},
        {"default": {"run": 1}},
        {"default": {"submit": ["drop"]}},
        {"default": {"poll": ["404*x"]}},
        {"shots": {"a": {"fetch": ["gone"]}}},
        {"rate": {"count": 1}},
    ],
)
def test_a_script_with_a_mistake_is_refused(desk, wrong):
    with pytest.raises(ValueError, match="invalid_script"):
        desk.fake.script(**wrong)


def test_answers_are_given_in_their_order_and_number():
    steps = TypeAdapter(Behaviour).validate_python({"submit": ["429*2", "ok", "404*", "500"]}).submit
    found = [nth(steps, index) for index in range(6)]
    assert [step and step.answer for step in found] == ["429", "429", None, "404", "404", "404"]
    assert nth(steps[:1], 2) is None


# --- clips --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aspect_ratio", "size"), [("16:9", (64, 36)), ("9:16", (36, 64)), ("1:1", (36, 36)), ("21:9", (84, 36))]
)
def test_a_clip_is_tiny_and_as_long_as_asked(desk, aspect_ratio, size):
    clip = clip_of(desk, aspect_ratio=aspect_ratio, duration_s=3.0)
    assert facts(clip) == (*size, 3.0)
    assert len(frames(clip)) == 4


def test_the_same_request_gives_the_same_bytes_and_another_prompt_others(desk):
    one, same = clip_of(desk, "a/a", token="t1"), clip_of(desk, "b/b", token="t2")
    assert one == same
    assert clip_of(desk, token="t3", prompt="tea") != one
    assert clip_of(desk, token="t4", seed=2) != one


def test_a_clip_starts_from_the_picture_it_was_given_and_moves_on(desk, host):
    last = frames(clip_of(desk))[-1]
    chained = frames(clip_of(desk, token="t2", prompt="tea", image=host(picture.encode(last).data)))
    assert psnr(chained[0], last) > 40
    assert psnr(chained[-1], last) < 30


def test_a_picture_that_cannot_be_fetched_fails_the_task_and_is_refunded(desk):
    (ref,) = desk.do(submitting(image="http://127.0.0.1:1/none.png"))
    status = desk.end(ref)
    assert status.state is State.FAILED
    assert "http://127.0.0.1:1/none.png" in status.reason
    assert status.cost_usd == 0


def test_a_page_is_not_a_picture(desk):
    (ref,) = desk.do(submitting(image=f"{desk.fake.base_url}/_books"))
    assert "it is a JSON document" in desk.end(ref).reason


def test_a_clip_may_be_of_another_length_and_size_than_asked(desk):
    desk.fake.script(default={"clip_duration_s": 7.0, "clip_size": [48, 48]})
    assert facts(clip_of(desk)) == (48, 48, 7.0)


def test_an_address_that_nobody_gave_is_refused(desk):
    (result,) = desk.end(desk.submit()).results
    assert httpx.get(result.url).status_code == 200
    assert httpx.get(result.url.replace("-", "-1")).status_code == 403
    assert httpx.get(f"{desk.fake.base_url}/files/clip.mp4").status_code == 403


# --- the process --------------------------------------------------------------------------------------------------


def start(tmp_path, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "runner.testing.fake_provider", "--state", str(tmp_path / "b.jsonl"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_although_requests_hang(tmp_path, number):
    with start(tmp_path) as process:
        address = json.loads(process.stdout.readline())["base_url"]
        httpx.post(f"{address}/_script", json={"default": {"submit": ["hang_after_accept"]}})
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{address}/tasks", json={"duration_s": 1}, headers={"Authorization": "Bearer k"}, timeout=0.2
            )
        process.send_signal(number)
        assert process.wait(10) == 0


def test_it_goes_with_its_parent(tmp_path):
    with start(tmp_path, "--die-with-parent") as process:
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0


def test_it_listens_on_the_loopback_interface_only(desk):
    port = int(desk.fake.base_url.rpartition(":")[2])
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no table of sockets on this system")
    listening = [row.split()[1] for row in table.read_text().splitlines()[1:] if row.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_canned_clips_are_ready_at_once(tmp_path, spec):
    with (
        running(tmp_path / "books.jsonl", canned=True) as provider,
        Desk(provider, spec, tmp_path, "bench") as desk,
    ):
        refs = desk.do(*[submitting(token=f"t{n}", prompt=f"p{n}") for n in range(3)])
        statuses = desk.do(*[lambda fake, ref=ref: fake.poll(ref) for ref in refs])
        assert [status.state for status in statuses] == [State.SUCCEEDED] * 3
        assert len({bytes(desk.fetch(status).data) for status in statuses}) == 1
        assert desk.books().accepted == 3


# --- as a generator of this program -------------------------------------------------------------------------------


def test_the_command_line_makes_a_film_with_it(workplace, desk):
    answer = workplace.run(
        workplace.project({"hero": {"opening": "dawn", "pour": "coffee"}}),
        "generator.plugin=fake",
        f"generator.base_url={desk.fake.base_url}",
        f"generator.api_key={desk.key}",
        "generator.price_usd=0.25",
        "generator.rate={count: 20, per_s: 10}",
        f"plugins.dirs=[{PLUGINS}]",
    )
    assert answer.code == 0, answer.err
    assert desk.books().accepted_by_shot == {"hero/opening": 1, "hero/pour": 1}
    assert workplace.manifest()["sequences"]["hero"]["shots"]["pour"]["adherence"]["verdict"] == "locked"
