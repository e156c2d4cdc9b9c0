"""Cancelling tasks at the provider: only where that saves money, on a second Ctrl-C or by `journal cancel`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import runner
from runner.api import EventKind

if TYPE_CHECKING:
    from runner import RunOutcome
    from runner.api import Event
    from runner.testing.pytest import Workplace

PLUGIN = '''
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from runner.api import *

@dataclass(frozen=True)
class Options:
    saves: bool = True

class Slow:
    """Its tasks run until they are cancelled, which costs two of ten cents."""
    def __init__(self, options, context):
        pass
    async def submit(self, request, token):
        return TaskRef(token[:8], {"poll_at": f"/tasks/{token[:8]}"})
    async def poll(self, ref):
        assert ref.data == {"poll_at": f"/tasks/{ref.id}"}
        if Path("cancelled", ref.id).exists():
            return Status(state=State.FAILED, reason="cancelled", cost_usd=Decimal("0.02"))
        return Status(state=State.RUNNING)
    async def fetch(self, status, sink):
        raise AssertionError("there is nothing to fetch")
    async def cancel(self, ref):
        assert ref.data == {"poll_at": f"/tasks/{ref.id}"}
        Path("cancelled").mkdir(exist_ok=True)
        Path("cancelled", ref.id).touch()

@hookimpl
def runner_register():
    return GeneratorSpec(
        name="slow",
        factory=Slow,
        options=Options,
        capabilities=lambda options, model, mode: GeneratorCapabilities(
            polling=Polling(interval_s=Range(0.02, 0.1)),
            billing=Billing(
                price=lambda request: Price(usd=Decimal("0.10")), cancel_saves_money=options.saves
            ),
        ),
    )
'''


@pytest.fixture
def project(workplace: Workplace) -> str:
    workplace.write("plugins/slow.py", PLUGIN)
    return workplace.project({"main": {"one": "a lake"}}, generator={"plugin": "slow"})


def interrupted(project: str, times: int, *words: str) -> RunOutcome:
    """Run until the task is submitted, then cancel the session so many times."""
    plan = runner.plan(runner.compose([project, *words]))

    async def executed() -> RunOutcome:
        async with runner.Session() as session:

            def stop(event: Event) -> None:
                if event.kind is EventKind.SHOT_SUBMITTED:
                    for _ in range(times):
                        session.cancel()

            (outcome,) = await session.run([plan], observer=stop)
        return outcome

    return asyncio.run(executed())


def test_one_ctrl_c_leaves_the_task_to_be_picked_up(workplace: Workplace, project: str) -> None:
    assert interrupted(project, 1).exit_code == 130

    (row,) = workplace.run("journal", "--json").json
    assert (row["phase"], row["task_data"]) == ("submitted", {"poll_at": f"/tasks/{row['task']}"})
    assert not (workplace.path / "cancelled").exists()


def test_two_cancel_it_where_that_saves_money_and_the_next_run_records_the_cost(
    workplace: Workplace, project: str
) -> None:
    assert interrupted(project, 2).exit_code == 130

    (row,) = workplace.run("journal", "--json").json
    assert (workplace.path / "cancelled" / row["task"]).exists()
    assert workplace.run(project).code == 1
    (row,) = workplace.run("journal", "--json").json
    assert (row["phase"], row["cost_usd"]) == ("failed", 0.02)


def test_two_leave_it_where_that_saves_nothing(workplace: Workplace, project: str) -> None:
    assert interrupted(project, 2, "generator.saves=false").exit_code == 130

    assert not (workplace.path / "cancelled").exists()


def test_a_task_is_cancelled_by_its_token(workplace: Workplace, project: str) -> None:
    interrupted(project, 1)
    (row,) = workplace.run("journal", "--json").json

    answer = workplace.run("journal", "cancel", row["token"][:8], project)

    assert answer.code == 0, answer.err
    assert f"task {row['task']} is cancelled" in answer.out
    assert (workplace.path / "cancelled" / row["task"]).exists()


def test_what_cannot_be_cancelled_says_why(workplace: Workplace, project: str) -> None:
    interrupted(project, 1)
    (row,) = workplace.run("journal", "--json").json
    other = workplace.project({"main": {"one": "a lake"}}, name="other")

    for words, why in (
        ((row["token"], project, "generator.saves=false"), "slow charges the same for a cancelled task"),
        ((row["token"], other), "the project has no generator slow of this attempt's account"),
        (("abcdef", project), "no attempt has a token that begins with abcdef"),
        ((project,), "it takes one TOKEN"),
    ):
        answer = workplace.run("journal", "cancel", *words)
        assert answer.code == 2
        assert why in answer.err
    assert not (workplace.path / "cancelled").exists()
