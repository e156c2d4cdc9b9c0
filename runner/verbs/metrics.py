"""`runner metrics DIR`: the numbers of each shot of a run folder, or of all runs below one."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.outgoing import one_line
from runner.outputs import manifest
from runner.report import table
from runner.report.table import Cell, Column
from runner.verbs.arguments import Common, Parser
from runner.verbs.verify import run_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.report.console import Console

    Numbers = dict[str, dict[str, float]]
    """By the names of shots, then of metrics."""

_MOST: Final = 100
"""Metrics of one folder: more than any run has."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What the registry takes for the name of a metric: no markup, nothing that a terminal would obey."""
_NAMES: Final = 24
"""Cells that the names of shots take at most where there are many metrics."""
_GAP: Final = 3
_AROUND: Final = 3
"""Lines of a table besides its rows."""
NO_LIMITS: Final[Mapping[str, float]] = {}


class _Arguments(Common):
    folders: list[Path]


def _parsed(words: Sequence[str]) -> _Arguments:
    parser = Parser(
        "metrics",
        "The numbers that were measured of each shot, of a run folder or of all run folders below one.\n"
        "metrics.enabled of a run says which ones are.",
        examples=("metrics outputs", "metrics outputs/PROJECT/RUN --json"),
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="a run folder, or a folder of them"
    )
    return parser.read(words, _Arguments())


def main(words: Sequence[str]) -> int:
    """Print them; 1 where a run has no manifest."""
    arguments = _parsed(words)
    runs = [(folder, *_numbers(folder)) for named in arguments.folders for folder in run_folders(named)]
    if arguments.as_json:
        found = [
            {"folder": str(folder), "shots": numbers, "limits": limits} for folder, numbers, limits in runs
        ]
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        from runner.report.console import Console

        console = Console()
        for at, (folder, numbers, limits) in enumerate(runs):
            if at:
                console.print()
            _show(console, folder, numbers, limits)
    return 1 if any(numbers is None for _, numbers, _ in runs) else 0


def _numbers(folder: Path) -> tuple[Numbers | None, Numbers]:
    """What the manifest says, and from where on a number is bad; `None` where there is no manifest.

    A root may be anybody's: what is no number is left out.
    """
    found = manifest.read(folder)
    if found is None:
        return None, {}
    raw = found.get("metric_limits")
    named = {name: dict(_of(one)) for name, one in raw.items()} if isinstance(raw, dict) else {}
    limits = {name: one for name, one in named.items() if one and _NAME.fullmatch(name)}
    return _by_shot(found), limits


def _by_shot(found: dict[str, Any]) -> Numbers:
    return {
        f"{name}/{shot}": dict(list(_of(entry.get("metrics")))[:_MOST])
        for name, sequence in found["sequences"].items()
        for shot, entry in sequence["shots"].items()
    }


def _of(raw: Any) -> Iterator[tuple[str, float]]:
    for name, value in raw.items() if isinstance(raw, dict) else ():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and _NAME.fullmatch(name) and math.isfinite(value):
            yield name, value


def _show(console: Console, folder: Path, numbers: Numbers | None, limits: Numbers) -> None:
    from rich.text import Text

    # A folder is there to be copied, and is not cut.
    console.print(Text(one_line(str(folder)), style="bold"), soft_wrap=True)
    if numbers is None:
        console.print(Text("  there is no manifest that can be used: the run did not finish", style="yellow"))
        return
    names = sorted({name for of_shot in numbers.values() for name in of_shot})
    if not names:
        why = "  no metric was measured of it: metrics.enabled=[seams,clips] measures all, for the same clips"
        console.print(Text(why), soft_wrap=True)
    shots = [shot for shot, of_shot in numbers.items() if of_shot]
    for at, (columns, rows) in enumerate(_tables(names, shots, numbers, limits, console.width)):
        if at:
            console.print()
        table.show(console, columns, rows, rest="python -m runner metrics DIR --json has all")


def _tables(
    names: Sequence[str], shots: Sequence[str], numbers: Numbers, limits: Numbers, width: int
) -> list[tuple[list[Column], list[list[Cell]]]]:
    """The tables that are printed below each other: a row for each metric, or for each shot where that is one
    table, or shorter."""

    def cell(shot: str, name: str) -> Cell:
        text = _shown(numbers[shot].get(name), limits.get(name, {}))
        return Cell(text, "red" if text.startswith("!") else "")

    def column(title: str, cells: Sequence[Cell]) -> int:
        return _GAP + max(map(len, (title, *(one.text for one in cells))))

    bad = {name: _bad(limits.get(name, {})) for name in names}
    has_bad = any(bad.values())
    head = _GAP + max(map(len, names), default=0) + (_GAP + max(map(len, bad.values())) if has_bad else 0)
    by_name = list(
        _blocks({one: column(one, [cell(one, name) for name in names]) for one in shots}, width - head)
    )
    widths = {name: column(name, [*(cell(shot, name) for shot in shots), Cell(bad[name])]) for name in names}
    by_shot = list(_blocks(widths, width - min(_NAMES, max(map(len, shots), default=0))))
    by_metric = len(by_name) > 1, len(by_name) * (len(names) + _AROUND)
    if by_metric <= (len(by_shot) > 1, len(by_shot) * (len(shots) + has_bad + _AROUND)):
        titles = [Column("metric"), *([Column("bad")] if has_bad else [])]
        return [
            (
                [*titles, *(Column(shot, right=True) for shot in block)],
                [
                    [
                        Cell(name),
                        *([Cell(bad[name])] if has_bad else []),
                        *(cell(shot, name) for shot in block),
                    ]
                    for name in names
                    if any(name in numbers[shot] for shot in block)
                ],
            )
            for block in by_name
        ]
    return [
        (
            [Column("shot", least=_NAMES), *(Column(name, right=True) for name in block)],
            [
                *(
                    [Cell(shot), *(cell(shot, name) for name in block)]
                    for shot in shots
                    if any(name in numbers[shot] for name in block)
                ),
                *(
                    [[Cell("bad"), *(Cell(bad[name]) for name in block)]]
                    if any(bad[one] for one in block)
                    else []
                ),
            ],
        )
        for block in by_shot
    ]


def _blocks(widths: Mapping[str, int], room: int) -> Iterator[list[str]]:
    """Columns that fit side by side: none is left out of a narrow terminal."""
    block: list[str] = []
    taken = 0
    for title, cells in widths.items():
        if block and taken + cells > room:
            yield block
            block, taken = [], 0
        block.append(title)
        taken += cells
    if block:
        yield block


def _shown(value: float | None, limits: Mapping[str, float] = NO_LIMITS) -> str:
    """A number, marked where it counts as bad."""
    if value is None:
        return ""
    bad = value < limits.get("min", -math.inf) or value > limits.get("max", math.inf)
    return f"{'! ' if bad else ''}{value:.6g}"


def _bad(limits: Mapping[str, float]) -> str:
    """From where on a number counts as bad."""
    parts = [f"{sign} {limits[key]:.6g}" for key, sign in (("min", "<"), ("max", ">")) if key in limits]
    return " or ".join(parts)
