"""The numbers of a whole run: of metrics of clips the mean over all shots, of metrics of seams the worst one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.outputs.outcome import RunOutcome


def of_run(outcome: RunOutcome) -> dict[str, float]:
    """By the names of the metrics, as far as any shot has them; rounded to four decimals."""
    found: dict[str, float] = {}
    for choice in outcome.plan.project.metrics:
        spec = choice.spec
        values = [shot.metrics[spec.name] for shot in outcome.shots if spec.name in shot.metrics]
        if not values:
            continue
        worst = min if spec.better == "higher" else max
        found[spec.name] = round(sum(values) / len(values) if spec.level == "clip" else worst(values), 4)
    return found
