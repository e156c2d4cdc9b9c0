"""Accounts: their credits, how often they may ask, and what they asked for."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runner.api import Rate

_MOST: Final = 10_000


class Window:
    """When requests were let through, for exact sliding windows of any width."""

    def __init__(self) -> None:
        self._passed: deque[float] = deque(maxlen=_MOST)

    def full(self, rate: Rate, now: float) -> bool:
        """Whether no more may pass now. A rate with a count of 0 is no limit."""
        passed, count = self._passed, rate.count
        return bool(count) and len(passed) >= count and passed[-count] > now - rate.per_s

    def passed(self, now: float) -> None:
        """One more is let through."""
        self._passed.append(now)


@dataclass(slots=True, kw_only=True)
class Account:
    """One key. `balance` is what can be spent: what running tasks hold is off it already.

    `counts` are requests by what they ask for, `refusals` those that were refused, by code.
    """

    key: str
    balance: Decimal = Decimal("Infinity")
    held: Decimal = Decimal(0)
    consumed: Decimal = Decimal(0)
    running: int = 0
    creations: Window = field(default_factory=Window)
    polls: Window = field(default_factory=Window)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def hold(self, price: Decimal) -> bool:
        """Set credits aside for a task; False where there are not enough."""
        if price > self.balance:
            return False
        self.balance -= price
        self.held += price
        self.running += 1
        return True

    def settle(self, price: Decimal, *, refund: bool) -> None:
        """End a hold: give the credits back, or take them."""
        self.held -= price
        self.running -= 1
        if refund:
            self.balance += price
        else:
            self.consumed += price
