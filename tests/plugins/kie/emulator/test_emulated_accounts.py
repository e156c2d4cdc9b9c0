"""Keys, credits, rates, and the two styles of errors."""

from __future__ import annotations

import httpx
import pytest

UNAUTHORIZED = {
    "code": 401,
    "msg": "Unauthorized – Authentication failed. Please check that your Authorization and Content-Type headers "
    "are correctly set.",
}
PRICE = 160  # of the default task


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "emulator"}, {"Authorization": "Basic ZW11"}],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/chat/credit"),
        ("POST", "/api/v1/jobs/createTask"),
        ("GET", "/api/v1/jobs/recordInfo"),
        ("POST", "/api/v1/common/download-url"),
        ("POST", "/api/file-stream-upload"),
        ("GET", "/api/v1/models"),
    ],
)
def test_without_a_good_key_the_body_says_401_under_http_200(shared, headers, method, path):
    answer = httpx.request(method, shared.url + path, headers=headers, trust_env=False, verify=False)

    assert answer.status_code == 200
    assert answer.json() == UNAUTHORIZED


def test_the_balance_is_a_bare_number(customer):
    customer.emulator.account(customer.key, credits=5916.25)

    assert customer.get("/api/v1/chat/credit") == {"code": 200, "msg": "success", "data": 5916.25}


def test_credits_are_held_when_a_task_is_made_and_gone_when_it_succeeds(customer):
    customer.emulator.script(rules=[{"seconds": 60}])
    task = customer.made()

    assert customer.record(task)["data"]["creditsConsumed"] == float(PRICE)
    assert (customer.credit(), customer.account().held, customer.account().consumed) == (
        1000 - PRICE,
        PRICE,
        0,
    )

    customer.emulator.advance(60)

    assert customer.end(task)["creditsConsumed"] == float(PRICE)
    assert (customer.credit(), customer.account().held, customer.account().consumed) == (
        1000 - PRICE,
        0,
        PRICE,
    )


def test_a_failed_task_gives_the_credits_back(customer):
    customer.emulator.script(rules=[{"fail": {"msg": "nsfw"}}])

    assert customer.end(customer.made())["creditsConsumed"] == 0.0
    assert (customer.credit(), customer.account().held, customer.account().consumed) == (1000, 0, 0)


def test_a_script_may_keep_the_credits_of_a_failed_task(customer):
    customer.emulator.script(rules=[{"fail": {"refund": False}}])

    assert customer.end(customer.made())["creditsConsumed"] == float(PRICE)
    assert customer.credit() == 1000 - PRICE


def test_without_credits_nothing_is_made(customer):
    customer.emulator.account(customer.key, credits=PRICE - 1)

    answer = customer.create()

    assert answer == {
        "code": 402,
        "msg": "The current credits are insufficient. Please top up.",
        "data": None,
    }
    assert customer.account().creations == 0
    assert customer.credit() == PRICE - 1


def test_credits_for_exactly_one_task_are_enough_for_one(customer):
    customer.emulator.account(customer.key, credits=PRICE)

    assert [customer.create()["code"], customer.create()["code"]] == [200, 402]


@pytest.mark.parametrize("code", [500, 429])
def test_no_credit_may_come_under_other_codes(started, code):
    customer = started("--credits", "1", "--no-credit", str(code))

    assert customer.create() == {"code": code, "msg": "Credits insufficient", "data": None}


def test_a_wrong_request_is_refused_before_the_credits_are_looked_at(customer):
    customer.emulator.account(customer.key, credits=0)

    assert customer.create(duration="7")["code"] == 500


def test_errors_may_come_as_http_statuses(started):
    customer = started("--error-style", "http", "--credits", "1")

    refused = customer.http.post("/api/v1/jobs/createTask", json={"model": "no/such", "input": {}})
    unknown = customer.http.get("/api/v1/jobs/recordInfo", params={"taskId": "0" * 32})
    poor = customer.http.post(
        "/api/v1/jobs/createTask",
        json={"model": "grok-imagine/image-to-video", "input": {}},
    )
    stranger = httpx.get(customer.emulator.url + "/api/v1/chat/credit", trust_env=False, verify=False)

    assert [one.status_code for one in (refused, unknown, poor, stranger)] == [422, 422, 402, 401]
    assert refused.json()["code"] == 422


def test_of_the_creations_in_ten_seconds_the_21st_is_refused_and_not_queued(started):
    customer = started("--task-seconds", "0", "--credits", "100000")

    codes = [customer.create()["code"] for _ in range(23)]

    assert codes == [200] * 20 + [429] * 3
    assert customer.account().creations == 20
    assert customer.account().refusals == {"429": 3}
    assert [one["outcome"] for one in customer.emulator.books().creations].count("refused") == 3


def test_the_window_of_the_rate_slides(started):
    customer = started("--task-seconds", "0", "--credits", "100000")
    for _ in range(10):
        customer.create()
    customer.emulator.advance(6)
    for _ in range(10):
        customer.create()
    assert customer.create()["code"] == 429

    customer.emulator.advance(4.5)
    codes = [customer.create()["code"] for _ in range(11)]

    assert codes == [200] * 10 + [429], "the first ten are out of the window, the second ten are not"


def test_every_account_has_a_rate_of_its_own(started):
    customer = started("--task-seconds", "0", "--rate", "1/10", "--key", "emulator", "--key", "other")
    customer.create()

    again = customer.create()
    other = httpx.post(
        customer.emulator.url + "/api/v1/jobs/createTask",
        json={"model": "grok-imagine/image-to-video", "input": {}},
        headers={"Authorization": "Bearer other"},
        trust_env=False,
        verify=False,
    )

    assert again == {"code": 429, "msg": "Rate limit exceeded", "data": None}
    assert other.json()["code"] == 200


def test_more_than_ten_polls_in_a_second_are_refused(started):
    customer = started("--poll-rate", "10/1000")

    codes = [customer.record("0" * 32)["code"] for _ in range(12)]

    assert codes == [422] * 10 + [429] * 2
    customer.emulator.advance(1000)
    assert customer.record("0" * 32)["code"] == 422


def test_a_task_is_nobodys_but_its_accounts(shared, customer):
    task = customer.made()
    other = shared.account(f"{customer.key}-other")

    answer = httpx.get(
        shared.url + "/api/v1/jobs/recordInfo",
        params={"taskId": task},
        headers={"Authorization": f"Bearer {other}"},
        trust_env=False,
        verify=False,
    )

    assert answer.json() == {"code": 422, "msg": "recordInfo is null", "data": None}


def test_the_books_tell_how_many_tasks_ran_at_once_and_what_each_prompt_cost(customer):
    customer.emulator.script(rules=[{"seconds": 60}])
    tasks = [customer.made(prompt="a"), customer.made(prompt="a"), customer.made(prompt="b")]
    assert customer.account().running == 3
    customer.emulator.advance(60)
    for task in tasks:
        customer.end(task)
    customer.emulator.script()
    customer.end(customer.made(prompt="b"))

    account = customer.account()

    assert account.creations_by_prompt == {"a": 2, "b": 2}
    assert account.billed_by_prompt == {"a": 2 * PRICE, "b": 2 * PRICE}
    assert (account.running, account.max_running) == (0, 3)
    assert len(account.creation_times) == 4
