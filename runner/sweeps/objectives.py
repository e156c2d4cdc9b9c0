"""The numbers of a job that a search makes small or large, and that the table of a sweep shows: `sweep.objective`.

Each is determined from the outcome of a run, and all but `elapsed_s` are the same for clips that were there already.
A metric that the jobs measure is an objective, too: of a seam the worst, of a clip the mean over all shots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.errors import RunnerError, UsageError
from runner.money import to_usd
from runner.outputs import metrics
from runner.planning.estimate import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.outputs.outcome import RunOutcome
    from runner.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class Objective:
    """What a number is. `of` returns `None` where a run does not have it; `missing` says why that may be."""

    about: str
    of: Callable[[RunOutcome], float | None]
    missing: str


def _cost_usd(outcome: RunOutcome) -> float | None:
    found = [shot.cost if shot.cost is not None else micros(shot.planned) for shot in outcome.shots]
    known = [one for one in found if one is not None]
    return to_usd(sum(known)) if len(known) == len(found) else None


def _elapsed_s(outcome: RunOutcome) -> float | None:
    return round(sum(shot.elapsed_s for shot in outcome.shots), 3) if outcome.shots else None


def _seam_psnr_db(outcome: RunOutcome) -> float | None:
    measured = (shot.adherence.psnr_db for shot in outcome.shots if shot.adherence is not None)
    return min(measured, default=None)


def _drift(name: str) -> Callable[[RunOutcome], float | None]:
    def of(outcome: RunOutcome) -> float | None:
        return max((abs(drift[name]) for drift in _drifts(outcome)), default=None)

    return of


def _drifts(outcome: RunOutcome) -> Iterable[dict[str, float]]:
    for shot in outcome.shots:
        found: Any = shot.clip.properties.get("drift") if shot.clip is not None else None
        if isinstance(found, dict):
            yield found


_NO_CLIP: Final = "it has no clip"

OBJECTIVES: Final[dict[str, Objective]] = {
    "cost_usd": Objective(
        "US dollars for all clips; one that was there already counts with its listed price",
        _cost_usd,
        "the price of a clip is unknown",
    ),
    "elapsed_s": Objective(
        "seconds that its shots took in this run, added up; 0 for clips that were there already",
        _elapsed_s,
        _NO_CLIP,
    ),
    "seam_psnr_db": Objective(
        "decibels, at most 99: how well the clip with the worst seam starts from the frame it was given",
        _seam_psnr_db,
        "no shot of it starts from a frame",
    ),
    "drift_luma": Objective(
        "8-bit levels: how much the brightness changes over the last third of the worst clip",
        _drift("luma"),
        _NO_CLIP,
    ),
    "drift_chroma": Objective(
        "8-bit levels: how far the mean colour moves over the last third of the worst clip",
        _drift("chroma"),
        _NO_CLIP,
    ),
    "drift_hue_deg": Objective(
        "degrees: how much the hue turns over the last third of the worst clip",
        _drift("hue_deg"),
        _NO_CLIP,
    ),
}
"""All objectives by name."""


def check(name: str, plans: Iterable[Plan]) -> None:
    """Raise `UsageError`, which lists those there are, unless `name` is an objective of all `plans`."""
    for plan in plans:
        measured = sorted(one.spec.name for one in plan.project.metrics)
        names = dict.fromkeys((*OBJECTIVES, *measured))
        if name not in names:
            raise UsageError(
                f"there is no objective named {name}",
                why=f"there are: {', '.join(names)}",
                hint="choose one with objective=NAME; a metric is one where metrics.enabled has it",
            )


def objective_of(outcome: RunOutcome, name: str) -> float:
    """The number `name` of a run. Raises `UsageError` for an unknown name, `RunnerError` where the run has none."""
    check(name, [outcome.plan])
    own = OBJECTIVES.get(name)
    found = own.of(outcome) if own is not None else metrics.of_run(outcome).get(name)
    if found is None:
        raise RunnerError(
            f"the objective {name} cannot be determined",
            where=outcome.folder.name if outcome.folder is not None else "",
            why=own.missing if own is not None else "none of its shots has this number",
        )
    return found
