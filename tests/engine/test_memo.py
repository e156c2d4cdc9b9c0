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
