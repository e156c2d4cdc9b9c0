"""Two sessions of one root that cannot see each other's processes: hosts on a shared disk, containers on one host."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import TYPE_CHECKING

import pytest

import runner
from runner import store
from runner.api import EventKind
from runner.errors import LeaseLost
from runner.store.sqlite.journal import SqliteJournal
from runner.store.sqlite.process import this_process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from runner import Plan, RunOutcome
    from runner.api import Event
    from runner.store.attempt import Attempt
    from runner.store.budget import Budget
    from runner.store.interface import Lease
    from runner.testing.fake_provider.client import FakeProvider
    from tests.engine.desk import Desk

ELSEWHERE = {"another host": {"host": "b", "boot": "other"}, "another PID namespace": {"space": "4026539999"}}


class PausedJournal(SqliteJournal):
    """Of a run that is stopped, as by a closed lid, just before its first intent."""

    meanwhile: Callable[[], Awaitable[object]]

    async def intend(self, attempt: Attempt, budget: Budget, lease: Lease) -> Attempt:
        await self.meanwhile()
        return await super().intend(attempt, budget, lease)


def journal_elsewhere(root: Path, where: str, step_s: float) -> SqliteJournal:
    """The journal as a session elsewhere sees it, whose clock goes on by `step_s` with each look."""
    clock = itertools.count(0.0, step_s)
    process = dataclasses.replace(this_process(), **ELSEWHERE[where])
    return SqliteJournal(store.journal_path(root), process=process, monotonic=lambda: next(clock))


async def executed(plan: Plan, journal: SqliteJournal, submitted: asyncio.Event | None = None) -> RunOutcome:
    def observe(event: Event) -> None:
        if event.kind is EventKind.SHOT_SUBMITTED and submitted is not None:
            submitted.set()

    async with runner.Session(plan.project.output_root, journal=journal) as session:
        (outcome,) = await session.run([plan], observe)
    return outcome


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_run_that_was_stopped_and_overtaken_submits_nothing(
    one: Desk, fake: FakeProvider, where: str
) -> None:
    plan = runner.plan(runner.compose([one.project], source=one.workplace.primary))
    root = plan.project.output_root
    overtaken: list[RunOutcome] = []
    paused = PausedJournal(store.journal_path(root))

    async def taken_over() -> None:
        overtaken.append(await executed(plan, journal_elsewhere(root, where, step_s=100.0)))

    paused.meanwhile = taken_over

    stopped = asyncio.run(executed(plan, paused))

    assert [outcome.exit_code for outcome in overtaken] == [0]
    assert stopped.exit_code == 1
    (error,) = stopped.errors
    assert isinstance(error, LeaseLost)
    assert "another run" in error.what
    assert "nothing was submitted" in error.why
    assert fake.books().submissions == 1
    again = one.run()
    assert again.code == 0, again.out
    assert "kept" in again.out
    assert fake.books().submissions == 1


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_living_run_is_waited_for_although_its_process_cannot_be_seen(
    one: Desk, fake: FakeProvider, where: str
) -> None:
    fake.script(default={"price_usd": "0.10", "run_s": 1.0})
    plan = runner.plan(runner.compose([one.project], source=one.workplace.primary))
    root = plan.project.output_root

    async def both() -> tuple[RunOutcome, RunOutcome]:
        submitted = asyncio.Event()
        own = SqliteJournal(store.journal_path(root))
        first = asyncio.ensure_future(executed(plan, own, submitted))
        await asyncio.wait_for(submitted.wait(), 60)
        return await executed(plan, journal_elsewhere(root, where, step_s=0.01)), await first

    second, first = asyncio.run(both())

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [shot.reused for shot in second.shots] == [True]
    assert fake.books().submissions == 1
    assert second.cost is not None
    assert second.cost.usd == 0, "what the other one spent is not its own"
