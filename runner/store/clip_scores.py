"""The numbers by which takes are told apart: `beam.score`. Each is in the record of a stored clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.store.clip_record import ClipRecord


@dataclass(frozen=True, slots=True)
class Score:
    """What a number is. `of` returns `None` where a clip does not have it, as the first of a chain has no seam."""

    about: str
    of: Callable[[ClipRecord], float | None]
    higher_is_better: bool

    def worth(self, record: ClipRecord) -> float | None:
        """The number, such that more is better."""
        value = self.of(record)
        return value if value is None or self.higher_is_better else -value


def _drift(name: str) -> Callable[[ClipRecord], float | None]:
    def of(record: ClipRecord) -> float | None:
        drift = record.clip.drift if record.clip is not None else None
        return None if drift is None else abs(float(getattr(drift, name)))

    return of


def _look(name: str) -> Callable[[ClipRecord], float | None]:
    return lambda record: None if record.look is None else float(getattr(record.look, name))


SCORES: Final = {
    "seam_psnr_db": Score(
        "decibels: how well the clip starts from the frame it was given",
        lambda record: None if record.adherence is None else record.adherence.psnr_db,
        higher_is_better=True,
    ),
    "drift_luma": Score("8-bit levels: how much the brightness changes", _drift("luma"), False),
    "drift_chroma": Score("8-bit levels: how far the mean colour moves", _drift("chroma"), False),
    "drift_hue_deg": Score("degrees: how much the hue turns", _drift("hue_deg"), False),
    "sharpness": Score("how much fine detail there is", _look("sharpness"), True),
    "noise": Score("how much noise there is", _look("noise"), False),
}
"""All scores by name."""
