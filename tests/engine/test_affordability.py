"""What is known of the prices is compared with the budget and the balance before anything is submitted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.engine.desk import TWO, Desk

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

SWEEP = "sequences.main.shots.two.seed=1,2,3"


def test_a_run_that_costs_more_than_its_budget_is_not_started(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("budget.max_cost=0.15")

    assert answer.code == 4
    assert "this costs $0.20, the budget is $0.15; nothing was started" in answer.err
    assert "budget.max_cost=0.2 is enough" in answer.err
    assert "budget.partial=true" in answer.err
    assert fake.books().submissions == 0
    assert two.run("budget.max_cost=0.2").code == 0


def test_a_run_of_more_shots_than_its_budget_is_not_started(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("budget.max_shots=1")

    assert answer.code == 4
    assert "this takes 2 shots, the budget is 1 shot; nothing was started" in answer.err
    assert fake.books().submissions == 0
    assert two.run("budget.max_shots=2").code == 0


def test_with_partial_it_goes_as_far_as_it_can(two: Desk, fake: FakeProvider) -> None:
    assert two.run("budget.max_cost=0.15", "budget.partial=true").code == 4
    assert fake.books().total_usd == Decimal("0.10")


def test_what_was_spent_before_counts(two: Desk, fake: FakeProvider) -> None:
    two.run("budget.max_cost=0.15", "budget.partial=true")

    answer = two.run("budget.max_cost=0.19")

    assert answer.code == 4
    assert "this costs $0.10, the budget is $0.19; nothing was started" in answer.err
    assert "$0.10 of it are spent or reserved" in answer.err
    assert "budget.max_cost=0.2 is enough" in answer.err
    assert two.run("budget.max_cost=0.2").code == 0


def test_finished_shots_cost_nothing_more(two: Desk) -> None:
    assert two.run().code == 0
    assert two.run("budget.max_cost=0").code == 0
    assert two.run("budget.max_shots=0").code == 0


def test_a_sweep_is_compared_as_a_whole(two: Desk, fake: FakeProvider) -> None:
    words = ("-m", two.project, SWEEP)
    answer = two.workplace.run(*words, "budget.max_cost=0.39")

    assert answer.code == 4
    assert "this sweep costs $0.40, the budget is $0.39; nothing was started" in answer.err
    assert fake.books().submissions == 0
    assert two.workplace.run(*words, "budget.max_cost=0.4").code == 0
    assert fake.books().total_usd == Decimal("0.40")


def test_a_sweep_with_another_budget_is_the_same_sweep(two: Desk, fake: FakeProvider) -> None:
    words = ("-m", two.project, SWEEP)
    two.workplace.run(*words, "budget.max_cost=0.2", "budget.partial=true")

    answer = two.workplace.run(*words, "budget.max_cost=0.3")

    assert answer.code == 4
    assert "$0.20 of it are spent or reserved" in answer.err
    assert len(list((two.workplace.path / "outputs").rglob("sweep.json"))) == 1


def test_a_price_that_is_unknown_is_said_before_anything_is_submitted(two: Desk, fake: FakeProvider) -> None:
    answer = two.run("generator.price_usd=null", "budget.max_cost=5")

    assert answer.code == 4
    assert "main/one and 1 more" in answer.err
    assert "the price of a shot is unknown; nothing was started" in answer.err
    assert "budget.max_shots=N" in answer.err
    assert "null" not in answer.err
    assert fake.books().submissions == 0


def test_earlier_requests_of_unknown_price_are_said_before_anything_is_submitted(
    workplace: Workplace, fake: FakeProvider
) -> None:
    fake.script(submissions={"1": {"submit": ["drop_after_accept"]}})
    cuts = {name: {"prompt": name, "boundary": "cut"} for name in ("a quiet lake", "wind")}
    desk = Desk(workplace, fake, {"main": cuts})
    desk.run("generator.price_usd=null", "budget.max_shots=1", "budget.partial=true")

    answer = desk.run("budget.max_cost=5")

    assert answer.code == 4
    assert "earlier requests have no known price; nothing was started" in answer.err
    assert fake.books().submissions == 1


PAID = """
from decimal import Decimal
from pathlib import Path

from runner.api import *

runner_api_version = 2
BALANCE = {balance}


class Paid:
    async def submit(self, request, token):
        Path("submitted").touch()
        return TaskRef(token)

    async def poll(self, ref):
        return Status(state=State.FAILED, reason="no clip is needed here", cost_usd=Decimal(0))

    async def fetch(self, status, sink):
        raise AssertionError

    async def account_status(self):
        if BALANCE is None:
            raise RuntimeError("not now")
        return AccountStatus(summary="an account", balance_usd=Decimal(BALANCE))


def price(request):
    return Price(usd=Decimal("0.1")) if request.resolution == "1080p" else None


@hookimpl
def runner_register():
    return GeneratorSpec(
        name="paid",
        summary="has a balance",
        factory=lambda options, context: Paid(),
        capabilities=lambda options, model, mode: GeneratorCapabilities(
            image=ImageInput(reach=Reach.LOOPBACK),
            request=RequestLimits(resolutions=("720p", "1080p")),
            billing=Billing(price=price),
        ),
    )
"""


@pytest.mark.parametrize(("balance", "started"), [("0.19", False), ("0.2", True), (None, True)])
def test_the_balance_is_compared_where_there_is_one(
    workplace: Workplace, balance: str | None, started: bool
) -> None:
    workplace.write("plugins/paid.py", PAID.replace("{balance}", repr(balance)))
    project = workplace.project(TWO, generator={"plugin": "paid"}, shot={"resolution": "1080p"})

    answer = workplace.run(project)

    assert (workplace.path / "submitted").exists() is started
    if not started:
        assert answer.code == 4
        assert "this costs $0.20, and the account at paid has $0.19; nothing was started" in answer.err


def test_why_a_balance_cannot_be_read_is_said_in_words(
    workplace: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = PAID.replace("{balance}", "None").replace(
        'RuntimeError("not now")',
        '__import__("runner.errors").errors.ShotError("the key is wrong", why="code 401")',
    )
    workplace.write("plugins/paid.py", refusing)
    project = workplace.project(TWO, generator={"plugin": "paid"}, shot={"resolution": "1080p"})

    workplace.run(project)

    assert "the balance at paid cannot be read: the key is wrong: code 401" in caplog.messages


def test_the_balance_is_compared_with_all_jobs_of_a_sweep(workplace: Workplace) -> None:
    workplace.write("plugins/paid.py", PAID.replace("{balance}", "'0.39'"))
    project = workplace.project(TWO, generator={"plugin": "paid"}, shot={"resolution": "1080p"})

    answer = workplace.run("-m", project, SWEEP)

    assert answer.code == 4
    assert "this costs $0.40" in answer.err
    assert not (workplace.path / "submitted").exists()


def test_where_another_resolution_has_a_price_it_is_named(workplace: Workplace) -> None:
    workplace.write("plugins/paid.py", PAID.replace("{balance}", "None"))
    project = workplace.project(TWO, generator={"plugin": "paid"}, shot={"resolution": "720p"})

    answer = workplace.run(project, "budget.max_cost=1")

    assert answer.code == 4
    assert "a price is known for sequences.main.shots.one.resolution=1080p ($0.10)" in answer.err
