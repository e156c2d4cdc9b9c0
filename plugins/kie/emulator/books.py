"""What came in, what was made of it and what it cost: for tests to assert on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence  # noqa: TC003  # pydantic needs them
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from runner.testing.provider.tasks import most_at_once

from .options import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from runner.testing.provider.accounts import Account
    from runner.testing.provider.request_log import RequestLog

    from .record import KieTask

_LISTS: Final = ("creations", "polls", "uploads", "downloads", "callbacks", "fetches")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """One account. Credits are spendable, held by running tasks, and gone; `refusals` counts by code."""

    id: str
    balance: float
    held: float
    consumed: float
    creations: int
    creations_by_prompt: Mapping[str, int]
    billed_by_prompt: Mapping[str, float]
    refusals: Mapping[str, int]
    polls: int
    unknown_polls: int
    uploads: int
    running: int
    max_running: int
    creation_times: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task. Times are seconds of the emulator's clock; `ended_at` is None while it runs."""

    key: str
    model: str
    prompt: str
    created_at: float
    ended_at: float | None
    fail_code: str | None
    fail_msg: str | None
    credits: float
    price_known: bool
    refunded: bool
    polls: int
    urls: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksView:
    """What came in so far, oldest first.

    creations   at, key, model, prompt, step, outcome ("accepted" or "refused"), code, msg, task
    polls       at, key, task, step           uploads     at, key, how, path, url, size
    downloads   at, method, path, headers (lower case; a key in them is shown as ***), step, status
    callbacks   at, task, url, number, status, problem
    fetches     at, url, size, problem: what the emulator itself asked for
    unauthorized counts requests without a key that it knows
    """

    now: float
    accounts: Mapping[str, AccountEntry]
    tasks: Mapping[str, TaskEntry]
    creations: Sequence[Mapping[str, Any]]
    polls: Sequence[Mapping[str, Any]]
    uploads: Sequence[Mapping[str, Any]]
    downloads: Sequence[Mapping[str, Any]]
    callbacks: Sequence[Mapping[str, Any]]
    fetches: Sequence[Mapping[str, Any]]
    unauthorized: int

    def account(self, key: str = DEFAULT_KEY) -> AccountEntry:
        return self.accounts[key]


VIEW: Final = TypeAdapter(BooksView)
"""The view from JSON."""


def view(
    now: float,
    log: RequestLog,
    accounts: Iterable[Account],
    tasks: Collection[KieTask],
    unauthorized: int,
) -> BooksView:
    """The whole of it."""
    return BooksView(
        now=now,
        accounts={
            one.key: _account(one, [task for task in tasks if task.account is one]) for one in accounts
        },
        tasks={task.id: _task(task) for task in tasks},
        unauthorized=unauthorized,
        **{about: log.entries[about] for about in _LISTS},
    )


def id_of(key: str) -> str:
    """The number of an account, which is in the paths of its uploads."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return str(100_000 + int.from_bytes(digest[:4]) % 900_000)


def _account(account: Account, tasks: list[KieTask]) -> AccountEntry:
    billed: dict[str, float] = {}
    for task in tasks:
        cost = 0.0 if task.refunded else float(task.price)
        billed[task.request.prompt] = billed.get(task.request.prompt, 0.0) + cost
    return AccountEntry(
        id=id_of(account.key),
        balance=float(account.balance),
        held=float(account.held),
        consumed=float(account.consumed),
        creations=len(tasks),
        creations_by_prompt=dict(Counter(task.request.prompt for task in tasks)),
        billed_by_prompt=billed,
        refusals=dict(account.refusals),
        polls=account.counts["polls"],
        unknown_polls=account.counts["unknown_polls"],
        uploads=account.counts["uploads"],
        running=account.running,
        max_running=most_at_once(tasks),
        creation_times=[task.created_at for task in tasks],
    )


def _task(task: KieTask) -> TaskEntry:
    failure = task.failure
    return TaskEntry(
        key=task.account.key,
        model=task.request.model.name,
        prompt=task.request.prompt,
        created_at=task.created_at,
        ended_at=task.ended_at,
        fail_code=failure.code if failure else None,
        fail_msg=failure.message if failure else None,
        credits=float(task.price),
        price_known=task.request.price_known,
        refunded=task.refunded,
        polls=task.polls,
        urls=task.request.urls,
    )
