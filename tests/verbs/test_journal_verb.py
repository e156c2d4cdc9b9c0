"""`runner journal` on narrow terminals: the token that `resolve` needs is whole."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import store
from runner.store.attempt import Phase
from runner.store.budget import Budget
from tests.store.contract import attempt

if TYPE_CHECKING:
    from tests.conftest import Workplace

TOKENS = [f"{number:x}0cafe{number:x}1".ljust(32, "7") for number in range(1, 4)]


async def unknown_outcomes() -> None:
    async with store.open_journal(Path("outputs")) as journal:
        for token in TOKENS:
            lease = await journal.acquire(f"key-{token}")
            assert lease is not None
            name = "a shot with quite a long name"
            await journal.intend(
                attempt(token, shot=name, project="a long project", reserved=123456), Budget(), lease
            )
            await journal.move(token, Phase.UNKNOWN)


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_the_token_is_whole_and_named_again_where_it_is_needed(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    asyncio.run(unknown_outcomes())
    monkeypatch.setenv("COLUMNS", str(columns))

    answer = workplace.run("journal")

    table, _, rest = answer.out.partition("3 wait for you to resolve")
    rows = [line for line in table.splitlines() if "cafe" in line]
    assert [row[:9] for row in rows] == [f"{token[:8]} " for token in reversed(TOKENS)]
    assert all(len(row) <= columns for row in rows)
    assert all(token[:8] in rest for token in TOKENS)
    assert workplace.run("journal", "resolve", TOKENS[0][:8], "--abandon").code == 0
