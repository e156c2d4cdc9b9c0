"""Before anything starts: whether what is known of the prices fits into the budget, and into the account's balance."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner import store
from runner.errors import NotAffordable, PluginError
from runner.money import dollars, to_micros, to_usd
from runner.planning.estimate import Standing, by_root, estimate, micros
from runner.store.budget import Spend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal
    from pathlib import Path

    from runner.config.schema import BudgetKeys
    from runner.planning.estimate import Estimate
    from runner.planning.plan import Plan, PlannedShot

_PARTIAL: Final = "budget.partial=true goes as far as it can"


@dataclass(slots=True)
class _Scope:
    """What is spent in one scope, and what the plans so far would add to it."""

    spent: Spend
    ahead: dict[str, PlannedShot] = field(default_factory=dict)


def over_budget(plans: Sequence[Plan]) -> list[NotAffordable | None]:
    """For each plan, why its budget cannot carry it and the plans before it; `None` where it can.

    Plans of one scope, such as the jobs of a sweep, share what is spent, and a shot that several of them have is
    paid for once. Blocking: reads the journal. Raises `JournalError`.
    """
    scopes: dict[tuple[Path, str], _Scope] = {}
    limited = [plan for plan in plans if _is_limited(plan.project.budget)]
    ahead = dict(zip(map(id, limited), to_do(limited), strict=True))
    found: list[NotAffordable | None] = []
    for plan in plans:
        if id(plan) not in ahead:
            found.append(None)
            continue
        at = (plan.project.output_root, plan.scope)
        if at not in scopes:
            scopes[at] = _Scope(spent(*at))
        scopes[at].ahead.update(ahead[id(plan)])
        found.append(_over(plan.project.budget, scopes[at], of_sweep=plan.job is not None))
    return found


def _is_limited(budget: BudgetKeys) -> bool:
    return not budget.partial and (budget.max_cost is not None or budget.max_shots is not None)


def over_balance(shots: Iterable[PlannedShot], balance_usd: Decimal, who: str) -> NotAffordable | None:
    """Why an account's balance at `who` cannot carry the shots; `None` where it can, as far as prices are known."""
    needed = sum(micros(shot) or 0 for shot in shots)
    if needed <= to_micros(balance_usd):
        return None
    return NotAffordable(
        f"this costs {dollars(needed)}, and the account at {who} has {dollars(to_micros(balance_usd))}; "
        "nothing was started",
        hint=f"top up, then rerun the same command; {_PARTIAL}",
    )


def to_do(plans: Sequence[Plan]) -> list[dict[str, PlannedShot]]:
    """For each plan the shots that will be submitted, by key; of a beam, all that may be.

    Blocking: reads the journal of each outputs root once. Raises `JournalError`.
    """
    expected = {root: estimate(*those) for root, those in by_root(plans).items()}
    return [_to_do(plan, expected[plan.project.output_root].of(plan)) for plan in plans]


def _to_do(plan: Plan, expected: Estimate) -> dict[str, PlannedShot]:
    if plan.project.beam.is_on:
        return dict(expected.beam)
    return {shot.key: shot for shot in plan.shots if expected.standing[shot.key] is Standing.TO_DO}


def known_prices(planned: PlannedShot) -> Iterator[str]:
    """Overrides with which the price of a shot becomes known, as far as its generator's capabilities list values."""
    limits = planned.capabilities.request
    durations = limits.durations_s if isinstance(limits.durations_s, tuple) else ()
    request = planned.request
    others = [
        (f"resolution={value}", dataclasses.replace(request, resolution=value))
        for value in limits.resolutions or ()
    ]
    others += [
        (f"duration_s={value:g}", dataclasses.replace(request, duration_s=value)) for value in durations
    ]
    for override, other in others:
        try:
            price = micros(dataclasses.replace(planned, request=other))
        except PluginError:
            continue
        if price is not None:
            yield f"{planned.shot.at}.{override} ({dollars(price)})"


def _over(budget: BudgetKeys, scope: _Scope, *, of_sweep: bool) -> NotAffordable | None:
    shots, spent = list(scope.ahead.values()), scope.spent
    this = "this sweep" if of_sweep else "this"
    used = f"{dollars(spent.micros)} of it are spent or reserved" if spent.micros else ""
    if budget.max_cost is not None:
        unpriced = [shot for shot in shots if micros(shot) is None]
        if unpriced:
            return _unpriced(unpriced)
        if shots and spent.unpriced:
            return NotAffordable(
                "the budget cannot be kept: earlier requests have no known price; nothing was started",
                why=f"{spent.unpriced} of unknown price count to it",
                hint="limit the number of shots in place of the cost: budget.max_shots=N",
            )
        cost, limit = sum(micros(shot) or 0 for shot in shots), to_micros(budget.max_cost)
        if shots and spent.micros + cost > limit:
            enough = f"{to_usd(spent.micros + cost):.6f}".rstrip("0").rstrip(".")
            return NotAffordable(
                f"{this} costs {dollars(cost)}, the budget is {dollars(limit)}; nothing was started",
                why=used,
                hint=f"budget.max_cost={enough} is enough; {_PARTIAL}",
            )
    if budget.max_shots is not None and shots and spent.attempts + len(shots) > budget.max_shots:
        return NotAffordable(
            f"{this} takes {_count(len(shots))}, the budget is {_count(budget.max_shots)}; nothing was started",
            why=f"{spent.attempts} of them are used" if spent.attempts else "",
            hint=f"budget.max_shots={spent.attempts + len(shots)} is enough; {_PARTIAL}",
        )
    return None


def _unpriced(shots: Sequence[PlannedShot]) -> NotAffordable:
    first = shots[0]
    others = f" and {len(shots) - 1} more" if len(shots) > 1 else ""
    return NotAffordable(
        "the budget cannot be kept: the price of a shot is unknown; nothing was started",
        where=f"{first.name}{others}",
        why=f"{first.who} states no price for {first.request.resolution}, {first.request.duration_s:g} s",
        hint=without_price(first),
    )


def without_price(planned: PlannedShot) -> str:
    """What to do where a budget in dollars meets a shot of unknown price; never to take the limit away."""
    priced = list(known_prices(planned))
    if priced:
        return f"a price is known for {'; '.join(priced[:3])}"
    own = "; a plugin that is free says so: Billing(price=...), see plugins/README.md"
    return (
        "choose a model with a known price, or limit the number of shots in place of the cost: budget.max_shots=N"
        + ("" if planned.request.model else own)
    )


def spent(root: Path, scope: str) -> Spend:
    """What a scope of an outputs root has at risk. Blocking. Raises `JournalError`."""
    reader = store.read_journal(root)
    if reader is None:
        return Spend()
    with reader:
        return reader.spend(scope)


def _count(shots: int) -> str:
    return "1 shot" if shots == 1 else f"{shots} shots"
