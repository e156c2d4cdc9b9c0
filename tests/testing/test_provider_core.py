"""The core of scripted providers, where no emulator shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import pytest

from runner.api import Rate
from runner.errors import UsageError
from runner.testing.provider.accounts import Account, Window
from runner.testing.provider.clock import Clock
from runner.testing.provider.drawing import tiny
from runner.testing.provider.options import Listening, option, parsed, read_seconds
from runner.testing.provider.studio import Studio
from runner.testing.provider.tasks import Task, TaskFailed, Work, most_at_once


@dataclass(frozen=True, kw_only=True)
class Options(Listening):
    task_seconds: float = option(2.0, "S", "how long a task takes", read_seconds)
    loud: bool = option(False, None, "a line per task", short=("-l",))


def options(*words):
    return parsed(Options, words, prog="python -m runner emulate toy", description="Serves Toy.")


def test_the_fields_of_a_dataclass_are_the_options_of_a_command(capsys):
    assert options() == Options(port=0, host="127.0.0.1", die_with_parent=False, task_seconds=2.0, loud=False)
    assert options("--task-seconds", "0.5", "-l", "--port", "8000") == Options(
        port=8000, task_seconds=0.5, loud=True
    )
    assert options("--help") is None
    assert "--task-seconds S   how long a task takes (2)\n" in capsys.readouterr().out


def test_a_mistake_in_an_option_is_a_usage_error():
    with pytest.raises(
        UsageError, match="emulate toy: argument --task-seconds: '-1' is less than 0"
    ) as found:
        options("--task-seconds", "-1")
    assert found.value.hint == "python -m runner emulate toy --help  shows the options"


def test_a_window_slides():
    window, rate = Window(), Rate(2, 10.0)
    for at in (0.0, 1.0):
        assert not window.full(rate, at)
        window.passed(at)
    assert window.full(rate, 9.9)
    assert not window.full(rate, 10.0)
    assert not window.full(Rate(0, 0.0), 1.0), "0 is no limit"


def test_credits_are_held_and_then_taken_or_given_back():
    account = Account(key="k", balance=Decimal(10))
    assert account.hold(Decimal(6))
    assert not account.hold(Decimal(5))
    assert account.hold(Decimal(4))
    account.settle(Decimal(6), refund=False)
    account.settle(Decimal(4), refund=True)
    assert (account.balance, account.held, account.consumed, account.running) == (4, 0, 6, 0)


class Hands:
    """A worker whose script and times a test sets."""

    def __init__(self, clock):
        self.clock = clock
        self.due_s = 0.0
        self.fail = None
        self.made = 0

    def due_at(self, task):
        return task.created_at + self.due_s

    def scripted(self, task):
        return self.fail

    async def clip(self, task):
        self.made += 1
        if task.request == "broken":
            raise ValueError("a bug")

    def ended(self, task, failure):
        task.end(self.clock.now(), failure)


def worked(request, play):
    """A task of this request, after `play(hands, clock)` and its end."""

    async def through():
        clock = Clock()
        hands = Hands(clock)
        work = Work(clock, hands)
        account = Account(key="k")
        account.hold(Decimal(1))
        task = Task(id="t", account=account, request=request, price=Decimal(1), created_at=clock.now())
        steps = play(hands, clock)
        next(steps)
        work.begin(task)
        for _ in steps:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while task.ended_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return task, hands

    return asyncio.run(through())


def test_a_task_waits_until_it_is_due_by_the_clock_that_is_moved():
    def play(hands, clock):
        hands.due_s = 86_400.0
        yield
        yield
        clock.advance(86_401)

    task, hands = worked("fine", play)
    assert (hands.made, task.failure) == (1, None)
    assert task.ended_at - task.created_at > 86_400
    assert task.account.consumed == 1


def test_a_task_that_is_to_fail_no_more_is_made_after_all():
    def play(hands, clock):
        hands.due_s, hands.fail = 3600.0, TaskFailed("by the script")
        yield
        yield
        assert hands.made == 0
        hands.due_s, hands.fail = 0.0, None
        clock.wake()

    task, hands = worked("fine", play)
    assert (hands.made, task.failure) == (1, None)


def test_a_bug_ends_the_task_and_gives_the_credits_back(capsys):
    def play(hands, clock):
        yield

    task, _ = worked("broken", play)
    assert task.refunded
    assert task.account.consumed == 0
    assert "a bug" in capsys.readouterr().err


def test_the_most_tasks_at_once_are_counted():
    account = Account(key="k")
    spans = [(0.0, 2.0), (1.0, 3.0), (1.5, None), (4.0, None)]
    tasks = [
        Task(id="t", account=account, request=None, price=Decimal(0), created_at=start, ended_at=end)
        for start, end in spans
    ]
    assert most_at_once(tasks) == 3


def test_a_clip_is_drawn_once(tmp_path):
    async def twice():
        studio = Studio(tmp_path / "clips")
        paths = await asyncio.gather(studio.clip(tiny("a", 1.0)), studio.clip(tiny("a", 1.0)))
        first = paths[0].stat().st_mtime_ns
        later = Studio(studio.folder)
        again = await later.clip(tiny("a", 1.0))
        other = await studio.clip(tiny("b", 1.0))
        for one in (studio, later):
            one.close()
        return {*paths, again}, again.stat().st_mtime_ns - first, other

    same, rewritten_ns, other = asyncio.run(twice())
    assert len(same) == 1
    assert rewritten_ns == 0
    assert other not in same


@pytest.mark.parametrize("ratio", ["wide", "16:0", "16", "1:2:3"])
def test_an_aspect_ratio_that_is_none_is_said(ratio):
    with pytest.raises(ValueError, match=f"aspect_ratio is '{ratio}'"):
        tiny("a", 1.0, ratio)
