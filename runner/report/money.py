"""What a run or a sweep cost, in words, and the budget that it would take to finish it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.money import dollars, to_micros, to_usd
from runner.planning.estimate import Standing

if TYPE_CHECKING:
    from runner.config.schema import BudgetKeys
    from runner.outputs.cost import RunCost
    from runner.planning.estimate import Estimate
    from runner.store.budget import Spend


def cost_line(cost: RunCost, whole: str) -> str:
    """One line for the user, empty where all was free. `whole` is what `so_far` is about: "film", "sweep"."""
    if not (cost.so_far.micros or cost.so_far.unpriced):
        return ""
    text = f"{dollars(cost.now.micros)} for {_counted(cost.now)} by this run"
    if not cost.now.attempts:
        text = "nothing by this run"
    if cost.so_far.micros > cost.now.micros:
        text += f", {dollars(cost.so_far.micros)} for this {whole} so far"
    if cost.so_far.reserved:
        text += f"; {dollars(cost.so_far.reserved)} of it reserved, not settled"
    if cost.so_far.unpriced:
        text += f"; {cost.so_far.unpriced} of unknown price"
    return text


def ahead_line(expected: Estimate) -> str:
    """What is left to do and what it will cost, and where the other shots stand."""
    text = f"{expected.to_do} to do, {dollars(expected.to_spend)} to spend"
    if expected.unpriced:
        text += f" and {expected.unpriced} of unknown price"
    if any(expected.further.values()) or None in expected.further.values():
        takes = "" if None not in expected.further.values() else " and takes of unknown price"
        text += f", {dollars(expected.at_worst)}{takes} where every clip ignores its first frame"
    counts = {
        standing: sum(one is standing for one in expected.standing.values())
        for standing in Standing
        if standing is not Standing.TO_DO
    }
    return text + "".join(f", {count} {standing}" for standing, count in counts.items() if count)


def sufficient_budget(cost: RunCost, budget: BudgetKeys) -> tuple[str, ...]:
    """The overrides of the budget with which all that is left to do fits in."""
    found: list[str] = []
    if not cost.ahead:
        return ()
    if budget.max_cost is not None:
        if None in cost.ahead.values() or cost.so_far.unpriced:
            return ()  # no sum is known to be enough
        needed = cost.so_far.micros + sum(price or 0 for price in cost.ahead.values())
        if needed > to_micros(budget.max_cost):
            found.append(f"budget.max_cost={to_usd(needed):.6f}".rstrip("0").rstrip("."))
    if budget.max_shots is not None:
        attempts = cost.so_far.attempts + len(cost.ahead)
        if attempts > budget.max_shots:
            found.append(f"budget.max_shots={attempts}")
    return tuple(found)


def _counted(spend: Spend) -> str:
    return "1 request" if spend.attempts == 1 else f"{spend.attempts} requests"
