"""A seam is measured once in a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_is_known_is_not_measured_again_and_the_oldest_is_forgotten() -> None:
    memo, measured = Memo[int](2), list[int]()

    def of(number: int) -> Callable[[], int]:
        def measure() -> int:
            measured.append(number)
            return number * number

        return measure

    assert [memo.get(number, of(number)) for number in (2, 3, 2, 4, 2, 3)] == [4, 9, 4, 16, 4, 9]
    assert measured == [2, 3, 4, 3]


def test_an_error_is_not_remembered() -> None:
    memo = Memo[int](2)

    def fails() -> int:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        memo.get("a", fails)
    assert memo.get("a", lambda: 1) == 1


def test_what_was_worked_out_elsewhere_is_known_until_it_is_the_oldest() -> None:
    memo = Memo[int](4, lambda weight: weight)
    memo.put("a", 2)
    memo.put("a", 1)
    memo.put("b", 3)

    assert [memo.known(key) for key in ("b", "a", "c")] == [3, 1, None]
    memo.put("c", 2)
    assert [memo.known(key) for key in ("a", "b", "c")] == [1, None, 2]
