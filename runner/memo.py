"""What a session has worked out already, by what it was made of; what was not used for longest is forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


def _one(_result: object) -> int:
    return 1


class Memo(Generic[T]):
    """Results that weigh `most` together: at most so many, or what `weigh` says of each, such as its bytes.

    Threads may share it; two that miss at once both measure.
    """

    def __init__(self, most: int, weigh: Callable[[T], int] = _one) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._known: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, key: Hashable) -> T | None:
        """The result for this key, if it is known."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def get(self, key: Hashable, measure: Callable[[], T]) -> T:
        """The result for this key, measured where it is not known. What `measure` raises is not remembered."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = measure()
        with self._lock:
            if key in self._known:
                return self._known[key]
        self.put(key, found)
        return found

    def put(self, key: Hashable, found: T) -> None:
        """Remember what was worked out elsewhere."""
        with self._lock:
            if key in self._known:
                self._weight -= self._weigh(self._known.pop(key))
            self._known[key] = found
            self._weight += self._weigh(found)
            while self._weight > self._most:
                self._weight -= self._weigh(self._known.popitem(last=False)[1])
