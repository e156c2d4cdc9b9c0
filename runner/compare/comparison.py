"""A comparison in its three layers, and what it comes to. Infrastructure is never a regression."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Final

from runner import __version__
from runner.compare.layers import Finding, findings
from runner.compare.permutation import Stratum
from runner.compare.verdicts import ALPHA, LEAST_SD, Judgement, Sample, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.compare.baseline import Shots, Take

VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A take that is not there, for a reason that says nothing about the film."""

    shot: str
    """Empty for a whole run."""
    text: str
    ending: str = ""
    takes: int = 1
    """How many takes are missing for this reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two sets of takes come to."""

    project: str
    alpha: float
    spent: float
    """The part of alpha that this comparison may spend; less than all of it in one of several looks."""
    findings: tuple[Finding, ...]
    judgements: tuple[Judgement, ...]
    troubles: tuple[Trouble, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether there is a regression."""
        return bool(self.findings) or any(one.verdict is Verdict.WORSE for one in self.judgements)

    @property
    def is_undecided(self) -> bool:
        """Whether takes are missing to say that all is well."""
        open_metrics = any(one.verdict is Verdict.UNDECIDED for one in self.judgements)
        return open_metrics or bool(self.troubles) or not self.judgements

    @property
    def takes_needed(self) -> int | None:
        """Takes of each shot that would decide all metrics; `None` where none are missing."""
        return max((one.takes_needed for one in self.judgements if one.takes_needed), default=None)

    @property
    def outcome(self) -> str:
        """`worse`, `error`, `undecided` or `fine`."""
        if self.is_worse:
            return "worse"
        if self.troubles:
            return "error"
        return "undecided" if self.is_undecided else "fine"

    @property
    def exit_code(self) -> int:
        """1 regression, 3 unknown outcome, 4 budget, 5 undecided, 0 fine."""
        endings = {one.ending for one in self.troubles}
        if self.is_worse:
            return 1
        if "unknown" in endings:
            return 3
        if "stopped" in endings:
            return 4
        return 5 if self.is_undecided else 0

    def to_json(self) -> dict[str, Any]:
        """`compare.json`."""
        return {
            "compare_version": VERSION,
            "runner": __version__,
            "project": self.project,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "alpha": self.alpha,
            "alpha_spent": self.spent,
            "takes_needed": self.takes_needed,
            "findings": [asdict(one) for one in self.findings],
            "metrics": [
                {
                    **asdict(one),
                    "verdict": str(one.verdict),
                    "interval": list(one.interval),
                    "takes": list(one.takes),
                }
                for one in self.judgements
            ],
            "errors": [asdict(one) for one in self.troubles],
            "notes": list(self.notes),
        }


def compare(
    base: Shots, new: Shots, *, alpha: float = ALPHA, spent: float | None = None, least_sd: float = LEAST_SD
) -> Comparison:
    """Compare takes with a baseline. Directions and limits of metrics are those of `new`: the program's own."""
    notes = [
        f"{name} is new: there is nothing to compare it with" for name in new.takes if name not in base.takes
    ]
    for name, facts in base.metrics.items():
        if name in new.metrics and new.metrics[name].version != facts.version:
            notes.append(f"{name} is measured in another way now, and is not compared: make a new baseline")
    notes += _changed_models(base, new)
    regressions, exceptions = findings(base, new)
    notes += [f"{one.shot} {one.text}" for one in exceptions]
    return Comparison(
        project=new.project or base.project,
        alpha=alpha,
        spent=alpha if spent is None else spent,
        findings=tuple(regressions),
        judgements=tuple(judge(list(samples(base, new)), alpha, spent, least_sd)),
        troubles=tuple(_troubles(base, new)),
        notes=tuple(notes),
    )


def _changed_models(base: Shots, new: Shots) -> Iterator[str]:
    """Of models whose cards say other things now: that may be why clips differ."""
    for name, facts in base.models.items():
        other = new.models.get(name)
        if other is not None and other != facts:
            fields = sorted(one for one in {*facts, *other} if facts.get(one) != other.get(one))
            yield f"what is known of {name} changed: {', '.join(fields)}"


def foreseen(base: Shots, takes: int, *, alpha: float, spent: float) -> Comparison:
    """What a comparison with so many new takes of each shot comes to where nothing changes: what it leaves undecided,
    it could never decide. The takes of the baseline stand for the new ones."""
    stand_ins = {
        name: tuple(
            replace(take, key=f"{take.key}+{number}", seed=None)
            for number, take in enumerate(islice(cycle([one for one in of_shot if one.clip]), takes))
        )
        for name, of_shot in base.takes.items()
    }
    return compare(base, replace(base, takes=stand_ins), alpha=alpha, spent=spent)


def samples(base: Shots, new: Shots) -> Iterator[Sample]:
    """The numbers of each metric that both sides have, more is worse."""
    for name, facts in sorted(new.metrics.items()):
        old = base.metrics.get(name)
        if old is None or old.version != facts.version:
            continue
        sign = -1.0 if facts.better == "higher" else 1.0
        strata = tuple(
            one for shot in base.takes if shot in new.takes and (one := _stratum(base, new, shot, name, sign))
        )
        if strata:
            yield Sample(
                metric=name,
                strata=strata,
                unit=facts.unit,
                higher_is_better=facts.better == "higher",
                least=facts.matters,
            )


def _stratum(base: Shots, new: Shots, shot: str, metric: str, sign: float) -> Stratum | None:
    before = [take for take in base.takes[shot] if metric in take.metrics]
    after = [take for take in new.takes[shot] if metric in take.metrics]
    if not before or not after:
        return None
    return Stratum(
        name=shot,
        before=tuple(sign * take.metrics[metric] for take in before),
        after=tuple(sign * take.metrics[metric] for take in after),
        paired=_are_paired(before, after),
    )


def _are_paired(before: list[Take], after: list[Take]) -> bool:
    """Whether the takes have the same seeds, each once: they are in the order of these."""
    seeds = [[take.seed for take in side] for side in (before, after)]
    return None not in seeds[0] and seeds[0] == seeds[1] and len(set(seeds[0])) == len(seeds[0])


def _troubles(base: Shots, new: Shots) -> Iterator[Trouble]:
    for text in new.problems:
        yield Trouble(shot="", text=text)
    for shot, takes in new.takes.items():
        reasons = Counter((take.error, take.ending) for take in takes if not take.clip)
        for (text, ending), count in reasons.items():
            yield Trouble(shot=shot, text=text, ending=ending, takes=count)
    for shot in base.takes:
        if shot not in new.takes:
            yield Trouble(shot=shot, text="it is in the baseline, and in no new run")
