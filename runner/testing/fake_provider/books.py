"""The provider's books: every event changes them in one place, live and when they are read back from their file."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.testing.fake_provider.counts import SubmissionEntry
from runner.testing.fake_provider.script import Behaviour, Choice, Director, read
from runner.testing.provider.accounts import Account
from runner.testing.provider.tasks import Task, TaskFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.testing.provider.request_log import EventFile


@dataclass(slots=True, kw_only=True)
class Order:
    """What a task is for. Its `number` is that of the submission since the last script; polls and fetches count from
    there on, too.
    """

    token: str
    name: str
    body: Mapping[str, Any]
    number: int
    polls_before: int = 0
    fetches_before: int = 0


FakeTask: TypeAlias = Task[Order]


class Books:
    """All that happened. `record` is the only way to change them.

    `submissions` are all of each account, `given` counts the answers to submissions by account, layer of the script,
    and shot. Tasks are found by account and token, or idempotency key.
    """

    def __init__(self, events: EventFile) -> None:
        self.director = Director(read({}))
        self.accounts: dict[str, Account] = {}
        self.tasks: dict[str, FakeTask] = {}
        self.submissions: defaultdict[str, list[SubmissionEntry]] = defaultdict(list)
        self.by_token: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.by_idempotency_key: dict[tuple[str, str], str] = {}
        self.given: Counter[tuple[str, str, str]] = Counter()
        self._numbered = 0
        self._events: EventFile | None = None
        for event in events.past():
            self.record(event)
        self._events = events

    def account(self, key: str) -> Account:
        return self.accounts.setdefault(key, Account(key=key))

    def next(self, name: str, token: str) -> Choice:
        """How to behave towards the next submission."""
        return self.director.choose(self._numbered + 1, name, token)

    def behaviour(self, task: FakeTask) -> Behaviour:
        order = task.request
        return self.director.choose(order.number, order.name, order.token).behaviour

    def record(self, event: Mapping[str, Any]) -> None:
        """Write the event down, then apply it."""
        if self._events is not None:
            self._events.append(event)
        match event["event"]:
            case "submission":
                self._submission(event)
            case "poll":
                self._poll(event)
            case "fetch":
                task = self.tasks[event["task"]]
                task.fetches += 1
                task.account.counts["fetches"] += 1
            case "find":
                self.account(event["account"]).counts["finds"] += 1
            case "ended":
                self._ended(event)
            case "script":
                self._script(event["script"])

    def _submission(self, event: Mapping[str, Any]) -> None:
        self._numbered += 1
        account, key = self.account(event["account"]), event["account"]
        fields = ("at", "name", "token", "answer", "outcome", "body")
        entry = SubmissionEntry(**{name: event[name] for name in fields}, tasks=tuple(event["tasks"]))
        self.submissions[key].append(entry)
        if entry.outcome == "limited":
            account.refusals["429"] += 1
        else:
            self.given[key, event["layer"], entry.name] += 1
        if entry.outcome != "accepted":
            return
        for id in entry.tasks:
            order = Order(token=entry.token, name=entry.name, body=entry.body, number=self._numbered)
            task = FakeTask(
                id=id, account=account, request=order, price=Decimal(event["price_usd"]), created_at=entry.at
            )
            account.hold(task.price)
            account.creations.passed(entry.at)
            self.tasks[id] = task
            self.by_token[key, entry.token].append(id)
        if event["idempotency_key"]:
            self.by_idempotency_key.setdefault((key, event["idempotency_key"]), entry.tasks[0])

    def _poll(self, event: Mapping[str, Any]) -> None:
        account, task = self.account(event["account"]), self.tasks.get(event["task"])
        account.counts["polls"] += 1
        if task is None or task.account is not account:
            account.counts["unknown_polls"] += 1
        else:
            task.polls += 1

    def _ended(self, event: Mapping[str, Any]) -> None:
        task = self.tasks[event["task"]]
        task.clip = Path(event["clip"]) if event["clip"] else None
        failure = TaskFailed(event["reason"], refund=event["refunded"]) if event["failed"] else None
        task.end(event["at"], failure)

    def _script(self, raw: object) -> None:
        self.director = Director(read(raw))
        self.given.clear()
        self._numbered = 0
        for task in self.tasks.values():
            order = task.request
            order.number, order.polls_before, order.fetches_before = 0, task.polls, task.fetches
