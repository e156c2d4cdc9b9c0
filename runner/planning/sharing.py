"""What the jobs of a sweep share: the tree of their shots, its price, and the time that it takes at best. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runner.planning.estimate import Standing, micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.planning.estimate import Estimate
    from runner.planning.plan import Plan, PlannedShot

_SIDE_BY_SIDE: Final = 8
"""Shots at one time where neither the configuration nor the generator states a limit."""

Model = tuple[str, str]
"""A generator and its model, which is empty where it has none."""


@dataclass(slots=True)
class Node:
    """One clip, which is generated once for all jobs that need it."""

    shot: PlannedShot
    standing: Standing
    price: int | None
    """Millionths of a US dollar; `None` is unknown."""
    jobs: list[int] = field(default_factory=list)
    """The numbers of the jobs that need it."""
    after: dict[str, Node] = field(default_factory=dict)
    """The clips that start from its last frame, by their keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The tree, by its first clips, and what it comes to. Money is in millionths of a US dollar."""

    roots: tuple[Node, ...]
    clips: int
    """Different clips."""
    uses: int
    """Shots of all jobs."""
    shared_price: int
    """What all clips cost, each generated once, as far as prices are known."""
    unshared_price: int
    """What they would cost if each job generated its own."""
    seconds: float | None
    """How long it takes at best: the longest chain, or all clips at as many at a time as are allowed. `None` where
    nothing is known of a model."""
    critical: tuple[PlannedShot, ...]
    """The chain that takes longest; empty where nothing is left to do, or its time is not known."""


def sharing(plans: Sequence[Plan], expected: Estimate, durations: Mapping[Model, float]) -> Sharing:
    """What the plans of a sweep share. `durations` are the seconds that a clip of each model took."""
    roots: dict[str, Node] = {}
    known: dict[str, Node] = {}
    for at, plan in enumerate(plans):
        number = plan.job.number if plan.job is not None else at
        for shot in plan.shots:
            siblings = roots if shot.previous is None else known[shot.previous.key].after
            node = siblings.get(shot.key)
            if node is None:
                node = Node(shot, expected.standing[shot.key], micros(shot))
                siblings[shot.key] = known[shot.key] = node
            if node.jobs[-1:] != [number]:
                node.jobs.append(number)
    sequences = list(dict.fromkeys(node.shot.sequence for node in roots.values()))
    critical = _longest(roots, durations)
    ahead = [node.shot for node in known.values() if node.standing is Standing.TO_DO]
    took = [durations.get(model_of(shot)) for shot in ahead]
    seconds = None
    if critical is not None and None not in took:
        together = sum(one for one in took if one is not None) / at_one_time(plans)
        seconds = max(sum(durations[model_of(shot)] for shot in critical), together)
    return Sharing(
        roots=tuple(sorted(roots.values(), key=lambda node: sequences.index(node.shot.sequence))),
        clips=len(known),
        uses=sum(len(plan.shots) for plan in plans),
        shared_price=sum(node.price or 0 for node in known.values()),
        unshared_price=sum(known[shot.key].price or 0 for plan in plans for shot in plan.shots),
        seconds=seconds,
        critical=critical or (),
    )


def at_one_time(plans: Sequence[Plan]) -> int:
    """How many shots may be at the providers at one time, as far as anything states it."""
    stated = {shot.capabilities.limits.in_flight for plan in plans for shot in plan.shots}
    stated |= {plan.project.limits.in_flight for plan in plans}
    return min((limit for limit in stated if limit), default=_SIDE_BY_SIDE)


def model_of(shot: PlannedShot) -> Model:
    """The generator of a shot and its model."""
    return shot.shot.generator.spec.name, shot.request.model or ""


def _longest(nodes: Mapping[str, Node], durations: Mapping[Model, float]) -> tuple[PlannedShot, ...] | None:
    """The shots to do of the chain that takes longest; `None` where the time of one is not known."""
    best: tuple[PlannedShot, ...] = ()
    best_s = 0.0
    # Chains may be hundreds of shots long: no recursion.
    stack: list[tuple[Node, tuple[PlannedShot, ...], float]] = [(node, (), 0.0) for node in nodes.values()]
    while stack:
        node, before, took = stack.pop()
        if node.standing is Standing.TO_DO:
            seconds = durations.get(model_of(node.shot))
            if seconds is None:
                return None
            before, took = (*before, node.shot), took + seconds
        if took > best_s:
            best, best_s = before, took
        stack += [(child, before, took) for child in node.after.values()]
    return best
