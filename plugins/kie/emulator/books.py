"""What came in, what was made of it and what it cost: for tests to assert on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .accounts import Account
    from .task import Task

_SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_MOST: Final = 20_000


@dataclass(slots=True)
class Books:
    """Each list has one entry for each event, oldest first. Times are seconds of the emulator's clock."""

    creations: list[dict[str, Any]] = field(default_factory=list)
    polls: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    downloads: list[dict[str, Any]] = field(default_factory=list)
    callbacks: list[dict[str, Any]] = field(default_factory=list)
    fetches: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    unauthorized: int = 0

    def note(self, book: list[dict[str, Any]], **entry: Any) -> dict[str, Any]:
        """Write one line. The oldest go when a book gets too thick."""
        if len(book) >= _MOST:
            del book[: _MOST // 10]
        book.append(entry)
        return entry

    def summary(self, accounts: Iterable[Account], tasks: Iterable[Task]) -> dict[str, Any]:
        """The whole of it as JSON; credits are floats."""
        tasks = list(tasks)
        return {
            "accounts": {
                one.key: _account(one, [task for task in tasks if task.account is one]) for one in accounts
            },
            "tasks": {task.id: _task(task) for task in tasks},
            "creations": self.creations,
            "polls": self.polls,
            "uploads": self.uploads,
            "downloads": self.downloads,
            "callbacks": self.callbacks,
            "fetches": self.fetches,
            "unauthorized": self.unauthorized,
        }


def seen(headers: Mapping[str, str]) -> dict[str, str]:
    """Request headers by their name in lower case, without what they must keep secret."""
    return {name.lower(): "***" if name.lower() in _SECRET else value for name, value in headers.items()}


def _account(account: Account, tasks: list[Task]) -> dict[str, Any]:
    billed: dict[str, float] = {}
    for task in tasks:
        cost = 0.0 if task.refunded else float(task.credits)
        billed[task.prompt] = billed.get(task.prompt, 0.0) + cost
    return {
        "id": account.id,
        "balance": float(account.balance),
        "held": float(account.held),
        "consumed": float(account.consumed),
        "creations": len(tasks),
        "creations_by_prompt": dict(Counter(task.prompt for task in tasks)),
        "billed_by_prompt": billed,
        "refusals": dict(account.refusals),
        "polls": account.counts["polls"],
        "unknown_polls": account.counts["unknown_polls"],
        "uploads": account.counts["uploads"],
        "running": sum(task.ended_at is None for task in tasks),
        "max_running": _most_at_once(tasks),
        "creation_times": [task.created_at for task in tasks],
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "key": task.account.key,
        "model": task.model.name,
        "prompt": task.prompt,
        "created_at": task.created_at,
        "ended_at": task.ended_at,
        "fail_code": task.fail_code,
        "fail_msg": task.fail_msg,
        "credits": float(task.credits),
        "price_known": task.price_known,
        "refunded": task.refunded,
        "polls": task.polls,
        "urls": task.urls,
    }


def _most_at_once(tasks: list[Task]) -> int:
    moments = [(task.created_at, 1) for task in tasks]
    moments += [(task.ended_at, -1) for task in tasks if task.ended_at is not None]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most
