"""How `runner metrics` lays out its numbers: the shorter way, and nothing beyond the edge."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runner.report.table import show
from runner.verbs.metrics import _tables

NAMES = [f"seam_metric_{number:02d}" for number in range(14)]


def printed(shots: list[str], names: list[str], width: int) -> list[str]:
    numbers = {shot: dict.fromkeys(names, 1.25) for shot in shots}
    limits = {names[0]: {"max": 1.0}}
    console = Console(highlight=False, width=width, file=io.StringIO())
    for columns, rows in _tables(names, shots, numbers, limits, width):
        show(console, columns, rows, rest="--json")
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("shots", [1, 3, 12, 40])
def test_every_number_is_there_and_fits(width: int, shots: int) -> None:
    names = [f"main/{number:02d}" for number in range(shots)]

    lines = printed(names, NAMES, width)

    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert text.count("1.25") == shots * len(NAMES)
    assert text.count("! 1.25") == shots
    assert "> 1" in text
    assert not [name for name in (*names, *NAMES) if name not in text]


def test_three_shots_of_all_metrics_are_one_table() -> None:
    lines = printed(["main/one", "main/two", "main/three"], NAMES, 80)

    assert len(lines) == 2 + len(NAMES)
    assert lines[0].split() == ["metric", "bad", "main/one", "main/two", "main/three"]


def test_many_shots_of_one_metric_are_one_table() -> None:
    lines = printed([f"main/{number:02d}" for number in range(30)], NAMES[:1], 80)

    assert len(lines) == 2 + 30 + 1
    assert lines[0].split() == ["shot", NAMES[0]]
    assert lines[-1].split() == ["bad", ">", "1"]
