"""What keeps a shot from being paid twice when an answer, a process or a price is missing."""

from __future__ import annotations

import signal
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.engine.desk import ONE, Desk
from tests.engine.paid import PaidProject

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

DEADLINE_S = 60.0


def test_a_request_of_unknown_price_whose_answer_is_lost_is_not_resubmitted(
    one: Desk, fake: FakeProvider
) -> None:
    fake.script(default={"submit": ["drop_after_accept"], "price_usd": "0.10"})

    for _ in range(2):
        answer = one.run("generator.price_usd=null")

        assert answer.code == 3, answer.out
        assert "journal resolve" in answer.out

    assert fake.books().submissions == 1
    assert fake.books().total_usd == Decimal("0.10")


def test_an_interrupt_during_a_submission_waits_for_the_task_id(
    workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]
) -> None:
    fake.script(default={"slow_s": 4.0, "price_usd": "0.10"})
    project = PaidProject(workplace, fake, uploader, ONE)
    process = project.start(project.override)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while fake.books().accepted == 0:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "nothing was submitted"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 130, out + err
    (task,) = fake.books().tasks
    (row,) = workplace.run("journal", "--json").json
    assert row["task"] == task
    fake.script(default={"price_usd": "0.10"})
    again = project.run()
    assert again.code == 0, again.text
    assert fake.books().submissions == 1


def test_a_task_is_in_the_journal_before_any_observer_hears_of_it(
    workplace: Workplace, fake: FakeProvider, uploader: dict[str, Any]
) -> None:
    deadly = workplace.write("plugins/deadly.py", DEADLY)
    project = PaidProject(workplace, fake, uploader, ONE)

    killed = project.run()

    assert killed.code == -signal.SIGKILL, killed.text
    (task,) = fake.books().tasks
    (row,) = workplace.run("journal", "--json").json
    assert row["task"] == task
    deadly.unlink()
    again = project.run()
    assert again.code == 0, again.text
    assert fake.books().submissions == 1


def test_a_request_of_unknown_price_keeps_a_later_one_from_a_budget_in_dollars(
    workplace: Workplace, fake: FakeProvider
) -> None:
    fake.script(submissions={"1": {"submit": ["drop_after_accept"]}}, default={"price_usd": "0.10"})
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in ("a quiet lake", "wind")}
    desk = Desk(workplace, fake, {"main": cuts})
    unpriced = desk.run("generator.price_usd=null", "budget.max_shots=1")
    assert unpriced.code == 3, unpriced.out
    assert [row["phase"] for row in desk.rows()] == ["unknown"]

    answer = desk.run("budget.max_cost=5")

    assert "the price of a shot is unknown" in " ".join(answer.out.split())
    assert fake.books().submissions == 1


def test_a_provider_that_once_denies_a_task_does_not_lose_its_clip(one: Desk, fake: FakeProvider) -> None:
    fake.script(default={"fetch": ["503*"], "price_usd": "0.10"})
    assert one.run().code == 1
    (before,) = fake.books().tasks.values()
    # The third look at the task follows the last fetch: what is said then decides.
    fake.script(default={"fetch": ["404*3"], "poll": ["ok", "ok", "404"], "price_usd": "0.10"})

    denied = one.run()

    assert denied.code == 1, denied.out
    assert [row["phase"] for row in one.rows()] == ["ready"]
    (after,) = fake.books().tasks.values()
    assert (after.polls - before.polls, after.fetches - before.fetches) == (4, 3)
    fake.script(default={"price_usd": "0.10"})
    assert one.run().code == 0
    assert fake.books().submissions == 1


# Ends the process as a crash does, at the moment at which a submission is reported.
DEADLY = """
import os
import signal

from runner.api import EventKind, hookimpl

@hookimpl
def runner_event(event):
    if event.kind is EventKind.SHOT_SUBMITTED:
        os.kill(os.getpid(), signal.SIGKILL)
"""
