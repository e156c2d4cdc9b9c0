"""`runner compare BASE NEW...`: whether new runs are worse than a baseline, beyond noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.compare import baseline, comparison, sequential, written
from runner.compare.sequential import Look
from runner.compare.verdicts import ALPHA, Verdict
from runner.errors import OutputError, UsageError
from runner.outgoing import one_line
from runner.report import table
from runner.report.html.comparison import write_comparison
from runner.report.table import Cell, Column
from runner.verbs.arguments import Common, Parser
from runner.verbs.baseline import of_folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.compare.baseline import Shots
    from runner.compare.comparison import Comparison

_STYLES: Final = {Verdict.WORSE: "bold red", Verdict.UNDECIDED: "yellow", Verdict.FINE: "green"}


class _Arguments(Common):
    base: Path
    new: list[Path]
    output: Path | None
    alpha: float
    looks: str


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "compare",
        "Compare runs with a baseline: what clips have to be, their seams, and the distributions of all metrics.\n"
        "Exit codes: 0 fine, 1 worse, 2 usage, 3 an unknown outcome, 4 the budget stopped a run, 5 undecided.",
        examples=(
            "compare baseline.json outputs/PROJECT/sweeps/SWEEP -o report",
            "compare outputs/OLD outputs/NEW --json",
        ),
    )
    parser.add_argument("base", type=Path, metavar="BASE", help="a baseline file, or run folders")
    parser.add_argument("new", nargs="+", type=Path, metavar="NEW", help="run folders, or a baseline file")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="write compare.json, junit.xml, summary.md and pictures",
    )
    parser.add_argument(
        "--alpha", type=float, default=ALPHA, help=f"the rate of false alarms over all metrics; {ALPHA}"
    )
    parser.add_argument(
        "--looks",
        default="",
        metavar="A,B,C",
        help="compare after so many takes each, in growing numbers, and stop early: the looks share alpha",
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Compare, print, and write; the exit code says what came of it."""
    arguments = _parsed(words)
    base, new = shots_of([arguments.base]), shots_of(arguments.new)
    if base.project and new.project and base.project != new.project:
        raise UsageError("these are two projects", why=f"{base.project} and {new.project}")
    looks = looks_of(arguments.looks, arguments.alpha)
    look = _due(looks, new)
    found = comparison.compare(base, new, alpha=arguments.alpha, spent=look.alpha)
    write(found, base, new, arguments.output)
    if arguments.as_json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        show(found, arguments.output)
        if arguments.looks and not sequential.is_over(found.judgements, last=look is looks[-1]):
            _next_look(looks[looks.index(look) + 1], base, new)
    return found.exit_code


def looks_of(text: str, alpha: float) -> tuple[Look, ...]:
    """The planned looks of `--looks A,B,C`; one that spends all of `alpha` where there is none. Raises `UsageError`."""
    if not 0 < alpha < 0.5:
        raise UsageError("--alpha should be more than 0 and less than 0.5")
    if not text:
        return (Look(takes=0, alpha=alpha),)
    try:
        return sequential.planned_looks([int(one) for one in text.split(",")], alpha)
    except ValueError:
        raise UsageError(
            "--looks should be growing numbers of takes, from 2 on", why=text, hint="--looks 3,5,8"
        ) from None


def _due(looks: tuple[Look, ...], new: Shots) -> Look:
    """The last look whose takes are there. Raises `UsageError` before the first one."""
    takes = min((sum(bool(one.clip) for one in takes) for takes in new.takes.values()), default=0)
    due = [look for look in looks if look.takes <= takes]
    if not due:
        raise UsageError(
            "there are too few takes for the first look",
            why=f"a shot has {takes}, and --looks begins with {looks[0].takes}",
        )
    return due[-1]


def _next_look(look: Look, base: Shots, new: Shots) -> None:
    """Say how many takes the next look needs, and of which sequence they say most."""
    groups = {shot: shot.partition("/")[0] for shot in new.takes}
    order = list(sequential.uncertainty(comparison.samples(base, new), groups))
    first = f", first of {one_line(order[0])}, which is the most uncertain" if len(order) > 1 else ""
    print(f"next look: at {look.takes} takes of each shot{first}")


def shots_of(paths: Sequence[Path]) -> Shots:
    """A baseline file, or the takes of run folders. Raises `UsageError`."""
    if len(paths) == 1 and paths[0].is_file():
        return baseline.read(paths[0])
    return of_folders(paths)


def write(found: Comparison, base: Shots, new: Shots, folder: Path | None) -> None:
    """Write the files of a comparison, if there is a folder for them. Raises `OutputError`."""
    if folder is None:
        return
    try:
        written.write(found, base, new, folder)
        write_comparison(found, base, new, folder)
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputError("the comparison cannot be written", where=str(folder), why=why) from error


def show(found: Comparison, folder: Path | None) -> None:
    """Print a comparison."""
    from rich.text import Text

    from runner.report import paragraph
    from runner.report.console import Console

    console = Console()
    rows = [
        [
            Cell(one.metric),
            Cell(str(one.verdict), _STYLES[one.verdict]),
            Cell(f"{one.before:.4g}"),
            Cell(f"{one.after:.4g}"),
            Cell(f"{one.p_corrected:.3g}"),
            Cell("{} / {}".format(*one.takes)),
        ]
        for one in found.judgements
    ]
    columns = (
        Column("metric"),
        Column("verdict"),
        Column("before", right=True),
        Column("after", right=True),
        Column("p", right=True),
        Column("takes"),
    )
    if rows:
        table.show(console, columns, rows, rest="compare --json has all")
        paragraph.show(console, "p: corrected for the number of metrics; takes: before / after", style="dim")
    for finding in found.findings:
        paragraph.show(console, f"x {finding.shot} {finding.text}", style="red")
    for one in found.judgements:
        if one.verdict is Verdict.WORSE:
            paragraph.show(console, f"x {one.metric}: {written.numbers(one)}", style="red")
    reasons: dict[str, list[str]] = {}
    for one in found.judgements:
        if one.verdict is Verdict.UNDECIDED:
            needed = f" ({one.takes_needed} takes would decide)" if one.takes_needed else ""
            reasons.setdefault(one.why, []).append(f"{one.metric}{needed}")
    for why, metrics in reasons.items():
        paragraph.show(console, f"? {why}: {', '.join(metrics)}", style="yellow")
    for trouble in found.troubles:
        takes = f" ({trouble.takes} takes)" if trouble.takes > 1 else ""
        where = f"{trouble.shot}{takes}: " if trouble.shot else ""
        paragraph.show(console, f"! not a regression: {where}{trouble.text}", style="yellow")
    for note in found.notes:
        paragraph.show(console, f"! {note}", style="yellow")
    if not rows:
        paragraph.show(console, "! no metric is on both sides: metrics.enabled=[seams,clips]", style="yellow")
    words = {"worse": "worse than before", "error": "cannot tell: runs are not complete"}
    console.print(Text(words.get(found.outcome, found.outcome), style="bold"))
    if found.takes_needed:
        numbers = ",".join(map(str, range(1, found.takes_needed + 1))) if found.takes_needed <= 12 else "..."
        paragraph.show(
            console,
            f"next: {found.takes_needed} takes of each shot, on both sides, would decide: -m shot.take={numbers}",
        )
    if folder is not None:
        console.print(Text(f"written: {folder}"), soft_wrap=True)
