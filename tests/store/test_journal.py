"""The journal: what it holds, what it refuses, and that the budget holds under a race."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runner.errors import BudgetStop, JournalError
from runner.store.attempt import OPEN, Attempt, Phase
from runner.store.budget import Budget, Spend, dollars
from runner.store.claims import Owner, claim, release, this_process
from runner.store.journal import Journal, attempts, known, spend
from runner.store.reading import attempts_in

if TYPE_CHECKING:
    from pathlib import Path


def attempt(token: str, *, key: str = "", reserved: int | None = 100, scope: str = "s") -> Attempt:
    return Attempt(
        token=token,
        key=key or f"key-{token}",
        scope=scope,
        project="p",
        sequence="main",
        shot="one",
        generator="fake",
        model="",
        account="a",
        phase=Phase.INTENDED,
        reserved=reserved,
    )


def test_what_is_noted_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / ".runner" / "journal.db"
    with Journal(path) as journal:
        journal.now(journal.intend(attempt("t"), Budget()))
        journal.now(journal.move("t", Phase.SUBMITTED, task="42"))
        journal.now(journal.move("t", Phase.READY, results=(("http://x/a.mp4", ""),), cost=70))
    with Journal(path) as journal:
        found = journal.now(known("key-t"))
    assert found is not None
    assert (found.phase, found.task, found.cost) == (Phase.READY, "42", 70)
    assert found.results == (("http://x/a.mp4", ""),)
    assert [one.token for one in attempts_in(tmp_path)] == ["t"]


def test_a_fetched_attempt_decides_over_a_later_failed_one(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        for token, phase, more in (
            ("a", Phase.FETCHED, {"task": "1", "digest": "d"}),
            ("b", Phase.FAILED, {}),
        ):
            journal.now(journal.intend(attempt(token, key="k"), Budget()))
            journal.now(journal.move(token, phase, **more))
        found = journal.now(known("k"))
    assert found is not None
    assert found.token == "a"


def test_two_attempts_of_one_shot_are_never_open_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        journal.now(journal.intend(attempt("a", key="k"), Budget()))
        with pytest.raises(sqlite3.IntegrityError):
            journal.now(journal.intend(attempt("b", key="k"), Budget()))
        assert len(journal.now(attempts())) == 1


def test_a_submitted_attempt_without_a_task_id_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        journal.now(journal.intend(attempt("a"), Budget()))
        with pytest.raises(sqlite3.IntegrityError):
            journal.now(journal.move("a", Phase.SUBMITTED))


def test_fifty_racing_shots_do_not_overdraw_the_last_dollar(tmp_path: Path) -> None:
    budget = Budget(max_cost=1_000)

    async def race(journal: Journal) -> list[bool]:
        async def one(number: int) -> bool:
            try:
                await journal.soon(journal.intend(attempt(f"t{number}", reserved=300), budget))
            except BudgetStop:
                return False
            return True

        return list(await asyncio.gather(*(one(number) for number in range(50))))

    with Journal(tmp_path / "j.db") as journal:
        won = asyncio.run(race(journal))
        assert sum(won) == 3
        assert journal.now(spend("s")) == Spend(attempts=3, micros=900, reserved=900)


def test_a_refused_request_takes_nothing_from_those_beside_it(tmp_path: Path) -> None:
    async def beside(journal: Journal) -> list[object]:
        held, prepared = threading.Event(), threading.Event()
        holding = asyncio.create_task(
            asyncio.to_thread(journal.now, lambda _: prepared.set() or held.wait(10))
        )
        await asyncio.to_thread(prepared.wait, 10)
        asking = [
            asyncio.create_task(journal.soon(work))
            for work in (
                journal.intend(attempt("a"), Budget()),
                journal.move("nobody", Phase.SUBMITTED, task="1"),
                journal.move("a", Phase.SUBMITTED, task="42"),
                journal.intend(attempt("a"), Budget()),
                journal.intend(attempt("b"), Budget(max_shots=1)),
            )
        ]
        await asyncio.sleep(0)
        held.set()
        await holding
        return [type(answer) for answer in await asyncio.gather(*asking, return_exceptions=True)]

    with Journal(tmp_path / "j.db") as journal:
        answers = asyncio.run(beside(journal))
        assert answers == [type(None), JournalError, type(None), sqlite3.IntegrityError, BudgetStop]
        assert [(found.token, found.phase) for found in journal.now(attempts())] == [("a", Phase.SUBMITTED)]


def test_the_journal_goes_on_when_a_loop_that_asked_is_gone(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        held, prepared = threading.Event(), threading.Event()
        with ThreadPoolExecutor(1) as thread:
            thread.submit(journal.now, lambda _: prepared.set() or held.wait(10))
            assert prepared.wait(10)
            loop = asyncio.new_event_loop()
            asking = loop.create_task(journal.soon(journal.intend(attempt("a"), Budget())))
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            held.set()
        assert [found.token for found in journal.now(attempts())] == ["a"]
        assert not asking.done()


def test_the_journal_goes_on_when_those_who_asked_are_cancelled(tmp_path: Path) -> None:
    async def impatient(journal: Journal) -> int:
        waiting = [asyncio.create_task(journal.soon(lambda _: 1)) for _ in range(200)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await asyncio.wait_for(journal.soon(lambda _: 5), 10)

    with Journal(tmp_path / "j.db") as journal:
        for _ in range(20):
            assert asyncio.run(impatient(journal)) == 5


def test_an_unknown_price_stops_a_budget_and_is_never_taken_for_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal, pytest.raises(BudgetStop, match="unknown"):
        journal.now(journal.intend(attempt("a", reserved=None), Budget(max_cost=10_000_000)))


def test_the_budget_says_what_is_spent_and_what_the_shot_costs(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db") as journal:
        journal.now(journal.intend(attempt("a", reserved=400_000), Budget()))
        with pytest.raises(BudgetStop) as stop:
            journal.now(journal.intend(attempt("b", reserved=250_000), Budget(max_cost=500_000)))
    assert stop.value.why == "$0.40 are spent or reserved, this shot costs $0.25"
    assert stop.value.exit_code == 4


@pytest.mark.parametrize(
    ("micros", "text"), [(0, "$0.00"), (100_000, "$0.10"), (12_345_600, "$12.3456"), (None, "unknown")]
)
def test_amounts_for_people(micros: int | None, text: str) -> None:
    assert dollars(micros) == text


def test_a_damaged_journal_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is not a database, but it may be worth money" * 100)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="damaged"), Journal(path):
        pass
    assert path.read_bytes() == before


def test_a_journal_from_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.now(journal.intend(attempt("a"), Budget()))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalError, match="newer version"), Journal(path):
        pass


def test_a_claim_holds_against_the_living_and_falls_with_the_dead(tmp_path: Path) -> None:
    me = this_process()
    dead = dataclasses.replace(me, id="dead", pid=2**22 + 1, life="123")
    twin = dataclasses.replace(me, id="twin")
    with Journal(tmp_path / "j.db") as journal:
        assert journal.now(claim("k", dead, 100.0))
        assert journal.now(claim("k", me, 100.0))
        assert not journal.now(claim("k", twin, 1e12))
        journal.now(release("k", me))
        assert journal.now(claim("k", twin, 100.0))


def test_an_owner_on_another_machine_is_judged_by_its_heartbeat_also_when_the_clock_goes_back(
    tmp_path: Path,
) -> None:
    me = this_process()
    far = Owner(id="far", host="elsewhere", boot="b", pid=1, life="1")
    with Journal(tmp_path / "j.db") as journal:
        assert journal.now(claim("k", far, 1000.0))
        assert not journal.now(claim("k", me, 1010.0))
        assert not journal.now(claim("k", me, 10.0))
        assert journal.now(claim("k", me, 2000.0))


class Spending(RuleBasedStateMachine):
    """The journal against a model: however attempts come and go, the budget is kept and nothing is forgotten."""

    CAP = 1_000

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        from pathlib import Path

        self.journal = Journal(Path(self.folder.name) / "j.db")
        self.journal.__enter__()
        self.model: dict[str, tuple[Phase, int, int | None]] = {}

    def teardown(self) -> None:
        self.journal.__exit__(None, None, None)
        self.folder.cleanup()

    def risk(self) -> int:
        return sum(
            cost if cost is not None else reserved
            for phase, reserved, cost in self.model.values()
            if phase is not Phase.REFUSED
        )

    @rule(price=st.integers(0, 600))
    def intend(self, price: int) -> None:
        token = f"t{len(self.model)}"
        room = self.risk() + price <= self.CAP
        try:
            self.journal.now(self.journal.intend(attempt(token, reserved=price), Budget(max_cost=self.CAP)))
        except BudgetStop:
            assert not room
        else:
            assert room
            self.model[token] = (Phase.INTENDED, price, None)

    @precondition(lambda self: any(phase in OPEN for phase, _, _ in self.model.values()))
    @rule(
        data=st.data(),
        phase=st.sampled_from([Phase.REFUSED, Phase.FAILED, Phase.UNKNOWN, Phase.FETCHED]),
        refund=st.booleans(),
    )
    def move(self, data: st.DataObject, phase: Phase, refund: bool) -> None:
        token = data.draw(st.sampled_from(sorted(t for t, (p, _, _) in self.model.items() if p in OPEN)))
        _, reserved, cost = self.model[token]
        changes: dict[str, object] = {"task": "t", "digest": "d"} if phase is Phase.FETCHED else {}
        if phase is Phase.REFUSED or (refund and phase is Phase.FAILED):
            changes["cost"] = cost = 0
        elif phase is Phase.FETCHED:
            changes["cost"] = cost = reserved
        self.journal.now(self.journal.move(token, phase, **changes))
        self.model[token] = (phase, reserved, cost)

    @invariant()
    def the_budget_is_kept_and_the_books_agree(self) -> None:
        found = self.journal.now(spend("s"))
        assert found.micros == self.risk() <= self.CAP
        assert found.reserved == sum(reserved for _, reserved, cost in self.model.values() if cost is None)
        assert found.unpriced == 0
        assert found.attempts == sum(phase is not Phase.REFUSED for phase, _, _ in self.model.values())
        assert len(self.journal.now(attempts())) == len(self.model)


TestSpending = Spending.TestCase
TestSpending.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
