"""The plugin `fake`: every outcome becomes the error that says what may have been spent."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from desk import ended, fetched, request, submitting

from runner.api import Idempotency, InputMode, Price, Rate, Result, State, Status, TaskRef
from runner.errors import (
    Busy,
    FetchFailed,
    PollFailed,
    RunnerError,
    Spent,
    SubmitRefused,
    SubmitUnknown,
    TaskUnknown,
)
from tests.raw_server import raw_server

ACCEPTED_AND_SILENT = [
    "drop_after_accept",
    "hang_after_accept",
    "html_after_accept",
    "500_after_accept",
    "502_after_accept",
    "504_after_accept",
    "408_after_accept",
]
NOT_ACCEPTED_AND_SILENT = [
    "drop_before_accept",
    "hang_before_accept",
    "html_before_accept",
    "500",
    "502",
    "504",
]
DROP = "drop*2"  # aiohttp asks once more by itself, where the method is not POST
REFUSED = [
    "refuse_validation",
    "refuse_moderation",
    "refuse_no_credit",
    "refuse_unauthorized",
    "refuse_in_body",
    "400",
    "404",
    "409",
]


def test_a_shot_is_submitted_polled_and_fetched(desk):
    ref = desk.submit()
    status = desk.end(ref)
    assert status.state is State.SUCCEEDED
    assert status.cost_usd == Decimal("0.10")
    assert status.results[0].expires_at > datetime.now(UTC)
    sink = desk.fetch(status)
    assert sink.data[4:8] == b"ftyp"
    assert sink.size == len(sink.data)
    assert desk.books().accepted_by_shot == {"hero/pour": 1}


@pytest.mark.parametrize("answer", ACCEPTED_AND_SILENT)
def test_a_shot_that_may_have_been_taken_is_unknown(desk, answer):
    desk.fake.script(default={"submit": [answer]})
    error = desk.submit(timeout_s=0.3)
    assert type(error) is SubmitUnknown
    assert error.spent is Spent.MAYBE
    assert not error.retry_safe
    assert desk.books().billed_by_token == {"t1": Decimal("0.10")}


@pytest.mark.parametrize("answer", NOT_ACCEPTED_AND_SILENT)
def test_silence_is_unknown_also_where_nothing_was_taken(desk, answer):
    desk.fake.script(default={"submit": [answer]})
    assert type(desk.submit(timeout_s=0.3)) is SubmitUnknown
    assert desk.books().billed_usd == 0


@pytest.mark.parametrize("answer", ["drop_before_accept", "drop_after_accept"])
def test_a_drop_is_unknown_on_a_connection_that_was_used_before(desk, answer):
    desk.fake.script(submissions={2: {"submit": [answer]}})
    first, second = desk.do(submitting(token="t1"), submitting(token="t2"))
    assert isinstance(first, TaskRef)
    assert type(second) is SubmitUnknown
    assert desk.books().submissions == 2, "nothing below the plugin may send a submission again"


@pytest.mark.parametrize("answer", REFUSED)
def test_a_refusal_costs_nothing_and_is_not_repeated(desk, answer):
    desk.fake.script(default={"submit": [answer]})
    error = desk.submit()
    assert type(error) is SubmitRefused
    assert error.spent is Spent.NO
    assert not error.retry_safe
    assert error.why
    assert desk.books().billed_usd == 0


def test_a_refusal_says_what_the_provider_says(desk):
    desk.fake.script(default={"submit": ["refuse_moderation"]})
    assert "the prompt was flagged" in desk.submit().why


@pytest.mark.parametrize("answer", ["429", "503"])
@pytest.mark.parametrize(("as_date", "low"), [(False, 7.0), (True, 5.0)])
def test_a_busy_provider_says_when_to_come_back(desk, answer, as_date, low):
    desk.fake.script(default={"submit": [answer], "retry_after_s": 7, "retry_after_date": as_date})
    error = desk.submit()
    assert type(error) is Busy
    assert error.retry_safe
    assert low <= error.retry_after_s <= 7.0


def test_a_busy_provider_may_not_say_when(desk):
    desk.fake.script(default={"submit": ["429"]})
    error, then = desk.do(submitting(), submitting())
    assert type(error) is Busy
    assert error.retry_after_s is None
    assert isinstance(then, TaskRef)


def test_no_connection_means_that_nothing_was_sent(desk):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        port = taken.getsockname()[1]
        error = desk.submit(base_url=f"http://127.0.0.1:{port}")
    assert type(error) is Busy
    assert error.spent is Spent.NO


def test_no_room_to_connect_means_that_nothing_was_sent(desk):
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
        error = desk.submit(base_url=f"http://127.0.0.1:{port}", timeout_s=0.2)
        for connection in waiting:
            connection.close()
    assert type(error) is Busy


def test_an_answer_that_is_not_http_is_unknown(desk):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        async def garbled(generator):

            async def answer():
                loop = asyncio.get_running_loop()
                listening.setblocking(False)
                connection, _ = await loop.sock_accept(listening)
                await loop.sock_recv(connection, 65536)
                await loop.sock_sendall(connection, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                connection.close()

            answering = asyncio.create_task(answer())
            try:
                return await generator.submit(request(), "t1")
            finally:
                await answering

        (error,) = desk.do(garbled, base_url=f"http://127.0.0.1:{port}")
    assert type(error) is SubmitUnknown


def answered(desk, body, *steps, kind="application/json", **options):
    """The outcomes of steps of a generator whose provider gives the same answer to all."""

    async def connected(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()

    async def play(generator):
        async with raw_server(connected) as address:
            other = type(generator)(
                dataclasses.replace(generator.options, base_url=address), generator.context
            )
            found = []
            for step in steps:
                try:
                    found.append(await step(other, address))
                except RunnerError as error:
                    found.append(error)
            return found

    return desk.do(play, **options)[0]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"task_id": ' * 50_000,
        b'{"task_id": %s, "task_ids": 1, "state": "running"}' % (b"9" * 100_000),
        b"[]",
        b"null",
        b'"x"',
        b'{"state": "running", "progress": 1' + b"0" * 400 + b"}",
    ],
)
def test_json_of_a_stranger_is_an_error_that_says_so(desk, body):
    submitted, polled, found = answered(
        desk,
        body,
        lambda generator, _: generator.submit(request(), "t1"),
        lambda generator, _: generator.poll(TaskRef("x")),
        lambda generator, _: generator.lookup("t1"),
    )

    assert type(submitted) is SubmitUnknown
    assert type(polled) is PollFailed
    assert type(found) is SubmitUnknown
    assert max(len(str(error)) for error in (submitted, polled, found)) < 1_000


def test_a_clip_of_a_stranger_is_no_larger_than_it_may_be(desk):
    def step(generator, address):
        return fetched(generator, Status(state=State.SUCCEEDED, results=(Result(f"{address}/x.mp4"),)))

    (error,) = answered(desk, bytes(1_000_001), step, kind="video/mp4", max_clip_mb=1)
    assert error.what == "the clip is larger than it may be"
    (clip,) = answered(desk, bytes(1_000_000), step, kind="video/mp4", max_clip_mb=1)
    assert clip.size == 1_000_000


@pytest.mark.parametrize("answer", ["404", "429", "500", "503", DROP, "hang", "html"])
def test_a_poll_that_fails_leaves_the_task_alive(desk, answer):
    desk.fake.script(default={"poll": [answer]})
    ref = desk.submit()
    error = desk.poll(ref, timeout_s=0.3)
    assert type(error) is (TaskUnknown if answer == "404" else PollFailed)
    assert error.spent is Spent.YES
    assert error.retry_safe is (answer != "404")
    assert ref.id in error.what
    assert desk.end(ref).state is State.SUCCEEDED


def test_progress_and_state_are_passed_on(desk):
    desk.fake.script(default={"poll": ["queued", "running"]})
    ref = desk.submit()
    queued, running = desk.do(lambda fake: fake.poll(ref), lambda fake: fake.poll(ref))
    assert (queued.state, running.state) == (State.QUEUED, State.RUNNING)
    assert running.progress == 0.5


def test_a_failed_task_says_why_and_what_it_costs(desk):
    desk.fake.script(
        shots={"a": {"fail": "refunded", "fail_reason": "out of memory"}, "b": {"fail": "charged"}}
    )
    back, kept = desk.end(desk.submit("hero/a")), desk.end(desk.submit("hero/b"))
    assert (back.state, back.reason, back.cost_usd) == (State.FAILED, "out of memory", 0)
    assert (kept.state, kept.cost_usd) == (State.FAILED, Decimal("0.10"))


def test_a_task_of_another_account_is_not_found(desk):
    ref = desk.submit()
    error = desk.poll(ref, api_key="someone-else")
    assert type(error) is TaskUnknown
    assert "key" in error.why


def test_an_expired_address_is_called_expired_and_a_poll_gives_another(desk):
    desk.fake.script(default={"fetch": ["expired"]})
    ref = desk.submit()
    status = desk.end(ref)
    first, again = desk.fetch(status), desk.fetch(status)
    assert type(first) is FetchFailed
    assert "expired" in first.why
    assert "expired" in again.why, "the address is dead, not only slow"
    assert desk.fetch(desk.end(ref)).data


def test_an_address_lives_as_long_as_it_says(desk):
    desk.fake.script(default={"url_ttl_s": 0})
    assert "expired" in desk.fetch(desk.end(desk.submit())).why


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("truncated", "ReadError"),
        (DROP, ""),
        ("hang", "Timeout"),
        ("html", "text/html"),
        ("404", "404"),
        ("429", "429"),
        ("500", "500"),
        ("503", "503"),
    ],
)
def test_a_fetch_that_fails_can_be_repeated_for_nothing(desk, answer, said):
    desk.fake.script(default={"fetch": [answer]})
    status = desk.end(desk.submit())
    error = desk.fetch(status, timeout_s=0.3)
    assert type(error) is FetchFailed
    assert error.retry_safe
    assert said in error.why
    assert desk.fetch(status).data[4:8] == b"ftyp"


@pytest.mark.parametrize("answer", ["cut", "empty", "html_as_video"])
def test_what_http_calls_whole_is_left_to_the_engine_to_judge(desk, answer):
    desk.fake.script(default={"fetch": [answer]})
    status = desk.end(desk.submit())
    spoilt, whole = desk.fetch(status), desk.fetch(status)
    assert spoilt.size == len(spoilt.data)
    assert len(spoilt.data) < len(whole.data)


def test_a_result_that_nobody_named_cannot_be_fetched(desk):
    assert type(desk.fetch(Status(state=State.SUCCEEDED))) is FetchFailed


def test_a_host_that_is_gone_is_a_failed_fetch(desk):
    status = Status(state=State.SUCCEEDED, results=(Result("http://127.0.0.1:1/x.mp4"),))
    assert type(desk.fetch(status)) is FetchFailed


def test_a_lost_answer_is_looked_up_by_its_token(desk):
    desk.fake.script(supports_lookup=True, default={"submit": ["drop_after_accept", "drop_before_accept"]})
    desk.do(submitting(token="taken"), submitting(token="lost"))
    ref = desk.find("taken")
    assert desk.end(ref).state is State.SUCCEEDED
    assert desk.find("lost") is None
    assert desk.find("taken", api_key="someone-else") is None


def test_a_provider_that_does_not_tell_leaves_the_outcome_unknown(desk):
    assert type(desk.find("t1")) is SubmitUnknown


def test_an_idempotency_key_makes_a_repetition_free(desk):
    desk.fake.script(supports_idempotency_key=True, default={"submit": ["drop_after_accept"]})
    error, ref, again = desk.do(*[submitting(token="t1")] * 3, idempotency=True)
    assert type(error) is SubmitUnknown
    assert ref == again
    books = desk.books()
    assert (books.submissions, books.accepted, books.billed_usd) == (3, 1, Decimal("0.10"))
    assert books.outcomes == {"accepted": 1, "repeated": 2}


def test_an_idempotency_key_means_nothing_to_a_provider_without(desk):
    one, two = desk.do(*[submitting(token="t1")] * 2, idempotency=True)
    assert one != two
    assert desk.books().billed_by_token == {"t1": Decimal("0.20")}


def test_capabilities_are_what_the_options_say(spec):
    plain = spec.capabilities(spec.options(base_url=""), None, InputMode.TEXT)
    assert plain.billing.price(request()) is None
    assert (plain.billing.idempotency, plain.billing.lookup) == (Idempotency.NONE, False)
    assert (plain.limits.submit, plain.limits.in_flight) == (None, None)
    options = spec.options(
        base_url="",
        price_usd=Decimal("0.30"),
        idempotency=True,
        lookup=True,
        rate=Rate(20, 10.0),
        in_flight=3,
        poll_s=0.5,
    )
    caps = spec.capabilities(options, None, InputMode.TEXT)
    assert caps.billing.price(request()) == Price(usd=Decimal("0.30"))
    assert (caps.billing.idempotency, caps.billing.lookup) == (Idempotency.KEY, True)
    assert (caps.limits.submit, caps.limits.in_flight) == (Rate(20, 10.0), 3)
    assert caps.polling.interval_s.low == 0.5
    assert spec.account(spec.options(base_url="", api_key="k1")) == "k1"


def test_no_option_is_part_of_the_identity(spec):
    assert all(option.metadata["identity"] is False for option in dataclasses.fields(spec.options))


def test_two_shots_are_made_side_by_side(desk):
    async def whole(generator, shot):
        ref = await generator.submit(request(shot), shot)
        return await fetched(generator, await ended(generator, ref))

    sinks = desk.together(*[lambda fake, shot=shot: whole(fake, shot) for shot in ("s/a", "s/b", "s/c")])
    assert all(sink.data for sink in sinks)
    assert desk.books().accepted_by_token == {"s/a": 1, "s/b": 1, "s/c": 1}
