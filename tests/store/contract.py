"""What any backend of `runner.store.interface` must do. A test module subclasses these with its backend."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import hashlib
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from runner.api import InputMode
from runner.errors import BudgetStop, JournalError, LeaseLost, TaskIdInUse
from runner.store.attempt import OPEN, AlreadyDecided, Attempt, Phase
from runner.store.budget import Budget, Spend
from runner.store.clip_record import ClipFile, ClipRecord, ColourDrift
from runner.store.interface import Change, Decision, Filter, Judgement, Lease, Measurement
from runner.store.sqlite.leases import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from runner.store.interface import Journal, JournalReader, ObjectStore

T = TypeVar("T")

DATA = b"a clip" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()
RECORD = ClipRecord(
    input_mode=InputMode.IMAGE,
    clip=ClipFile(
        bytes=len(DATA),
        codec="h264",
        width=170,
        height=96,
        fps="24",
        frames=12,
        duration_s=0.5,
        audio=None,
        drift=ColourDrift(luma=0.1, chroma=-0.2, hue_deg=0.0),
    ),
    warnings=("cost $0.10, and $0.05 was planned",),
)


class Place(enum.Enum):
    """Where the process of a session is, as seen from the one that waits for it."""

    HERE = "here, alive"
    HERE_DEAD = "here, its process is gone"
    OTHER_HOST = "another host"
    OTHER_NAMESPACE = "this host, another PID namespace"


class Backend(Protocol):
    """One store. `now` is the wall clock, `monotonic` the other one; a test moves them."""

    now: float
    monotonic: float

    def session(self, place: Place = Place.HERE) -> Journal: ...
    def reader(self) -> JournalReader: ...
    def objects(self) -> ObjectStore: ...


def attempt(token: str = "a", **changes: Any) -> Attempt:
    """An attempt that is about to be submitted. `token` is made up to 32 hex digits."""
    return Attempt(
        **{
            "token": token.ljust(32, "0"),
            "key": f"key-{token}",
            "scope": "s",
            "project": "p",
            "sequence": "main",
            "shot": "one",
            "generator": "fake",
            "model": "m",
            "account": "a",
            "phase": Phase.INTENDED,
            "reserved": 100,
            **changes,
        }
    )


async def intended(
    journal: Journal, token: str = "a", budget: Budget | None = None, **changes: Any
) -> Attempt:
    """Commit an intent under a lease of its own."""
    wanted = attempt(token, **changes)
    lease = await journal.acquire(wanted.key)
    assert lease is not None
    return await journal.intend(wanted, budget or Budget(), lease)


def run(steps: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(steps)


def same(found: Attempt | None, **wanted: Any) -> None:
    assert found is not None
    assert {name: getattr(found, name) for name in wanted} == wanted


class JournalContract:
    """A subclass has a fixture `backend`."""

    # --- attempts ---------------------------------------------------------------------------------------------

    def test_an_attempt_comes_back_as_it_was_recorded(self, backend: Backend) -> None:
        async def steps() -> None:
            backend.now = 1_000.0
            async with backend.session() as journal:
                first = await intended(
                    journal, owner="o", identity={"prompt": "A calm lake ☃"}, record=RECORD
                )
                assert first.seq > 0
                assert (first.created, first.updated) == (1_000.0, 1_000.0)
                backend.now = 1_001.5
                change = Change(task="42", task_data={"region": ["eu", 1]})
                moved = await journal.move(first.token, Phase.SUBMITTED, change)
                assert moved == dataclasses.replace(
                    first, phase=Phase.SUBMITTED, task="42", task_data={"region": ["eu", 1]}, updated=1_001.5
                )
                results = (("http://x/a.mp4", ""), ("http://x/b.mp4", "2026-01-01T00:00:00+00:00"))
                ready = await journal.move(first.token, Phase.READY, Change(results=results, cost=70))
                done = await journal.move(first.token, Phase.FETCHED, Change(digest=DIGEST, note="n"))
                assert done == dataclasses.replace(ready, phase=Phase.FETCHED, digest=DIGEST, note="n")
            async with backend.session() as journal:
                assert await journal.decisive(first.key) == done
                assert await journal.attempts(Filter()) == [done]
            with backend.reader() as reader:
                assert reader.attempts(Filter()) == [done]
                assert reader.by_keys([first.key, "other"]) == {first.key: [done]}

        run(steps())

    def test_an_attempt_that_nobody_knows_cannot_be_moved(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                with pytest.raises(JournalError, match="does not know"):
                    await journal.move("0" * 32, Phase.SUBMITTED, Change(task="1"))

        run(steps())

    @pytest.mark.parametrize(
        ("phase", "change"),
        [(Phase.SUBMITTED, Change()), (Phase.READY, Change()), (Phase.FETCHED, Change(task="1"))],
    )
    def test_what_the_phase_needs_must_be_known(self, backend: Backend, phase: Phase, change: Change) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal)
                with pytest.raises(JournalError):
                    await journal.move(first.token, phase, change)
                assert await journal.decisive(first.key) == first

        run(steps())

    @pytest.mark.parametrize(
        "earlier", [Phase.INTENDED, Phase.SUBMITTED, Phase.UNKNOWN, Phase.REFUSED, Phase.FAILED]
    )
    def test_a_stored_clip_is_not_set_back(self, backend: Backend, earlier: Phase) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal)
                done = await journal.move(first.token, Phase.FETCHED, Change(task="1", digest=DIGEST))
                assert await journal.move(first.token, earlier, Change(task="2", cost=0, note="late")) == done
                assert await journal.decisive(first.key) == done
                with pytest.raises(AlreadyDecided):  # nor is it paid for again
                    await intended(journal, "b", key=first.key)

        run(steps())

    def test_a_clip_that_the_object_store_lost_can_be_fetched_again(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal)
                await journal.move(first.token, Phase.FETCHED, Change(task="1", digest=DIGEST))
                url = (("http://x/new.mp4", ""),)
                same(
                    await journal.move(first.token, Phase.READY, Change(results=url)),
                    phase=Phase.READY,
                    results=url,
                )
                same(await journal.move(first.token, Phase.LOST), phase=Phase.LOST, digest=DIGEST)
                same(await journal.move(first.token, Phase.FETCHED), phase=Phase.FETCHED)

        run(steps())

    def test_a_stored_clip_decides_over_later_attempts(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                for token, phase in (("a", Phase.LOST), ("b", Phase.FAILED), ("c", Phase.REFUSED)):
                    await intended(journal, token, key="k")
                    change = Change(task="1", digest=DIGEST) if token == "a" else Change()
                    await journal.move(token.ljust(32, "0"), phase, change)
                same(await journal.decisive("k"), token="c".ljust(32, "0"))
                await journal.move("a".ljust(32, "0"), Phase.FETCHED)
                same(await journal.decisive("k"), token="a".ljust(32, "0"))
                assert await journal.decisive("other") is None

        run(steps())

    def test_attempts_are_in_the_order_of_the_journal_whatever_the_clock_says(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                backend.now = 2_000.0
                await intended(journal, "b", key="k")
                await journal.move("b".ljust(32, "0"), Phase.LOST)
                backend.now = 1_000.0  # the clock went back
                await intended(journal, "a", key="k")
                last = await journal.move("a".ljust(32, "0"), Phase.FAILED)
                assert [one.token[0] for one in await journal.attempts(Filter())] == ["b", "a"]
                assert await journal.decisive("k") == last
            with backend.reader() as reader:
                assert [one.token[0] for one in reader.by_keys(["k"])["k"]] == ["b", "a"]

        run(steps())

    def test_filters(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                await intended(journal, "ab1", project="p")
                await intended(journal, "ab2", project="q", generator="other")
                await intended(journal, "b", project="q")
                await journal.move("b".ljust(32, "0"), Phase.SUBMITTED, Change(task="t1"))

                async def tokens(wanted: Filter) -> list[str]:
                    found = await journal.attempts(wanted)
                    with backend.reader() as reader:
                        assert reader.attempts(wanted) == found
                    return [one.token.rstrip("0") for one in found]

                assert await tokens(Filter(project="q")) == ["ab2", "b"]
                assert await tokens(Filter(generator="fake", project="q")) == ["b"]
                assert await tokens(Filter(token_prefix="ab")) == ["ab1", "ab2"]
                assert await tokens(Filter(token_prefix="a-")) == []
                assert await tokens(Filter(token_prefix="*")) == []
                assert await tokens(Filter(token_prefix="")) == ["ab1", "ab2", "b"]
                assert await tokens(Filter(phases=OPEN)) == ["ab1", "ab2", "b"]
                assert await tokens(Filter(phases=[Phase.SUBMITTED])) == ["b"]
                assert await tokens(Filter(phases=[])) == []
                assert await tokens(Filter(task="t1")) == ["b"]
                assert await tokens(Filter(keys=["key-b", "key-ab1"])) == ["ab1", "b"]
                assert await tokens(Filter(keys=[])) == []
                assert await tokens(Filter(keys=["key-b"] * 2000, phases=[Phase.INTENDED])) == []

        run(steps())

    def test_any_number_of_keys(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                await asyncio.gather(*(intended(journal, f"{number:04x}") for number in range(1, 1200)))
            keys = [f"key-{number:04x}" for number in range(1, 40_000)]
            with backend.reader() as reader:
                assert len(reader.by_keys(keys)) == 1199
                found = reader.attempts(Filter(keys=keys))
            assert [one.seq for one in found] == sorted(one.seq for one in found)
            assert len(found) == 1199

        run(steps())

    # --- one attempt at a time ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("phase", [*sorted(OPEN), Phase.FETCHED])
    def test_a_shot_that_is_decided_is_not_submitted_again(self, backend: Backend, phase: Phase) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal, "a", key="k")
                now = await journal.move(first.token, phase, Change(task="1", digest=DIGEST))
                with pytest.raises(AlreadyDecided) as decided:
                    await intended(journal, "b", key="k")
                assert decided.value.attempt == now
                assert len(await journal.attempts(Filter())) == 1

        run(steps())

    @pytest.mark.parametrize("phase", [Phase.REFUSED, Phase.FAILED, Phase.ABANDONED, Phase.LOST])
    def test_a_shot_that_came_to_nothing_can_be_submitted_again(self, backend: Backend, phase: Phase) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal, "a", key="k")
                await journal.move(first.token, phase)
                second = await intended(journal, "b", key="k")
                assert second.seq > first.seq
                # The first one cannot come back while the second is open.
                with pytest.raises(JournalError):
                    await journal.move(first.token, Phase.SUBMITTED, Change(task="1"))
                same(await journal.decisive("k"), token=second.token)

        run(steps())

    def test_a_task_makes_one_clip(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                for token in ("a", "b"):
                    await intended(journal, token)
                await intended(journal, "c", account="another")
                await intended(journal, "d", generator="another")
                await journal.move("a".ljust(32, "0"), Phase.SUBMITTED, Change(task="42"))
                with pytest.raises(TaskIdInUse) as refused:
                    await journal.move("b".ljust(32, "0"), Phase.SUBMITTED, Change(task="42"))
                assert "main/one" in refused.value.why
                assert "a0000000" in refused.value.why
                same(await journal.decisive("key-b"), phase=Phase.INTENDED, task="")
                for token in ("a", "c", "d"):
                    await journal.move(token.ljust(32, "0"), Phase.SUBMITTED, Change(task="42"))
                await journal.move("a".ljust(32, "0"), Phase.FETCHED, Change(digest=DIGEST))
                with pytest.raises(TaskIdInUse):
                    await journal.move("b".ljust(32, "0"), Phase.SUBMITTED, Change(task="42"))
                await journal.move("a".ljust(32, "0"), Phase.ABANDONED)
                await journal.move("b".ljust(32, "0"), Phase.SUBMITTED, Change(task="42"))

        run(steps())

    # --- money --------------------------------------------------------------------------------------------------

    def test_what_a_scope_has_at_risk(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                await intended(journal, "a", owner="x", reserved=100)
                await intended(journal, "b", owner="x", reserved=50)
                await intended(journal, "c", owner="y", reserved=None)
                await intended(journal, "d", owner="y", reserved=500)
                await intended(journal, "e", scope="other", reserved=1000)
                await journal.move("b".ljust(32, "0"), Phase.FAILED, Change(cost=70))
                await journal.move("d".ljust(32, "0"), Phase.REFUSED, Change(cost=0))
                assert await journal.spend("s") == Spend(attempts=3, micros=170, reserved=100, unpriced=1)
                assert await journal.spend("s", "x") == Spend(attempts=2, micros=170, reserved=100)
                assert await journal.spend("nothing") == Spend()
            with backend.reader() as reader:
                assert reader.spend("s", "y") == Spend(attempts=1, unpriced=1)

        run(steps())

    def test_racing_shots_do_not_overdraw_the_budget(self, backend: Backend) -> None:
        async def steps() -> None:
            budget = Budget(max_cost=1_000)
            async with backend.session() as one, backend.session() as two:

                async def race(number: int) -> bool:
                    journal = (one, two)[number % 2]
                    try:
                        await intended(journal, f"{number:02x}f", budget, reserved=300)
                    except BudgetStop:
                        return False
                    return True

                won = await asyncio.gather(*(race(number) for number in range(50)))
                assert sum(won) == 3
                assert await one.spend("s") == Spend(attempts=3, micros=900, reserved=900)

        run(steps())

    def test_an_unknown_price_stops_a_budget(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                with pytest.raises(BudgetStop, match="unknown"):
                    await intended(journal, "a", Budget(max_cost=10_000_000), reserved=None)
                await intended(journal, "b", reserved=None)
                with pytest.raises(BudgetStop, match="unknown"):
                    await intended(journal, "c", Budget(max_cost=10_000_000), reserved=1)
                with pytest.raises(BudgetStop, match="1 shots"):
                    await intended(journal, "d", Budget(max_shots=1), reserved=1)

        run(steps())

    def test_a_refusal_takes_nothing_from_what_is_asked_at_the_same_time(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                leases = {token: await journal.acquire(f"key-{token}") for token in "abc"}
                assert all(leases.values())
                first, second, third = (lease for lease in leases.values() if lease is not None)
                answers = await asyncio.gather(
                    journal.intend(attempt("a"), Budget(), first),
                    journal.move("f" * 32, Phase.SUBMITTED, Change(task="1")),
                    journal.move(attempt("a").token, Phase.SUBMITTED, Change(task="42")),
                    journal.intend(attempt("a"), Budget(), first),
                    journal.intend(attempt("b"), Budget(max_shots=1), second),
                    journal.intend(attempt("c"), Budget(), dataclasses.replace(third, fence=99)),
                    return_exceptions=True,
                )
                kinds = [type(answer) for answer in answers]
                assert kinds == [Attempt, JournalError, Attempt, AlreadyDecided, BudgetStop, LeaseLost]
                (found,) = await journal.attempts(Filter())
                same(found, token=attempt("a").token, phase=Phase.SUBMITTED, task="42")

        run(steps())

    # --- leases -------------------------------------------------------------------------------------------------

    def test_a_lease_is_held_against_the_living(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as one, backend.session() as two:
                lease = await one.acquire("k")
                assert lease == Lease(key="k", owner=one.owner, fence=1)
                assert await one.acquire("k") == lease
                for _ in range(100):
                    assert await two.acquire("k") is None
                    backend.monotonic += 60.0
                    backend.now += 60.0
                assert await two.leased() == {"k"}
                await one.release(lease)
                assert await two.leased() == frozenset()
                taken = await two.acquire("k")
                assert taken == Lease(key="k", owner=two.owner, fence=2)
                await one.release(lease)  # of another time: no effect
                assert await one.acquire("k") is None

        run(steps())

    def test_the_lease_of_a_dead_process_is_free_at_once(self, backend: Backend) -> None:
        async def steps() -> None:
            dead, alive = backend.session(Place.HERE_DEAD), backend.session()
            async with alive:
                await dead.__aenter__()
                assert await dead.acquire("k") is not None
                assert await alive.leased() == frozenset()
                with backend.reader() as reader:
                    assert reader.leased() == frozenset()
                same_fence = await alive.acquire("k")
                assert same_fence == Lease(key="k", owner=alive.owner, fence=2)
                await dead.__aexit__(None, None, None)

        run(steps())

    @pytest.mark.parametrize("place", [Place.OTHER_HOST, Place.OTHER_NAMESPACE])
    def test_a_holder_that_cannot_be_looked_up_is_judged_by_its_heartbeat(
        self, backend: Backend, place: Place
    ) -> None:
        async def steps() -> None:
            async with backend.session(place) as far, backend.session() as here:
                assert await far.acquire("k") is not None
                for _ in range(200):
                    await far.renew()
                    assert await here.acquire("k") is None
                    backend.monotonic += 1.0
                assert await here.leased() == {"k"}
                # From now on it is silent.
                began = backend.monotonic
                while await here.acquire("k") is None:
                    backend.monotonic += 1.0
                    assert backend.monotonic - began < 10 * LEASE_S
                assert backend.monotonic - began >= LEASE_S - 1.0

        run(steps())

    def test_a_silence_is_that_of_one_holding(self, backend: Backend) -> None:
        """A lease that was given back and taken again has not been silent before."""

        async def steps() -> None:
            async with backend.session(Place.OTHER_HOST) as far, backend.session() as here:
                lease = await far.acquire("k")
                assert lease is not None
                for _ in range(int(LEASE_S) - 1):
                    assert await here.acquire("k") is None
                    backend.monotonic += 1.0
                await far.release(lease)
                assert await far.acquire("k") is not None
                for _ in range(int(LEASE_S) - 1):
                    assert await here.acquire("k") is None
                    backend.monotonic += 1.0

        run(steps())

    def test_a_takeover_beside_a_refusal_is_not_waited_for_twice(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session(Place.OTHER_HOST) as far, backend.session() as here:
                assert await far.acquire("k") is not None
                for _ in range(int(LEASE_S)):
                    assert await here.acquire("k") is None
                    backend.monotonic += 1.0
                refused = here.move("f" * 32, Phase.SUBMITTED, Change(task="1"))
                taken, error = await asyncio.gather(here.acquire("k"), refused, return_exceptions=True)
                assert isinstance(error, JournalError)
                assert taken == Lease(key="k", owner=here.owner, fence=2)

        run(steps())

    @pytest.mark.parametrize("jump_s", [-1e6, 1e6])
    def test_the_clocks_of_two_hosts_are_not_compared(self, backend: Backend, jump_s: float) -> None:
        async def steps() -> None:
            async with backend.session(Place.OTHER_HOST) as far, backend.session() as here:
                assert await far.acquire("k") is not None
                backend.now += jump_s
                assert await here.acquire("k") is None
                backend.monotonic += 2.0
                assert await here.acquire("k") is None
                # A clock that was ahead holds nobody up for longer, either.
                for _ in range(int(LEASE_S)):
                    backend.monotonic += 1.0
                    lease = await here.acquire("k")
                assert lease is not None

        run(steps())

    @pytest.mark.parametrize("hours", [-12, 12])
    def test_who_may_not_wait_takes_a_holder_on_another_host_for_alive(
        self, backend: Backend, hours: int
    ) -> None:
        async def steps() -> None:
            async with backend.session(Place.OTHER_HOST) as far:
                assert await far.acquire("k") is not None
                backend.now += hours * 3600.0
                backend.monotonic += abs(hours) * 3600.0
                with backend.reader() as reader:
                    assert reader.leased() == {"k"}

        run(steps())

    def test_time_in_which_the_waiter_was_stopped_does_not_count(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session(Place.OTHER_HOST) as far, backend.session() as here:
                assert await far.acquire("k") is not None
                assert await here.acquire("k") is None
                backend.monotonic += 3 * LEASE_S  # both were stopped: a closed lid
                assert await here.acquire("k") is None
                await far.renew()
                assert await here.acquire("k") is None

        run(steps())

    @pytest.mark.parametrize("place", [Place.OTHER_HOST, Place.OTHER_NAMESPACE])
    def test_a_run_that_was_overtaken_submits_nothing(self, backend: Backend, place: Place) -> None:
        async def steps() -> None:
            async with backend.session(place) as stopped, backend.session() as other:
                lease = await stopped.acquire("k")
                assert lease is not None
                taken = None
                while taken is None:
                    taken = await other.acquire("k")
                    backend.monotonic += 1.0
                with pytest.raises(LeaseLost):
                    await stopped.intend(attempt("a", key="k"), Budget(), lease)
                first = await other.intend(attempt("b", key="k"), Budget(), taken)
                with pytest.raises(LeaseLost):
                    await stopped.intend(attempt("a", key="k"), Budget(), lease)
                await other.move(first.token, Phase.FETCHED, Change(task="1", digest=DIGEST))
                await other.release(taken)
                with pytest.raises(LeaseLost):
                    await stopped.intend(attempt("a", key="k"), Budget(), lease)
                again = await stopped.acquire("k")
                assert again is not None
                assert again.fence > taken.fence
                with pytest.raises(AlreadyDecided):
                    await stopped.intend(attempt("a", key="k"), Budget(), again)
                assert [one.token[0] for one in await other.attempts(Filter())] == ["b"]

        run(steps())

    def test_a_session_that_ends_leaves_no_lease(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as one:
                await one.acquire("k")
            async with backend.session() as two:
                assert await two.leased() == frozenset()
                assert await two.acquire("k") is not None

        run(steps())

    # --- recovery -----------------------------------------------------------------------------------------------

    def test_attempts_that_another_record_proves_are_added_in_order(self, backend: Backend) -> None:
        async def steps() -> None:
            paid = [
                attempt(token, phase=Phase.FETCHED, digest=DIGEST, cost=100, record=RECORD) for token in "cab"
            ]
            async with backend.session() as journal:
                with backend.reader() as reader:
                    assert reader.is_empty()
                await journal.add(paid)
                found = await journal.attempts(Filter())
                assert [dataclasses.replace(one, seq=0) for one in found] == paid
                assert [one.seq for one in found] == sorted(one.seq for one in found)
                with pytest.raises(JournalError):
                    await journal.add([attempt("d", phase=Phase.FETCHED, digest=DIGEST), paid[0]])
                assert await journal.attempts(Filter()) == found
                with pytest.raises(AlreadyDecided):
                    await intended(journal, "e", key="key-c")
            with backend.reader() as reader:
                assert not reader.is_empty()

        run(steps())

    def test_losses_that_the_user_accepted(self, backend: Backend) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                await journal.accept_losses(["k1", "k2"])
                await journal.accept_losses(["k2", "root"])
                await journal.accept_losses([])
                # That is no attempt.
                assert await journal.decisive("k1") is None
            with backend.reader() as reader:
                assert reader.accepted_losses() == {"k1", "k2", "root"}
                assert reader.is_empty()

        run(steps())

    def test_what_the_user_decides_about_clips(self, backend: Backend) -> None:
        def of(key: str, digest: str, verdict: Judgement, decided: float = 1.5) -> Decision:
            return Decision(key=key, digest=digest, verdict=verdict, decided=decided)

        yes, no = Judgement.ACCEPTED, Judgement.REJECTED

        async def steps() -> None:
            async with backend.session() as journal:
                assert await journal.decisions(["k1"]) == []
                await journal.decide([of("k2", "b", no), of("k1", "b", yes), of("k1", "a", no)])
                await journal.decide([])
                await journal.decide([of("k1", "a", yes, 7.0)])
                found = await journal.decisions(["k2", "k1", "nothing"])
                assert found == [of("k1", "a", yes, 7.0), of("k1", "b", yes), of("k2", "b", no)]
                # That is no attempt.
                assert await journal.decisive("k1") is None
            with backend.reader() as reader:
                assert reader.decisions(["k2"]) == [of("k2", "b", no)]
                assert reader.decisions([]) == []
                assert reader.is_empty()

        run(steps())

    # --- measurements and spilled ids ---------------------------------------------------------------------------

    def test_measurements(self, backend: Backend) -> None:
        def one(subject: str, value: float, version: int = 1) -> Measurement:
            return Measurement(subject=subject, metric="seam_psnr_db", version=version, value=value)

        async def steps() -> None:
            async with backend.session() as journal:
                await journal.add_measurements([one("a", 1.5), one("a+b", 40.25), one("c", 3.0)])
                await journal.add_measurements([one("a", 2.5), one("a", 9.0, version=2)])
                found = await journal.measurements(["a", "a+b", "nothing"])
                assert found == [one("a", 2.5), one("a", 9.0, version=2), one("a+b", 40.25)]
                assert await journal.measurements([]) == []
            with backend.reader() as reader:
                assert reader.measurements(["c"]) == [one("c", 3.0)]

        run(steps())

    @pytest.mark.parametrize("phase", [Phase.INTENDED, Phase.UNKNOWN])
    def test_a_spilled_task_id_is_adopted_by_the_next_session(self, backend: Backend, phase: Phase) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                first = await intended(journal)
                await journal.move(first.token, phase)
                await journal.spill(first.token, "42", {"region": "eu"})
                await journal.spill(first.token, "42", {"region": "eu"})
            for _ in range(2):
                async with backend.session() as journal:
                    found = await journal.decisive(first.key)
                    same(found, phase=Phase.SUBMITTED, task="42", task_data={"region": "eu"})

        run(steps())

    def test_a_spilled_task_id_that_another_attempt_has_does_not_close_the_journal(
        self, backend: Backend
    ) -> None:
        async def steps() -> None:
            async with backend.session() as journal:
                await intended(journal, "a")
                await journal.move(attempt("a").token, Phase.SUBMITTED, Change(task="42"))
                await intended(journal, "b")
                await journal.spill(attempt("b").token, "42", {})
            async with backend.session() as journal:
                same(await journal.decisive("key-b"), phase=Phase.UNKNOWN, task="")
                same(await journal.decisive("key-a"), phase=Phase.SUBMITTED, task="42")

        run(steps())


class ObjectContract:
    """A subclass has a fixture `backend`."""

    def test_a_file_goes_in_whole_and_comes_out_under_any_name(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        objects, finished = backend.objects(), tmp_path / "finished"
        finished.write_bytes(DATA)
        assert not objects.exists(DIGEST)
        assert objects.size(DIGEST) == 0
        objects.put(finished, DIGEST)
        objects.put_bytes(DATA, DIGEST)
        assert not finished.exists()
        assert objects.exists(DIGEST)
        assert objects.intact(DIGEST)
        assert objects.size(DIGEST) == len(DATA)
        assert list(objects.all()) == [DIGEST]
        target = tmp_path / "run" / "01.mp4"
        for _ in range(2):
            objects.place(DIGEST, target)
            assert target.read_bytes() == DATA
        assert [path.name for path in target.parent.iterdir()] == ["01.mp4"]
        assert objects.remove(DIGEST) == len(DATA)
        assert objects.remove(DIGEST) == 0
        assert not objects.exists(DIGEST)
        assert not objects.intact(DIGEST)
        assert target.read_bytes() == DATA

    def test_another_file_in_the_place_is_replaced(self, backend: Backend, tmp_path: Path) -> None:
        objects, target = backend.objects(), tmp_path / "01.mp4"
        objects.put_bytes(DATA, DIGEST)
        target.write_bytes(b"an older clip")
        objects.place(DIGEST, target)
        assert target.read_bytes() == DATA

    def test_what_is_not_there_cannot_be_placed(self, backend: Backend, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"No such file|not there"):
            backend.objects().place(DIGEST, tmp_path / "01.mp4")
        assert not list(tmp_path.glob("01*"))
