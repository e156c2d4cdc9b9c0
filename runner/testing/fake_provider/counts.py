"""What came in and what it cost, as the provider tells its client."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping  # noqa: TC003  # pydantic needs it
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from runner.testing.provider.tasks import most_at_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from runner.testing.fake_provider.books import Books, FakeTask


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task. Times are seconds since 1970; `ended_at` is None while it runs."""

    token: str
    name: str
    accepted_at: float
    ended_at: float | None
    failed: bool
    billed_usd: Decimal
    refunded_usd: Decimal
    polls: int
    fetches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionEntry:
    """One submission as it came in: what the script had for it, what came of it, the tasks it made or repeated.

    `outcome` is "accepted", "repeated" (under an idempotency key), "limited" (by rate or in-flight) or "refused".
    """

    at: float
    name: str
    token: str
    answer: str
    outcome: str
    tasks: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What came in, was accepted and billed; of one account, or of all. A task is billed when it is accepted.

    Keys of `tasks` are task ids, of `..._by_shot` "sequence/shot". `total_usd` is what was billed and not refunded.
    Maxima over accounts are those of the busiest one.
    """

    submissions: int
    submissions_by_token: Mapping[str, int]
    submissions_by_shot: Mapping[str, int]
    outcomes: Mapping[str, int]
    accepted: int
    accepted_by_token: Mapping[str, int]
    accepted_by_shot: Mapping[str, int]
    billed_usd: Decimal
    refunded_usd: Decimal
    total_usd: Decimal
    billed_by_token: Mapping[str, Decimal]
    max_in_window: int
    max_running: int
    tasks: Mapping[str, TaskEntry]
    log: tuple[SubmissionEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCounts(Counts):
    """Of one account. `unknown_polls` are polls of tasks that are not its own."""

    polls: int
    unknown_polls: int
    fetches: int
    finds: int
    rate_refusals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksView(Counts):
    """Of all accounts, and each by its key."""

    accounts: Mapping[str, AccountCounts]


VIEW: Final = TypeAdapter(BooksView)
"""The view from JSON."""


def view(books: Books, window_s: float) -> BooksView:
    """`window_s` is the width of the sliding window of `max_in_window`."""
    accounts = {
        key: AccountCounts(
            **_counts(
                books.submissions[key],
                {id: task for id, task in books.tasks.items() if task.account is account},
                window_s,
            ),
            polls=account.counts["polls"],
            unknown_polls=account.counts["unknown_polls"],
            fetches=account.counts["fetches"],
            finds=account.counts["finds"],
            rate_refusals=account.refusals["429"],
        )
        for key, account in books.accounts.items()
    }
    submissions = [one for key in books.accounts for one in books.submissions[key]]
    return BooksView(**_counts(submissions, books.tasks, window_s), accounts=accounts)


def _counts(
    submissions: Collection[SubmissionEntry], tasks: Mapping[str, FakeTask], window_s: float
) -> dict[str, Any]:
    entries = {id: _entry(task) for id, task in tasks.items()}
    billed, refunded = Decimal(0), Decimal(0)
    by_token: dict[str, Decimal] = {}
    for one in entries.values():
        billed, refunded = billed + one.billed_usd, refunded + one.refunded_usd
        by_token[one.token] = by_token.get(one.token, Decimal(0)) + one.billed_usd
    return {
        "submissions": len(submissions),
        "submissions_by_token": dict(Counter(one.token for one in submissions)),
        "submissions_by_shot": dict(Counter(one.name for one in submissions)),
        "outcomes": dict(Counter(one.outcome for one in submissions)),
        "accepted": len(entries),
        "accepted_by_token": dict(Counter(one.token for one in entries.values())),
        "accepted_by_shot": dict(Counter(one.name for one in entries.values())),
        "billed_usd": billed,
        "refunded_usd": refunded,
        "total_usd": billed - refunded,
        "billed_by_token": by_token,
        "max_in_window": _most_within([one.at for one in submissions], window_s),
        "max_running": most_at_once(tasks.values()),
        "tasks": entries,
        "log": tuple(submissions),
    }


def _entry(task: FakeTask) -> TaskEntry:
    return TaskEntry(
        token=task.request.token,
        name=task.request.name,
        accepted_at=task.created_at,
        ended_at=task.ended_at,
        failed=task.failure is not None,
        billed_usd=task.price,
        refunded_usd=task.price if task.refunded else Decimal(0),
        polls=task.polls,
        fetches=task.fetches,
    )


def _most_within(times: Iterable[float], window_s: float) -> int:
    """The most of `times` that lie in any half-open window of this width."""
    ordered = sorted(times)
    return max(
        (bisect.bisect_left(ordered, at + window_s) - index for index, at in enumerate(ordered)), default=0
    )
