"""A table on a terminal: where it is narrow, names give way, then the last columns are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from runner.outgoing import one_line
from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.report.console import Console

MOST_ROWS: Final = 60
_GAP: Final = 3


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is shown."""

    title: str
    right: bool = False
    """Aligned to the right: figures."""
    least: int | None = None
    """It may be cut down to so many cells of the terminal; `None` is never cut."""


class Cell(NamedTuple):
    """One line of text, and rich's name for its style."""

    text: str
    style: str = ""


def show(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, rest: str) -> None:
    """Print the first rows at the width of the terminal; `rest` says where the others are."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = [[cell._replace(text=one_line(scrubbed(cell.text))) for cell in row] for row in rows[:MOST_ROWS]]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column, width in zip(columns, _widths(columns, shown, console.width), strict=False):
        table.add_column(column.title, justify="right" if column.right else "left", width=width, no_wrap=True)
    for row in shown:
        cells = zip(row, table.columns, strict=False)
        table.add_row(*(Text(cell.text, cell.style, overflow="ellipsis") for cell, _ in cells))
    console.print(table)
    if len(rows) > len(shown):
        console.print(Text(f"and {len(rows) - len(shown)} more: {rest}", style="dim"), soft_wrap=True)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    """The widths of the columns that fit. rich cuts all columns alike; names are to give way, and figures not."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(text) for text in (column.title, *(row[at].text for row in rows)))
        for at, column in enumerate(columns)
    ]
    least = [min(width, column.least or width) for column, width in zip(columns, widths, strict=True)]
    while len(least) > 1 and _total(least) > room:
        least.pop()
    widths = widths[: len(least)]
    for _ in range(_total(widths) - room):
        longest = max(range(len(widths)), key=lambda at: widths[at] - least[at])
        widths[longest] -= widths[longest] > least[longest]
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)
