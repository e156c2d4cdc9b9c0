"""Callbacks: when they come, what is in them, and that they are tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from kie_customer import Customer
from runner.plugins.kie.emulator.client import running


def made(customer, url, **given):
    answer = customer.post(
        "/api/v1/jobs/createTask",
        {
            "model": "kling/v2-1-master-text-to-video",
            "callBackUrl": url,
            "input": {"prompt": "pour", "duration": "5", **given},
        },
    )
    return answer["data"]["taskId"]


def told(customer, task):
    """What the books say of a task's callbacks, once none is on its way."""
    return customer.until(
        lambda: [one for one in customer.emulator.books().callbacks if one["task"] == task],
        lambda entries: entries and all("status" in one for one in entries),
    )


def test_a_success_is_told_in_both_documented_shapes_at_once(customer, receiver):
    task = made(customer, receiver.url)

    ((body, headers),) = receiver.wait(1)

    record = customer.record(task)
    short = {"task_id": task, "callbackType": "task_completed"}
    assert body == {"taskId": task, **record, "data": {**record["data"], **short}}
    assert (body["code"], body["data"]["state"]) == (200, "success")
    assert "X-Webhook-Signature" not in headers
    assert [one["status"] for one in told(customer, task)] == [200]


def test_a_failure_is_told_under_501(customer, receiver):
    customer.emulator.script(rules=[{"fail": {"msg": "nsfw"}}])
    made(customer, receiver.url)

    ((body, _),) = receiver.wait(1)

    assert (body["code"], body["msg"]) == (501, "nsfw")
    assert (body["data"]["state"], body["data"]["failCode"], body["data"]["failMsg"]) == (
        "fail",
        "500",
        "nsfw",
    )


def test_the_envelope_alone_is_the_shape_of_record_info(started, receiver):
    customer = started("--callback-shape", "envelope", "--task-seconds", "0")
    task = made(customer, receiver.url)

    ((body, _),) = receiver.wait(1)

    assert body == customer.record(task)


def test_nothing_is_told_before_the_end(customer, receiver):
    customer.emulator.script(rules=[{"seconds": 60}])
    task = made(customer, receiver.url)
    customer.record(task)
    assert receiver.got == []

    customer.emulator.advance(60)

    assert len(receiver.wait(1)) == 1


def test_the_short_shape_is_signed_and_delivered_twice(receiver):
    options = (
        "--callback-shape",
        "short",
        "--webhook-key",
        "secret",
        "--callback-twice",
        "--task-seconds",
        "0",
    )
    with running(*options) as emulator, Customer(emulator, emulator.key) as customer:
        task = made(customer, receiver.url)
        got = receiver.wait(2)

    for body, headers in got:
        assert body == {
            "taskId": task,
            "code": 200,
            "msg": "Success",
            "data": {"task_id": task, "callbackType": "task_completed"},
        }
        signed = f"{task}.{headers['X-Webhook-Timestamp']}".encode()
        expected = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
        assert headers["X-Webhook-Signature"] == expected


@pytest.mark.parametrize(("statuses", "tries"), [([500], 2), ([500, 302, 404, 500], 3)])
def test_a_callback_is_tried_three_times_at_most(customer, receiver, statuses, tries):
    receiver.statuses = list(statuses)
    task = made(customer, receiver.url)
    for number in range(1, tries + 1):
        receiver.wait(number)
        told(customer, task)
        customer.emulator.advance(5)

    assert [one["number"] for one in told(customer, task)] == list(range(1, tries + 1))


def test_nobody_there_is_written_down(customer):
    task = made(customer, "http://127.0.0.1:9/hook")

    first = told(customer, task)[0]

    assert first["status"] is None
    assert first["problem"]


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", 7, None])
def test_what_is_no_address_is_told_nothing(customer, url):
    task = made(customer, url)

    assert customer.end(task)["state"] == "success"
    assert not [one for one in customer.emulator.books().callbacks if one["task"] == task]
