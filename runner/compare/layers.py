"""The first two layers of a comparison: what a clip has to be, and whether its seam holds. No statistics.

What was so before is no regression: a finding is what some new take has, and no take of the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from runner.media import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.compare.baseline import MetricFacts, Shots, Take

_BROKEN: Final = ("ignored", "reframed")
_MOST_FRAMES: Final = 1.5
"""A clip may be so many frames longer or shorter: encoders round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One take of a shot that is not what it was."""

    layer: Literal["contract", "seam"]
    shot: str
    check: str
    text: str


def findings(base: Shots, new: Shots) -> tuple[list[Finding], list[Finding]]:
    """What takes have that no take of the baseline has, each kind once for a shot: regressions, and exceptions.

    A contract is exact: one take that breaks it is a regression. A seam varies from take to take: it is one where at
    least half of the takes have it, and an exception where fewer do.
    """
    regressions: list[Finding] = []
    exceptions: list[Finding] = []
    for shot, takes in new.takes.items():
        before = [take for take in base.takes.get(shot, ()) if take.clip]
        after = [take for take in takes if take.clip]
        if not before:
            continue
        known = {check for take in before for check, _ in _own(take, new.metrics)}
        found: dict[str, list[str]] = {}
        for take in after:
            own = [(check, text) for check, text in _own(take, new.metrics) if check not in known]
            for check, text in (*_differs(take, before), *own):
                found.setdefault(check, []).append(text)
        for check, texts in found.items():
            share = "" if len(after) == 1 else f" ({len(texts)} of {len(after)} takes)"
            exact = check in _EXACT
            one = Finding(
                layer="contract" if exact else "seam", shot=shot, check=check, text=f"{texts[0]}{share}"
            )
            (regressions if exact or 2 * len(texts) >= len(after) else exceptions).append(one)
    return regressions, exceptions


_EXACT: Final = ("size", "rate", "audio", "duration", "black", "frozen", "ending")


def _differs(take: Take, before: list[Take]) -> Iterator[tuple[str, str]]:
    """In what a clip is unlike all those before."""
    now = take.properties
    for check, names in (("size", ("width", "height")), ("rate", ("fps",)), ("audio", ("audio",))):
        was = {tuple(one.properties.get(name) for name in names) for one in before}
        values = tuple(now.get(name) for name in names)
        if values not in was:
            old = ", ".join(sorted(_shown(check, one) for one in was))
            yield check, f"is {_shown(check, values)}, and was {old}"
    lengths = [
        one.properties["duration_s"]
        for one in before
        if isinstance(one.properties.get("duration_s"), (int, float))
    ]
    length, room = now.get("duration_s"), _MOST_FRAMES * _frame_s(now)
    if not lengths or not isinstance(length, (int, float)):
        return
    if not min(lengths) - room <= length <= max(lengths) + room:
        yield "duration", f"has {length:.2f} s, and had {min(lengths):.2f} to {max(lengths):.2f} s"


def _own(take: Take, metrics: Mapping[str, MetricFacts]) -> Iterator[tuple[str, str]]:
    """What is wrong with a clip by itself."""
    now = take.properties
    for check, limit in (("black", thresholds.BLACK_SHARE), ("frozen", thresholds.FROZEN_SHARE)):
        share = now.get(check)
        if isinstance(share, (int, float)) and share >= limit:
            yield check, f"is {check} for {share:.0%} of its length"
    if now.get("ends_blank") is True:
        yield "ending", "ends in a single colour"
    if take.verdict in _BROKEN:
        yield "adherence", f"its first frame is {take.verdict}"
    for name, value in take.metrics.items():
        facts = metrics.get(name)
        if facts is None:
            continue
        if facts.minimum is not None and value < facts.minimum:
            yield name, f"{name} is {value:.4g}, and should be {facts.minimum:g} or more"
        if facts.maximum is not None and value > facts.maximum:
            yield name, f"{name} is {value:.4g}, and should be {facts.maximum:g} or less"


def _frame_s(properties: Mapping[str, object]) -> float:
    try:
        return float(1 / Fraction(str(properties.get("fps", "24"))))
    except (ValueError, ZeroDivisionError):
        return 1 / 24


def _shown(check: str, values: tuple[object, ...]) -> str:
    if check == "size":
        return "x".join(map(str, values))
    if check == "audio":
        return "with sound" if values[0] else "silent"
    return f"{values[0]} fps"
