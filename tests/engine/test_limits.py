"""A provider that counts arrivals never sees more than its limit, however long its answers take."""

from __future__ import annotations

import asyncio
import contextlib
import random
import selectors
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.api import GeneratorCapabilities, Rate, RateLimits
from runner.engine.limits import AccountLimits
from runner.engine.timing import Timing
from runner.store import turns, work_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path


class Leap(selectors.DefaultSelector):
    """Does not wait: the time that it should have waited has passed."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for what never comes"
        self.now_s += timeout
        return super().select(0)


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop whose sleeps pass at once, on a clock of its own."""

    def __init__(self) -> None:
        self._leap = Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now_s


def played(work: Callable[[AccountLimits], Coroutine[Any, Any, None]]) -> None:
    loop = QuickLoop()
    try:
        loop.run_until_complete(work(AccountLimits(Timing(monotonic=loop.time))))
    finally:
        loop.close()


def arrivals(requests: int, rate: Rate, latency: Callable[[], tuple[float, float]]) -> list[float]:
    """When each of many requests reaches the provider; `latency` is how long one takes there and back, in seconds."""
    seen: list[float] = []

    async def work(limits: AccountLimits) -> None:
        caps = GeneratorCapabilities(limits=RateLimits(submit=rate))

        async def submit() -> None:
            async with limits.submission("account", caps):
                there, back = latency()
                await asyncio.sleep(there)
                seen.append(asyncio.get_running_loop().time())
                await asyncio.sleep(back)

        await asyncio.gather(*(submit() for _ in range(requests)))

    played(work)
    return sorted(seen)


def most(times: list[float], per_s: float) -> int:
    return max(sum(start <= one < start + per_s - 1e-6 for one in times) for start in times)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 20),
    per_s=st.sampled_from([0.5, 1.0, 10.0]),
    slowest_s=st.sampled_from([0.0, 0.05, 0.9, 2.0]),
)
def test_no_window_of_the_provider_holds_more_than_the_limit(
    seed: int, count: int, per_s: float, slowest_s: float
) -> None:
    chance = random.Random(seed)

    def latency() -> tuple[float, float]:
        return chance.uniform(0, slowest_s), chance.uniform(0, slowest_s)

    times = arrivals(60, Rate(count, per_s), latency)

    assert len(times) == 60
    assert most(times, per_s) <= count


def test_with_quick_answers_the_limit_is_reached() -> None:
    times = arrivals(100, Rate(20, 10.0), lambda: (0.005, 0.005))

    # 20 at once and 20 more every 10 s: the last ones could begin after 40 s at the earliest.
    assert 40.0 <= times[-1] - times[0] <= 40.0 / 0.95


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 8),
    per_s=st.floats(0.1, 10),
    requests=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 20)), max_size=30),
)
def test_the_limit_holds_whenever_requests_come(
    count: int, per_s: float, requests: list[tuple[float, float, float]]
) -> None:
    caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(count, per_s)))
    seen: list[float] = []

    async def work(limits: AccountLimits) -> None:

        async def submit(there: float, back: float, after: float) -> None:
            await asyncio.sleep(after)
            async with limits.submission("account", caps):
                await asyncio.sleep(there)
                seen.append(asyncio.get_running_loop().time())
                await asyncio.sleep(back)

        await asyncio.gather(*(submit(*request) for request in requests))

    played(work)

    assert len(seen) == len(requests)
    assert not seen or most(seen, per_s) <= count


def test_a_request_that_broke_off_counts_since_it_may_have_arrived() -> None:
    caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(2, 5.0)))

    async def work(limits: AccountLimits) -> None:
        for _ in range(2):
            with contextlib.suppress(OSError):
                async with limits.submission("account", caps):
                    raise OSError("the line is dead")
        async with limits.submission("account", caps):
            assert asyncio.get_running_loop().time() >= 5

    played(work)


def test_one_who_gives_up_waiting_takes_nobodys_place() -> None:
    caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(1, 10.0)))
    sent: list[tuple[str, float]] = []

    async def work(limits: AccountLimits) -> None:

        async def submit(who: str) -> None:
            async with limits.submission("account", caps):
                sent.append((who, asyncio.get_running_loop().time()))

        await submit("first")
        impatient = asyncio.ensure_future(submit("impatient"))
        patient = asyncio.ensure_future(submit("patient"))
        await asyncio.sleep(1)
        impatient.cancel()
        await patient

    played(work)

    assert sent == [("first", 0.0), ("patient", pytest.approx(10))]


