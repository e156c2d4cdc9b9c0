"""Accounts: their credits, and how often they may ask."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `most` in any `per_s` seconds; 0 is no limit."""

    most: int
    per_s: float


class Window:
    """The exact sliding window over what was let through."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._passed: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Whether one more may pass now; if so, it did."""
        if not self._rate.most:
            return True
        while self._passed and self._passed[0] <= now - self._rate.per_s:
            self._passed.popleft()
        if len(self._passed) >= self._rate.most:
            return False
        self._passed.append(now)
        return True


@dataclass(slots=True, kw_only=True)
class Account:
    """One key. `balance` is what can be spent: what running tasks hold is off it already."""

    key: str
    id: str
    balance: Decimal
    creations: Window
    polls: Window
    held: Decimal = Decimal(0)
    consumed: Decimal = Decimal(0)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def hold(self, credits: Decimal) -> bool:
        """Set credits aside for a task; False where there are not enough."""
        if credits > self.balance:
            return False
        self.balance -= credits
        self.held += credits
        return True

    def settle(self, credits: Decimal, *, refund: bool) -> None:
        """End a hold: give the credits back, or take them."""
        self.held -= credits
        if refund:
            self.balance += credits
        else:
            self.consumed += credits


class Accounts:
    """The keys that are registered."""

    def __init__(self, keys: Iterable[str], credits: Decimal, creations: Rate, polls: Rate) -> None:
        self._creations = creations
        self._polls = polls
        self.by_key: dict[str, Account] = {}
        for key in keys:
            self.open(key, credits)

    def open(self, key: str, credits: Decimal) -> Account:
        """Register a key, or give a known one a fresh start with so many credits."""
        number = int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4]) % 900_000
        account = Account(
            key=key,
            id=str(100_000 + number),
            balance=credits,
            creations=Window(self._creations),
            polls=Window(self._polls),
        )
        self.by_key[key] = account
        return account
