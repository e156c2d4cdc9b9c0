"""What a run says that it cost, and what it would take to finish it."""

from __future__ import annotations

import pytest

from runner.config.schema import BudgetKeys
from runner.outputs.cost import RunCost
from runner.report.money import cost_line, sufficient_budget
from runner.store.budget import Spend

NOTHING = Spend()


@pytest.mark.parametrize(
    ("now", "so_far", "said"),
    [
        (NOTHING, NOTHING, ""),
        (Spend(3, 0), Spend(3, 0), ""),  # all free
        (Spend(2, 820_000), Spend(2, 820_000), "$0.82 for 2 requests by this run"),
        (NOTHING, Spend(2, 820_000), "nothing by this run, $0.82 for this film so far"),
        (
            Spend(1, 410_000, 410_000),
            Spend(2, 820_000, 410_000),
            "$0.41 for 1 request by this run, $0.82 for this film so far; $0.41 of it reserved, not settled",
        ),
        (Spend(1, 0, 0, 1), Spend(1, 0, 0, 1), "$0.00 for 1 request by this run; 1 of unknown price"),
    ],
)
def test_a_run_says_what_it_cost(now: Spend, so_far: Spend, said: str) -> None:
    assert cost_line(RunCost(now=now, so_far=so_far), "film") == said


@pytest.mark.parametrize(
    ("budget", "ahead", "overrides"),
    [
        (BudgetKeys(), {"a": 1_000_000}, ()),
        (BudgetKeys(max_cost=5), {"a": 1_000_000}, ()),
        (BudgetKeys(max_cost=2.01), {"a": 1_210_000}, ()),  # 2.01 * 1,000,000 is a little less than 2,010,000
        (BudgetKeys(max_cost=0.5), {}, ()),  # something else than the budget stopped it
        (BudgetKeys(max_cost=1), {"a": 300_000, "b": 300_000}, ("budget.max_cost=1.4",)),
        (BudgetKeys(max_cost=1), {"a": 2_200_000}, ("budget.max_cost=3",)),
        (BudgetKeys(max_cost=1), {"a": None}, ()),  # a limit is never to be taken away
        (BudgetKeys(max_shots=2), {"a": 0, "b": 0}, ("budget.max_shots=4",)),
        (
            BudgetKeys(max_cost=1, max_shots=2),
            {"a": 1_000_001},
            ("budget.max_cost=1.800001", "budget.max_shots=3"),
        ),
    ],
)
def test_the_budget_that_is_named_is_enough_for_all_that_is_left(
    budget: BudgetKeys, ahead: dict[str, int | None], overrides: tuple[str, ...]
) -> None:
    spent = Spend(2, 800_000)

    assert sufficient_budget(RunCost(now=spent, so_far=spent, ahead=ahead), budget) == overrides


def test_the_jobs_of_a_sweep_are_added_up() -> None:
    first = RunCost(now=Spend(2, 200), so_far=Spend(2, 200), ahead={"a": 5})
    second = RunCost(now=Spend(1, 100, 100), so_far=Spend(3, 300, 100), ahead={})

    whole = RunCost.of_all([first, second], Spend(3, 300, 100), {"b": 7})

    assert whole.now == Spend(3, 300, 100)
    assert whole.so_far == Spend(3, 300, 100)
    assert whole.ahead == {"b": 7}
