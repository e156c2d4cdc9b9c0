"""`runner baseline create DIR... -o FILE` and `runner baseline show FILE`: what shots are like over their takes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from runner import plugins
from runner.compare import baseline, statistics
from runner.compare.permutation import Stratum
from runner.errors import OutputError, UsageError
from runner.report import table
from runner.report.table import Cell, Column
from runner.verbs.arguments import Common, Parser
from runner.verbs.verify import run_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.compare.baseline import Shots


class _Arguments(Common):
    verb: str
    paths: list[Path]
    output: Path | None


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "baseline",
        "Keep what the shots of runs are like over their takes, to compare later runs with it.\n"
        "Runs of several takes: -m shot.take=1,2,3,4,5. metrics.enabled=[seams,clips] measures all.",
        examples=(
            "baseline create outputs/PROJECT/sweeps/SWEEP -o baseline.json",
            "baseline show baseline.json",
        ),
    )
    parser.add_argument("verb", choices=("create", "show"), metavar="create|show")
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="DIR|FILE", help="run folders; or a baseline to show"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write")
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Create or show a baseline; 1 where a shot of a run has no clip, which is left out."""
    arguments = _parsed(words)
    if arguments.verb == "create":
        if arguments.output is None:
            raise UsageError("baseline create: there is no file to write", hint="add -o baseline.json")
        shots = of_folders(arguments.paths)
        try:
            baseline.write(shots, arguments.output)
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputError(
                "the baseline cannot be written", where=str(arguments.output), why=why
            ) from error
    else:
        if len(arguments.paths) != 1:
            raise UsageError("baseline show: takes one file")
        shots = baseline.read(arguments.paths[0])
    missing = [name for name, takes in shots.takes.items() if any(not take.clip for take in takes)]
    if arguments.as_json:
        shown = {
            "project": shots.project,
            "shots": {name: [asdict(take) for take in takes] for name, takes in shots.takes.items()},
            "problems": list(shots.problems),
        }
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        _show(shots, missing)
    return 1 if missing or shots.problems else 0


def of_folders(folders: Sequence[Path]) -> Shots:
    """The takes of all runs in or below folders, with the metrics that are registered. Raises `UsageError`."""
    found = [folder for named in folders for folder in run_folders(named)]
    return baseline.of_runs(found, plugins.load().metrics())


def _show(shots: Shots, missing: list[str]) -> None:
    from rich.text import Text

    from runner.report import paragraph
    from runner.report.console import Console

    console = Console()
    counts = [sum(bool(take.clip) for take in takes) for takes in shots.takes.values()]
    takes = (
        f"{min(counts, default=0)} to {max(counts, default=0)}" if len(set(counts)) > 1 else f"{counts[0]}"
    )
    console.print(
        Text(
            f"{shots.project}: {len(counts)} {'shot' if len(counts) == 1 else 'shots'}, {takes} takes each",
            style="bold",
        )
    )
    rows = []
    for name, of_shot in shots.takes.items():
        for metric in sorted({one for take in of_shot for one in take.metrics}):
            values = tuple(take.metrics[metric] for take in of_shot if metric in take.metrics)
            sd = statistics.noise([Stratum(name=name, before=values, after=values)])
            mean = sum(values) / len(values)
            figures = (mean, sd, min(values), max(values))
            rows.append([Cell(name), Cell(metric), *(Cell(f"{one:.4g}") for one in figures)])
    columns = (
        Column("shot", least=10),
        Column("metric"),
        *(Column(title, right=True) for title in ("mean", "noise", "least", "most")),
    )
    table.show(console, columns, rows, rest="baseline show FILE --json has all")
    for text in (
        *shots.problems,
        *(f"{name} has takes without a clip, which are left out" for name in missing),
    ):
        paragraph.show(console, f"! {text}", style="yellow")
