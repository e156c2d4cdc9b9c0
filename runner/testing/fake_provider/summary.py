"""The books as JSON, for whoever wants to know what came in and what it cost."""

from __future__ import annotations

import bisect
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.testing.fake_provider.books import Books, Submission, Task


def summarise(books: Books, window_s: float) -> dict[str, Any]:
    """All accounts, and the sum of them. Money is in decimal strings, `window_s` the width of the sliding window.

    "submissions" are all that came in, "accepted" those that made a task (and were billed); maxima over accounts
    are those of the busiest one.
    """
    accounts = {
        key: {
            **_counts(
                account.submissions, [task for task in books.tasks.values() if task.account == key], window_s
            ),
            "polls": account.polls,
            "unknown_polls": account.unknown_polls,
            "fetches": account.fetches,
            "finds": account.finds,
            "rate_refusals": account.rate_refusals,
        }
        for key, account in books.accounts.items()
    }
    submissions = [one for account in books.accounts.values() for one in account.submissions]
    return {**_counts(submissions, list(books.tasks.values()), window_s), "accounts": accounts}


def _counts(submissions: Sequence[Submission], tasks: Sequence[Task], window_s: float) -> dict[str, Any]:
    return {
        "submissions": len(submissions),
        "submissions_by_token": Counter(one.token for one in submissions),
        "submissions_by_shot": Counter(one.name for one in submissions),
        "outcomes": Counter(one.outcome for one in submissions),
        "accepted": len(tasks),
        "accepted_by_token": Counter(task.token for task in tasks),
        "accepted_by_shot": Counter(task.name for task in tasks),
        "billed_usd": str(sum((task.billed_usd for task in tasks), Decimal(0))),
        "refunded_usd": str(sum((task.refunded_usd for task in tasks), Decimal(0))),
        "total_usd": str(sum((task.billed_usd - task.refunded_usd for task in tasks), Decimal(0))),
        "billed_by_token": _billed((task.token, task) for task in tasks),
        "max_in_window": _most_within([one.at for one in submissions], window_s),
        "max_running": _most_at_once(tasks),
        "tasks": {task.id: _described(task) for task in tasks},
        "log": [
            {
                "at": one.at,
                "name": one.name,
                "token": one.token,
                "answer": one.answer,
                "outcome": one.outcome,
                "tasks": list(one.tasks),
                "body": one.body,
            }
            for one in submissions
        ],
    }


def _described(task: Task) -> dict[str, Any]:
    return {
        "token": task.token,
        "name": task.name,
        "accepted_at": task.accepted_at,
        "ended_at": task.ended_at,
        "failed": task.failed,
        "billed_usd": str(task.billed_usd),
        "refunded_usd": str(task.refunded_usd),
        "polls": task.all_polls,
        "fetches": task.all_fetches,
    }


def _billed(tasks: Iterable[tuple[str, Task]]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for token, task in tasks:
        sums[token] = sums.get(token, Decimal(0)) + task.billed_usd
    return {token: str(usd) for token, usd in sums.items()}


def _most_within(times: Iterable[float], window_s: float) -> int:
    """The most of `times` that lie in any half-open window of this width."""
    ordered = sorted(times)
    return max(
        (bisect.bisect_left(ordered, at + window_s) - index for index, at in enumerate(ordered)), default=0
    )


def _most_at_once(tasks: Iterable[Task]) -> int:
    changes = []
    for task in tasks:
        changes.append((task.accepted_at, 1))
        if task.ended_at is not None:
            changes.append((task.ended_at, -1))
    most = running = 0
    for _, change in sorted(changes, key=lambda one: (one[0], -one[1])):
        running += change
        most = max(most, running)
    return most
