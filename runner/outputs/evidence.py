"""Before money is spent: clips of the same shots that were paid for, and that the journal knows nothing of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.outputs.places import path_for
from runner.store import recovery

if TYPE_CHECKING:
    from runner.planning.plan import Plan


def check(plan: Plan) -> None:
    """Raise `JournalError` where the journal lost what was paid for. Shots that are free are no reason. Blocking."""
    paid = [shot.key for shot in plan.shots if shot.price is None or shot.price.usd]
    if paid:
        recovery.check_evidence(plan.project.output_root, path_for(plan), paid)
