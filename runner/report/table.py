"""A table on a terminal: where it is narrow, names give way, then the last columns are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

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

    shown = rows[:MOST_ROWS]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column in columns[: _fitting(columns, shown, console.width - _GAP + 1)]:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            min_width=column.least,
            no_wrap=column.least is None,
        )
    for row in shown:
        cells = zip(row, table.columns, strict=False)
        table.add_row(
            *(Text(_one_line(cell.text), cell.style, no_wrap=True, overflow="ellipsis") for cell, _ in cells)
        )
    console.print(table)
    if len(rows) > len(shown):
        console.print(Text(f"and {len(rows) - len(shown)} more: {rest}", style="dim"), soft_wrap=True)


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> int:
    """How many columns fit, names cut as far as they may be."""
    from rich.cells import cell_len

    total = 0
    for at, column in enumerate(columns):
        width = max(cell_len(text) for text in (column.title, *(row[at].text for row in rows)))
        total += min(width, column.least or width) + (_GAP if at else 0)
        if total > room:
            return max(at, 1)
    return len(columns)


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
