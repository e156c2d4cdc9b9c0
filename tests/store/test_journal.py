"""The journal in SQLite: what the contract does not see, and that it agrees with the model whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import struct
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runner import store
from runner.errors import RunnerError
from runner.money import dollars
from runner.store.attempt import AlreadyDecided, Phase
from runner.store.budget import Budget
from runner.store.interface import Change, Filter, Lease
from runner.store.sqlite.leases import LEASE_S
from runner.store.sqlite.writer import Patience
from tests.store.contract import Place, attempt, intended, run
from tests.store.local_store import LocalStore
from tests.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from runner.store.interface import Journal


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "outputs")


def test_a_root_without_a_journal_has_none_to_read(tmp_path: Path) -> None:
    assert store.read_journal(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_journal_goes_on_when_those_who_asked_are_cancelled(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            for round_ in range(20):
                waiting = [asyncio.create_task(journal.attempts(Filter())) for _ in range(200)]
                await asyncio.sleep(0)
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
                await asyncio.wait_for(intended(journal, f"{round_:02x}"), 30)
            assert len(await journal.attempts(Filter())) == 20

    run(steps())


def test_whoever_is_cancelled_leaves_neither_an_open_intent_nor_a_lease(local: LocalStore) -> None:
    """What was certainly not submitted is no unknown outcome, which the user would have to resolve."""
    patient = Patience(try_s=0.05, whole_s=120.0)

    async def steps() -> None:
        async with local.session(patience=patient) as journal, local.session() as other:
            lease = await journal.acquire("k1")
            assert lease is not None
            with contextlib.closing(sqlite3.connect(local.journal, isolation_level=None)) as lock:
                lock.execute("BEGIN IMMEDIATE")
                asking = [
                    asyncio.create_task(journal.intend(attempt("a", key="k1"), Budget(), lease)),
                    asyncio.create_task(journal.acquire("k2")),
                ]
                deadline = time.monotonic() + 60
                while not local.told:  # the writer has begun, and waits for the lock
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.01)
                for task in asking:
                    task.cancel()
                ended = await asyncio.gather(*asking, return_exceptions=True)
                assert [type(one) for one in ended] == [asyncio.CancelledError] * 2
                lock.execute("ROLLBACK")
            found = await journal.decisive("k1")
            assert found is not None
            assert (found.phase, found.at_risk) == (Phase.REFUSED, 0)
            assert await other.acquire("k2") is not None

    run(steps())


def test_an_entry_that_cannot_be_read_harms_nothing_beside_it(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal, "a")
            first = await intended(journal, "b")
            with contextlib.closing(sqlite3.connect(local.journal)) as other, other:
                other.execute("UPDATE attempts SET record = '{\"version\": 99}' WHERE key = 'key-a'")
            answers = await asyncio.gather(
                journal.decisive("key-a"),
                journal.move(first.token, Phase.SUBMITTED, Change(task="42")),
                journal.decisive("key-a"),
                return_exceptions=True,
            )
            kinds = [isinstance(answer, RunnerError) for answer in answers]
            assert kinds == [True, False, True]
            found = await journal.decisive("key-b")
            assert found is not None
            assert found.task == "42"

    run(steps())


def test_a_closed_journal_answers_with_an_error(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            pass
        with pytest.raises(RunnerError, match="closed"):
            await asyncio.wait_for(journal.attempts(Filter()), 30)

    run(steps())


def test_a_damaged_journal_is_reported_and_left_alone(local: LocalStore) -> None:
    local.journal.parent.mkdir(parents=True)
    local.journal.write_bytes(b"this is not a database, but it may be worth money" * 100)
    before = local.journal.read_bytes()

    async def steps() -> None:
        with pytest.raises(RunnerError, match="damaged") as raised:
            async with local.session():
                pass
        assert "runner recover" in raised.value.hint

    run(steps())
    with pytest.raises(RunnerError, match="damaged"):
        local.reader()
    assert local.journal.read_bytes() == before


def test_a_journal_from_a_newer_version_is_refused(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal)
        with contextlib.closing(sqlite3.connect(local.journal)) as connection:
            connection.execute("PRAGMA user_version = 99")
        with pytest.raises(RunnerError, match="newer version"):
            async with local.session():
                pass

    run(steps())
    with pytest.raises(RunnerError, match="newer version"):
        local.reader()


def test_rows_do_not_stay_in_the_log_beside_the_journal(local: LocalStore, tmp_path: Path) -> None:
    """The log is lost by `cp outputs/.runner/journal.db`, and by whoever tidies up."""
    copy = LocalStore(tmp_path / "copy")

    def in_the_file() -> int:
        copy.journal.parent.mkdir(parents=True, exist_ok=True)
        copy.journal.write_bytes(local.journal.read_bytes())
        with copy.reader() as reader:
            return len(reader.attempts(Filter()))

    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal, "a")
            deadline = time.monotonic() + 60
            while in_the_file() < 1:
                assert time.monotonic() < deadline, "the row stays in the log"
                await asyncio.sleep(0.1)
            await intended(journal, "b")
        assert in_the_file() == 2
        beside = local.journal.with_name("journal.db-wal")
        assert not beside.exists() or not beside.stat().st_size

    run(steps())


def transactions(local: LocalStore) -> int:
    """How many write transactions the journal has seen: `iChange` of its WAL index (sqlite.org/walformat.html, 2.1)."""
    (count,) = struct.unpack_from("=I", local.journal.with_name("journal.db-shm").read_bytes(), 8)
    return int(count)


def test_what_is_asked_at_the_same_time_shares_a_transaction(local: LocalStore) -> None:
    """A hundred shots wait for a few flushes of the disk, not for a hundred."""

    async def steps() -> None:
        async with local.session(patience=Patience(try_s=0.05, whole_s=120.0)) as journal:
            tokens = [(await intended(journal, f"{number:02x}f")).token for number in range(100)]
            with contextlib.closing(sqlite3.connect(local.journal, isolation_level=None)) as lock:
                lock.execute("BEGIN IMMEDIATE")
                before = transactions(local)
                moving = [
                    asyncio.create_task(journal.move(token, Phase.SUBMITTED, Change(task=token)))
                    for token in tokens
                ]
                deadline = time.monotonic() + 60
                while not local.told:  # the writer has begun, and waits for the lock
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.01)
                lock.execute("ROLLBACK")
            moved = await asyncio.gather(*moving)
            assert {one.phase for one in moved} == {Phase.SUBMITTED}
            assert 1 <= transactions(local) - before <= 3

    run(steps())


@pytest.mark.parametrize(
    ("micros", "text"), [(0, "$0.00"), (100_000, "$0.10"), (12_345_600, "$12.3456"), (None, "unknown")]
)
def test_amounts_for_people(micros: int | None, text: str) -> None:
    assert dollars(micros) == text


def test_the_budget_states_what_is_spent_and_what_the_shot_costs(local: LocalStore) -> None:
    async def steps() -> None:
        async with local.session() as journal:
            await intended(journal, "a", reserved=400_000)
            with pytest.raises(RunnerError) as stop:
                await intended(journal, "b", Budget(max_cost=500_000), reserved=250_000)
        assert stop.value.why == "$0.40 are spent or reserved, this shot costs $0.25"
        assert stop.value.exit_code == 4

    run(steps())


class AgainstTheModel(RuleBasedStateMachine):
    """Three sessions, on two hosts, do anything; SQLite and the model give the same answers and hold the same."""

    KEYS = ("k1", "k2", "k3")
    PLACES = (Place.HERE, Place.OTHER_HOST, Place.OTHER_NAMESPACE)

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.local, self.model = LocalStore(Path(self.folder.name)), MemoryStore()
        self.sessions = [self.opened(place) for place in self.PLACES]
        self.leases: list[dict[str, tuple[Lease, Lease]]] = [{} for _ in self.PLACES]
        self.tokens: list[str] = []

    def teardown(self) -> None:
        for session in self.sessions:
            for journal in session:
                self.wait(journal.__aexit__(None, None, None))
        self.loop.close()
        self.folder.cleanup()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    def opened(self, place: Place) -> tuple[Journal, Journal]:
        made: tuple[Journal, Journal] = (self.local.session(place), self.model.session(place))
        for journal in made:
            self.wait(journal.__aenter__())
        return made

    def answer(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What came of it; of an error, its kind."""
        try:
            return self.wait(work)
        except (RunnerError, AlreadyDecided) as error:
            return type(error)

    @rule(who=st.integers(0, 2), key=st.sampled_from(KEYS))
    def acquire(self, who: int, key: str) -> None:
        real, model = (self.answer(journal.acquire(key)) for journal in self.sessions[who])
        assert (real and real.fence) == (model and model.fence)
        if real:
            self.leases[who][key] = (real, model)

    @rule(who=st.integers(0, 2), key=st.sampled_from(KEYS))
    def release(self, who: int, key: str) -> None:
        """Also a lease that was lost meanwhile."""
        if key in self.leases[who]:
            for journal, lease in zip(self.sessions[who], self.leases[who][key], strict=True):
                self.wait(journal.release(lease))

    @rule(who=st.integers(0, 2))
    def renew(self, who: int) -> None:
        for journal in self.sessions[who]:
            self.wait(journal.renew())

    @rule(steps=st.integers(1, int(LEASE_S / 5) + 2), who=st.integers(0, 2), key=st.sampled_from(KEYS))
    def wait_for_a_lease(self, steps: int, who: int, key: str) -> None:
        for _ in range(steps):
            self.local.monotonic += 5.0
            self.model.monotonic += 5.0
            self.acquire(who, key)

    @rule(jump_s=st.sampled_from([-1e5, 1.0, 1e5]))
    def clock(self, jump_s: float) -> None:
        self.local.now += jump_s
        self.model.now += jump_s

    @rule(
        who=st.integers(0, 2),
        key=st.sampled_from(KEYS),
        price=st.one_of(st.none(), st.integers(0, 600)),
        cap=st.one_of(st.none(), st.just(1_000)),
        account=st.sampled_from(["x", "y"]),
    )
    def intend(self, who: int, key: str, price: int | None, cap: int | None, account: str) -> None:
        if key not in self.leases[who]:
            return
        token = f"{len(self.tokens):032x}"
        wanted = attempt(token, key=key, reserved=price, account=account, owner=str(who))
        answers = [
            self.answer(journal.intend(wanted, Budget(max_cost=cap), lease))
            for journal, lease in zip(self.sessions[who], self.leases[who][key], strict=True)
        ]
        if isinstance(answers[1], type):
            assert answers[0] is answers[1]
        else:
            assert answers[0] == answers[1]
            self.tokens.append(token)

    @rule(
        who=st.integers(0, 2),
        data=st.data(),
        phase=st.sampled_from(Phase),
        task=st.sampled_from([None, "", "1", "2"]),
        digest=st.sampled_from([None, "d"]),
        cost=st.sampled_from([None, 0, 50]),
    )
    def move(
        self,
        who: int,
        data: st.DataObject,
        phase: Phase,
        task: str | None,
        digest: str | None,
        cost: int | None,
    ) -> None:
        token = data.draw(st.sampled_from([*self.tokens, "f" * 32]))
        change = Change(task=task, digest=digest, cost=cost)
        real, model = (self.answer(journal.move(token, phase, change)) for journal in self.sessions[who])
        assert real == model

    @rule(who=st.integers(0, 2))
    def reopen(self, who: int) -> None:
        for journal in self.sessions[who]:
            self.wait(journal.__aexit__(None, None, None))
        self.sessions[who] = self.opened(self.PLACES[who])
        self.leases[who] = {}

    @invariant()
    def both_hold_the_same(self) -> None:
        real, model = self.sessions[0]
        rows = self.wait(real.attempts(Filter()))
        # A sequence may have gaps, where an attempt was refused.
        assert rows == self.wait(model.attempts(Filter()))
        for owner in (None, "0", "1"):
            assert self.wait(real.spend("s", owner)) == self.wait(model.spend("s", owner))
        for key in self.KEYS:
            assert self.wait(real.decisive(key)) == self.wait(model.decisive(key))


TestAgainstTheModel = AgainstTheModel.TestCase
TestAgainstTheModel.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
