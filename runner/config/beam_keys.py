"""The keys of `beam:`, as they may be typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from runner.config.schema import Text  # noqa: TC001 - pydantic reads the annotations

Takes = Annotated[int, Field(ge=1, le=20, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """`beam:`. Several takes of each shot, of which the best go on."""

    takes: Takes = 1
    """Takes of each shot; 1 is no beam."""
    keep: Takes = 1
    """With how many of them the next shot is tried."""
    score: Text = "seam_psnr_db"
    """The number that tells better takes from worse ones: one of `runner.store.clip_scores`, or a metric."""

    @property
    def is_on(self) -> bool:
        return self.takes > 1
