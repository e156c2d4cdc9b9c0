"""A table of many rows for a terminal: where it is narrow, names give way, then the last columns are left out.

rich's own table takes 0.3 ms a row, and where it does not fit shows long names and no figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.segment import Segment

_GAP: Final = "   "


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is shown. One with a `least` width, in cells of the terminal, is cut down to it where it must be."""

    title: str
    right: bool = False
    least: int | None = None


class Cell(NamedTuple):
    """One line of text, and rich's name for its style."""

    text: str
    style: str = ""


def show(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print the table at the width of the terminal."""
    from rich.segment import Segment, Segments

    widths = _widths(columns, rows, console.width)
    header = [Cell(column.title, "bold") for column in columns]
    segments = _line(console, columns, widths, header)
    rule = "-" if console.options.ascii_only else "─"
    segments.append(Segment(rule * _total(widths) + "\n"))
    for row in rows:
        segments += _line(console, columns, widths, row)
    console.print(Segments(segments), end="", crop=False)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    widths = [
        max(_cells(column.title), max((_cells(row[at].text) for row in rows), default=0))
        for at, column in enumerate(columns)
    ]
    least = [
        width if column.least is None else min(width, column.least)
        for column, width in zip(columns, widths, strict=True)
    ]
    while len(least) > 1 and _total(least) > room:
        least.pop()
    widths = widths[: len(least)]
    for _ in range(_total(widths) - room):
        longest = max(range(len(widths)), key=lambda at: widths[at] - least[at])
        widths[longest] -= widths[longest] > least[longest]
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _line(
    console: Console, columns: Sequence[Column], widths: Sequence[int], row: Sequence[Cell]
) -> list[Segment]:
    from rich.segment import Segment

    segments, plain = [], ""
    for at, (column, width, cell) in enumerate(zip(columns, widths, row, strict=False)):
        gap = _GAP if at else ""
        if cell.style:
            segments.append(Segment(plain + gap))
            segments.append(
                Segment(_fitted(cell.text, width, right=column.right), console.get_style(cell.style))
            )
            plain = ""
        else:
            plain += gap + _fitted(cell.text, width, right=column.right)
    segments.append(Segment(plain.rstrip() + "\n"))
    return segments


def _fitted(text: str, width: int, *, right: bool) -> str:
    """`text` in exactly so many cells, cut with an ellipsis."""
    from rich.cells import set_cell_size

    spare = width - _cells(text)
    if spare < 0:
        return set_cell_size(text, width - 1) + "…"
    return " " * spare + text if right else text + " " * spare


def _cells(text: str) -> int:
    """How wide a text is: signs of East Asia take two cells."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
