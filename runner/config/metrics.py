"""The section `metrics:`: which numbers are measured, and what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.config.convert import listed, nearest
from runner.config.metric_keys import MetricBudget, Metrics
from runner.config.project import MetricChoice

if TYPE_CHECKING:
    from runner.api import MetricSpec
    from runner.config.convert import Reader
    from runner.plugins import Registry

_ALL: Final = {"seams": "seam", "clips": "clip"}


def read(raw: Any, reader: Reader, registry: Registry, score: str) -> tuple[MetricChoice, ...]:
    """The metrics to measure, by name; that of a beam's `score` is one of them."""
    own = raw.get("budgets") if isinstance(raw, dict) else None
    keys = reader.read(Metrics, {**raw, "budgets": {}} if isinstance(raw, dict) else raw, "metrics")
    specs = {spec.name: spec for spec in registry.metrics()}
    wanted = {score} & set(specs)
    for name in keys.enabled:
        if name in _ALL:
            wanted.update(spec.name for spec in specs.values() if spec.level == _ALL[name])
        elif _known(name, "metrics.enabled", reader, specs):
            wanted.add(name)
    budgets = _budgets(own, reader, specs)
    return tuple(
        _choice(specs[name], budgets.get(name)) for name in sorted(specs) if name in wanted | set(budgets)
    )


def _budgets(own: Any, reader: Reader, specs: dict[str, MetricSpec]) -> dict[str, MetricBudget]:
    if own is None:
        return {}
    if not isinstance(own, dict):
        reader.problem("metrics.budgets", "should be a mapping of names", value=own)
        return {}
    found: dict[str, MetricBudget] = {}
    for name, raw in own.items():
        at = f"metrics.budgets.{name}"
        if not _known(str(name), at, reader, specs):
            continue
        budget = found[str(name)] = reader.read(MetricBudget, raw, at)
        if budget.min is not None and budget.max is not None and budget.min > budget.max:
            reader.problem(f"{at}.min", "is more than max", value=budget.min, allowed=f"up to {budget.max:g}")
    return found


def _known(name: str, at: str, reader: Reader, specs: dict[str, MetricSpec]) -> bool:
    if name in specs:
        return True
    names = [*specs, *_ALL]
    allowed = " ".join(filter(None, (nearest(name, names), f"there are: {listed(names)}")))
    reader.problem(at, "there is no metric of this name", value=name, allowed=allowed)
    return False


def _choice(spec: MetricSpec, budget: MetricBudget | None) -> MetricChoice:
    if budget is None:
        return MetricChoice(spec=spec, minimum=spec.minimum, maximum=spec.maximum)
    return MetricChoice(spec=spec, minimum=budget.min, maximum=budget.max)
