"""The table of the summary, at any width of the terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from runner.report.table import MOST_ROWS, Cell, Column, show

COLUMNS = (Column("shot", least=16), Column("from", least=11), Column("state"), Column("time", right=True))
ROWS = [
    [Cell("main/opening"), Cell("prompt"), Cell("done", "green"), Cell("12.3s")],
    [Cell(f"main/a shot {'with a long name ' * 3}"), Cell("opening"), Cell("failed", "red"), Cell("0.1s")],
    [Cell("日本語の名前のついたとても長いショット"), Cell("もう一つの長い名前"), Cell("kept"), Cell("")],
]


def lines(
    width: int, rows: list[list[Cell]] = ROWS, *, colour: bool = False, encoding: str = "utf-8"
) -> list[str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    system = "standard" if colour else None
    console = Console(highlight=False, width=width, file=out, force_terminal=colour, color_system=system)
    show(console, COLUMNS, rows, rest="the manifest has all")
    out.seek(0)
    return out.read().splitlines()


def test_columns_stand_below_one_another() -> None:
    header, rule, *rows = lines(120)
    assert set(rule) == {"─"}
    for title, texts in (("from", ("prompt", "opening")), ("state", ("done", "failed"))):
        assert all(row.index(text, 17) == header.index(title) for row, text in zip(rows, texts, strict=False))
    assert rows[0].endswith("12.3s")
    assert rows[1].endswith(" 0.1s")
    assert "日本語の名前のついたとても長いショット" in rows[2]


@pytest.mark.parametrize("width", [200, 80, 60, 47])
def test_names_give_way_and_figures_do_not(width: int) -> None:
    shown = lines(width)
    assert max(map(cell_len, shown)) <= width
    assert all(word in "\n".join(shown) for word in ("done", "failed", "kept", "12.3s", "0.1s"))


def test_what_cannot_fit_is_left_out_from_the_right() -> None:
    shown = lines(40)
    assert max(map(cell_len, shown)) <= 40
    assert "state" in shown[0]
    assert "time" not in shown[0]


def test_a_style_is_that_of_its_cell_alone() -> None:
    assert " \x1b[31mfailed\x1b[0m " in lines(120, colour=True)[3]


def test_a_terminal_without_lines_gets_dashes() -> None:
    assert set(lines(120, encoding="ascii")[1]) <= {"-", "+"}


def test_a_long_table_shows_its_first_rows_and_says_where_the_others_are() -> None:
    rows = [[Cell(f"shot {number}"), Cell("prompt"), Cell("done"), Cell("1s")] for number in range(100)]

    shown = lines(100, rows)

    assert len(shown) == 2 + MOST_ROWS + 1
    assert shown[-1] == "and 40 more: the manifest has all"