def test_whoever_came_first_is_sent_first() -> None:
    caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(2, 1.0)))
    sent: list[int] = []

    async def work(limits: AccountLimits) -> None:

        async def submit(number: int) -> None:
            async with limits.submission("account", caps):
                sent.append(number)

        await asyncio.gather(*(submit(number) for number in range(9)))

    played(work)

    assert sent == list(range(9))


def test_accounts_do_not_wait_for_each_other() -> None:
    done: list[float] = []

    async def work(limits: AccountLimits) -> None:
        caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(1, 10.0)))

        async def submit(account: str) -> None:
            async with limits.submission(account, caps):
                done.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(submit(f"account {number}") for number in range(5)))

    played(work)

    assert done == [0.0] * 5


def test_polls_have_a_limit_of_their_own() -> None:
    seen: list[float] = []

    async def work(limits: AccountLimits) -> None:
        caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(1, 100.0), poll=Rate(10, 1.0)))

        async def poll() -> None:
            async with limits.poll("account", caps):
                seen.append(asyncio.get_running_loop().time())

        async with limits.submission("account", caps):
            pass
        await asyncio.gather(*(poll() for _ in range(30)))

    played(work)

    assert most(seen, 1.0) == 10
    assert seen[-1] < 2.1


@pytest.mark.parametrize(
    ("all_of_them", "own", "at_once"), [(None, None, 8), (None, 3, 3), (2, 3, 2), (5, None, 5)]
)
def test_so_many_tasks_are_under_way_at_once(all_of_them: int | None, own: int | None, at_once: int) -> None:
    under_way, highest = 0, 0

    async def work(limits: AccountLimits) -> None:
        caps = GeneratorCapabilities(limits=RateLimits(in_flight=own))

        async def task() -> None:
            nonlocal under_way, highest
            async with limits.slot("account", caps, all_of_them):
                under_way += 1
                highest = max(highest, under_way)
                await asyncio.sleep(1)
                under_way -= 1

        await asyncio.gather(*(task() for _ in range(20)))

    played(work)

    assert highest == at_once


@pytest.mark.parametrize("what", ["submit", "in flight"])
def test_sessions_over_one_root_share_their_limits(tmp_path: Path, what: str) -> None:
    """Two sessions that know nothing of each other but the files below the root."""
    limit = RateLimits(submit=Rate(3, 10.0)) if what == "submit" else RateLimits(in_flight=3)
    caps = GeneratorCapabilities(limits=limit)
    sent: list[float] = []
    at_once = peak = 0

    async def task(limits: AccountLimits) -> None:
        nonlocal at_once, peak
        body = limits.submission("a", caps) if what == "submit" else limits.slot("a", caps, None)
        async with body:
            at_once += 1
            peak = max(peak, at_once)
            sent.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.5)
            at_once -= 1

    async def work(_: AccountLimits) -> None:
        timing = Timing(monotonic=asyncio.get_running_loop().time)
        with work_folder(tmp_path) as one, work_folder(tmp_path) as other:
            sessions = [AccountLimits(timing, turns(tmp_path, place)) for place in (one, other)]
            await asyncio.gather(*(task(limits) for limits in sessions for _ in range(6)))

    played(work)

    assert len(sent) == 12
    if what == "submit":
        assert most(sorted(sent), 10.0) == 3
    assert peak == 3


def test_a_session_that_cannot_share_its_limits_keeps_to_them_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caps = GeneratorCapabilities(limits=RateLimits(submit=Rate(2, 10.0)))
    (tmp_path / ".runner").mkdir()
    (tmp_path / ".runner/limits").write_text("no folder")
    sent: list[float] = []

    async def work(_: AccountLimits) -> None:
        loop = asyncio.get_running_loop()
        limits = AccountLimits(Timing(monotonic=loop.time), turns(tmp_path, tmp_path))
        for _ in range(4):
            async with limits.submission("a", caps):
                sent.append(loop.time())

    played(work)

    assert most(sent, 10.0) == 2
    assert "do not count what others do" in caplog.text
