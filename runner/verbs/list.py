"""`runner list`: the runs of an outputs root."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runner.errors import UsageError
from runner.money import dollars, from_usd
from runner.outgoing import one_line
from runner.outputs.runs import Run, RunState, runs
from runner.report import paragraph, table
from runner.verbs.arguments import Common, Parser
from runner.verbs.root import of_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STYLE = {
    RunState.RUNNING: "cyan",
    RunState.FINISHED: "green",
    RunState.FAILED: "red",
    RunState.STOPPED: "yellow",
}


class _Arguments(Common):
    words: list[str]
    project: str | None


def main(words: Sequence[str]) -> int:
    """List the runs, the newest first."""
    parser = Parser(
        "list",
        "List the runs of an outputs root, the newest first: when each started last, how it\n"
        "stands, how many shots are done, what it cost (reservations included), and what the\n"
        "command line changed of the project.",
        examples=("list", "list --project my_film", "list output.root=DIR --json"),
    )
    parser.add_argument("words", nargs="*", metavar="output.root=DIR", help="default: outputs")
    parser.add_argument("--project", metavar="NAME", help="only the runs of this project")
    arguments = parser.read(words, _Arguments())
    root, filters = of_words("list", arguments.words, ("project",))
    project = arguments.project or filters.get("project")
    everything = runs(root)
    found = [run for run in everything if project in (None, run.project)]
    if everything and not found:
        there_are = ", ".join(sorted({run.project for run in everything}))
        raise UsageError(f"there is no run of {project} in {root}", why=f"there are runs of: {there_are}")
    if arguments.as_json:
        print(json.dumps([_entry(run) for run in found], indent=2, ensure_ascii=False))
    else:
        _show(found, root)
    return 0


def _entry(run: Run) -> dict[str, Any]:
    return {
        "project": run.project,
        "started": run.started.isoformat(timespec="seconds"),
        "state": run.state,
        "overrides": list(run.overrides),
        "shots_done": run.done,
        "shots": run.shots,
        "cost_usd": run.cost_usd,
        "folder": str(run.folder),
    }


def _show(found: Sequence[Run], root: Path) -> None:
    from rich.text import Text

    from runner.report.console import Console

    console = Console()
    if not found:
        again = "make one: python -m runner +project=one_shot, or look elsewhere: python -m runner list output.root=DIR"
        paragraph.show(console, f"there are no runs in {root}")
        paragraph.show(console, f"next: {again}")
        return
    shown = found[: table.MOST_ROWS]
    for run in shown:
        line = Text(f"{run.started.astimezone():%Y-%m-%d %H:%M}  ")
        line.append(f"{run.state:<8}", style=_STYLE[run.state])
        shots = f"{run.done}/{'?' if run.shots is None else run.shots}"
        cost = "" if run.cost_usd is None else "free" if not run.cost_usd else dollars(from_usd(run.cost_usd))
        line.append(f"  {shots:>5}  {cost:>6}  ")
        line.append(" ".join(run.project.split()), style="bold")
        console.print(line, no_wrap=True, overflow="ellipsis")
        if differs := differing(run):
            console.print(Text(f"  {differs}"), no_wrap=True, overflow="ellipsis")
        # A folder is there to be copied, and is not cut.
        console.print(Text(f"  {one_line(str(run.folder))}", style="dim"), soft_wrap=True)
    if len(found) > len(shown):
        rest = "python -m runner list --json has all"
        console.print(Text(f"and {len(found) - len(shown)} more: {rest}", style="dim"), soft_wrap=True)


def differing(run: Run) -> str:
    """The overrides that are not the choice of the project itself."""
    return " ".join(
        " ".join(one.split()) for one in run.overrides if one.lstrip("+").partition("=")[0] != "project"
    )
