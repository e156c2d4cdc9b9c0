"""How well each model keeps the first frames that it is given, by all clips of it in an outputs root."""

from __future__ import annotations

import dataclasses
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner import store
from runner.planning.sharing import model_of
from runner.store.attempt import Phase
from runner.store.interface import Filter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runner.planning.plan import Plan
    from runner.planning.sharing import Model
    from runner.store.attempt import Attempt
    from runner.store.clip_record import SeamAdherence

LEAST: Final = 3
"""Clips from which on a profile says something."""
_ZOOM: Final = 0.015
_SHIFT: Final = 0.003
_BRIGHTER: Final = 3.0
"""Levels of mean luma that can be seen at a seam."""
_OFTEN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceProfile:
    """What became of the first frames that one model was given."""

    generator: str
    model: str
    """Empty where the generator has no models."""
    clips: int
    """Clips that were requested with a first frame, and measured."""
    locked: int
    reencoded: int
    reframed: int
    ignored: int
    repeats: int
    """Clips that show their first frame more than once."""
    shifts: int
    """Clips that move the given frame."""
    zooms: int
    """Clips that show it at another scale."""
    brightens: int
    """Clips that begin brighter, or darker, than it by 3 levels of luma and more."""
    luma: float
    """The median change of mean luma, in levels, of the clips that show it; positive is brighter."""
    eases_in: int
    """Clips that show it after their first frame, within the first five."""

    @property
    def name(self) -> str:
        """The model, or the generator that has none."""
        return self.model or self.generator

    @property
    def says_enough(self) -> bool:
        """Whether there are clips enough to go by."""
        return self.clips >= LEAST

    @property
    def often_ignores(self) -> bool:
        """Whether one clip of five and more starts from something else."""
        return self.ignored * _OFTEN >= self.clips

    @property
    def line(self) -> str:
        """One line for the user."""
        verdicts = ((name, getattr(self, name)) for name in ("locked", "reencoded", "reframed", "ignored"))
        kept = ", ".join(f"{count} {name}" for name, count in verdicts if count)
        direction = "brighter" if self.luma > 0 else "darker"
        habits = (
            (self.eases_in, "ease in"),
            (self.repeats, "repeat it"),
            (self.zooms, "zoom"),
            (self.shifts, "shift it"),
            (self.brightens, f"begin {direction} (by {abs(self.luma):.0f} levels)"),
        )
        told = [f"{count} {what}" for count, what in habits if count]
        return f"{self.name} with a first frame, {self.clips} clips: {kept}" + "".join(
            f"; {one}" for one in told
        )

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return dataclasses.asdict(self)


def profiles(attempts: Iterable[Attempt]) -> dict[Model, AdherenceProfile]:
    """The profile of each model, by generator and model, from the records of its clips. Pure."""
    found: dict[Model, list[SeamAdherence]] = {}
    for attempt in attempts:
        if attempt.phase is Phase.FETCHED and attempt.record.adherence is not None:
            found.setdefault((attempt.generator, attempt.model), []).append(attempt.record.adherence)
    return {model: _profile(model, seams) for model, seams in found.items()}


def profiles_of(plans: Sequence[Plan]) -> list[AdherenceProfile]:
    """The profiles of the models that plans of one outputs root use, where they say enough. Blocking.

    Raises `JournalError`.
    """
    models = list(dict.fromkeys(model_of(shot) for plan in plans for shot in plan.shots))
    reader = store.read_journal(plans[0].project.output_root)
    if reader is None:
        return []
    with reader:
        generators = sorted({generator for generator, _ in models})
        fetched = [
            attempt
            for generator in generators
            for attempt in reader.attempts(Filter(generator=generator, phases=[Phase.FETCHED]))
        ]
    known = profiles(fetched)
    return [known[model] for model in models if model in known and known[model].says_enough]


def _profile(model: Model, seams: Sequence[SeamAdherence]) -> AdherenceProfile:
    verdicts = [seam.verdict for seam in seams]
    shown = [seam.luma for seam in seams if not seam.ignored]
    return AdherenceProfile(
        generator=model[0],
        model=model[1],
        clips=len(seams),
        locked=verdicts.count("locked"),
        reencoded=verdicts.count("reencoded"),
        reframed=verdicts.count("reframed"),
        ignored=verdicts.count("ignored"),
        repeats=sum(seam.repeats > 0 for seam in seams),
        shifts=sum(seam.shift > _SHIFT for seam in seams),
        zooms=sum(abs(seam.zoom - 1) > _ZOOM for seam in seams),
        brightens=sum(abs(luma) >= _BRIGHTER for luma in shown),
        luma=round(statistics.median(shown), 2) if shown else 0.0,
        eases_in=sum(seam.eases_in > 0 for seam in seams),
    )
