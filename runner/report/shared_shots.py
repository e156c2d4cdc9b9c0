"""The plan of a sweep: which clips its jobs share, what is paid for, what the rest costs and how long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runner.money import dollars, to_usd
from runner.outgoing import one_line
from runner.planning.estimate import Standing
from runner.redaction import scrubbed
from runner.report import paragraph
from runner.report.fallbacks import few
from runner.report.headway import duration
from runner.report.money import ahead_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.planning.estimate import Estimate
    from runner.planning.plan import Plan
    from runner.planning.sharing import Node, Sharing

_MOST: Final = 60
"""Clips that are listed; the sums are over all."""
_STEP: Final = 2
_DEEPEST: Final = 12
"""Columns that a clip is indented by at most."""


def show(
    plans: Sequence[Plan], found: Sharing, expected: Estimate, notes: Sequence[str], *, left_out: int
) -> None:
    """Print the tree of clips, then the sums."""
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    of = "1 job" if len(plans) == 1 else f"{len(plans)} jobs"
    out = f", {left_out} left out" if left_out else ""
    head = f"{of}{out}: {found.uses} shots, {found.clips} different clips"
    console.print(Text(head, style="bold"))
    shown, sequence = 0, ""
    stack = [(node, 0) for node in reversed(found.roots)]
    while stack and shown < _MOST:
        node, depth = stack.pop()
        if depth == 0 and node.shot.sequence != sequence:
            sequence = node.shot.sequence
            console.print(Text(one_line(sequence), style="bold"))
        console.print(_line(node, depth, len(plans), console.width))
        # A chain without a choice goes on at the same depth: only where jobs part is there another level.
        below = depth + 1 if len(node.after) > 1 else depth
        stack += [(child, below) for child in reversed(node.after.values())]
        shown += 1
    if found.clips > shown:
        paragraph.show(console, f"and {found.clips - shown} more clips: --json has all", style="dim")
    paragraph.show(console, ahead_line(expected), style="bold")
    if found.unshared_price > found.shared_price:
        once, each = dollars(found.shared_price), dollars(found.unshared_price)
        paragraph.show(console, f"all clips cost {once}; without sharing they would cost {each}")
    if found.seconds:
        names = few([shot.shot.name for shot in found.critical], " > ")
        paragraph.show(console, f"it takes {duration(found.seconds)} at best; the longest chain is {names}")
    elif found.seconds is None:
        paragraph.show(
            console, "how long it takes is not known: there is no clip of these models yet", style="dim"
        )
    for note in notes:
        paragraph.show(console, f"! {note}", style="yellow")


def described(found: Sharing, expected: Estimate) -> dict[str, Any]:
    """The plan of a sweep as a script would read it."""
    return {
        "version": 1,
        "shots": found.uses,
        "clips": found.clips,
        "to_do": expected.to_do,
        "to_spend_usd": to_usd(expected.to_spend),
        "unpriced": expected.unpriced,
        "shared_usd": to_usd(found.shared_price),
        "unshared_usd": to_usd(found.unshared_price),
        "seconds": round(found.seconds, 1) if found.seconds is not None else None,
        "critical_path": [shot.key for shot in found.critical],
        "tree": _nodes(found.roots),
    }


def _nodes(roots: Sequence[Node]) -> list[dict[str, Any]]:
    """The clips in the order of the tree, each with the key of the one that it starts from."""
    entries, stack = [], list(reversed(roots))
    while stack:
        node = stack.pop()
        previous = node.shot.previous
        entries.append(
            {
                "key": node.shot.key,
                "sequence": node.shot.sequence,
                "shot": node.shot.shot.name,
                "after": previous.key if previous is not None else None,
                "standing": node.standing,
                "price_usd": to_usd(node.price),
                "jobs": node.jobs,
            }
        )
        stack += reversed(node.after.values())
    return entries


def _line(node: Node, depth: int, jobs: int, width: int) -> Any:
    from rich.text import Text

    cost = "price unknown" if node.price is None else "free" if node.price == 0 else dollars(node.price)
    for_jobs = (
        "all jobs"
        if len(node.jobs) == jobs > 1
        else f"job {node.jobs[0]}"
        if len(node.jobs) == 1
        else f"{len(node.jobs)} jobs"
    )
    text = Text(" " * min(_STEP * (depth + 1), _DEEPEST), no_wrap=True, overflow="ellipsis")
    text.append(f"{node.shot.number:02d} {one_line(node.shot.shot.name)}", style="cyan")
    paid = node.standing is Standing.PAID
    text.append(f"  {for_jobs}  ").append(f"{node.standing}, {cost}", style="green" if paid else "yellow")
    seed = "" if node.shot.request.seed is None else f"seed {node.shot.request.seed}  "
    take = "" if node.shot.request.take == 1 else f"take {node.shot.request.take}  "
    text.append(f"  {seed}{take}{one_line(scrubbed(node.shot.request.prompt))}", style="dim")
    text.truncate(width, overflow="ellipsis")
    return text
