"""The keys of `metrics:`, as they may be typed. Field names are the keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from runner.config.schema import Text  # noqa: TC001 - pydantic reads the annotations

Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricBudget:
    """`metrics.budgets.NAME:`. `None` is no limit."""

    min: Number | None = None
    max: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """`metrics:`."""

    enabled: tuple[Text, ...] = ("seams",)
    """Names of metrics; `seams` and `clips` are all of that level."""
    budgets: dict[str, MetricBudget] = field(default_factory=dict)
    """By the names of metrics, which are measured then."""
