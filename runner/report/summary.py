"""The table at the end of a run: what was made, how the seams are, where it is, what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from runner.config.redact import hidden_override
from runner.engine.outcome import Ending
from runner.report import table
from runner.report.table import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from runner.engine.outcome import FilmOutcome, RunOutcome, ShotOutcome


def show(outcome: RunOutcome, folder: Path, command: Sequence[str], *, brief: bool = False) -> None:
    """Print the summary of one run to standard output; a brief one, for a job of many, has no table of shots."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=False)
    if not brief:
        table.show(console, _COLUMNS, [_row(shot) for shot in outcome.shots])
    alike = _alike(outcome.shots)
    for shot in outcome.shots:
        _notes(console, shot, alike.get(shot.planned.name))
    for film in outcome.films:
        _film(console, film, folder)
    console.print(Text(f"folder: {folder}", overflow="fold"))
    # What waits for a person, or for money, says by itself how it goes on.
    if outcome.exit_code in (1, 130) and not brief:
        again = shlex.join(["python", "-m", "runner", *map(hidden_override, command)])
        again = again if len(again) < 400 else "the same command"
        console.print(Text(f"next: run it again, what is done is kept: {again}", overflow="fold"))


_COLUMNS: Final = (
    Column("shot", least=16),
    Column("starts from", least=11),
    Column("state"),
    Column("length", right=True),
    Column("seam"),
    Column("time", right=True),
)


def _row(shot: ShotOutcome) -> tuple[Cell, ...]:
    return (
        Cell(_one_line(shot.planned.name)),
        Cell(_one_line(_start(shot))),
        Cell(_state(shot), _STYLE[shot.ending]),
        Cell(_length(shot)),
        Cell(_seam(shot)),
        Cell(f"{shot.elapsed_s:.1f}s" if shot.elapsed_s else ""),
    )


_NAMED: Final = 5  # shots with the same failure that are named

_STYLE = {
    Ending.DONE: "green",
    Ending.FAILED: "red",
    Ending.SKIPPED: "yellow",
    Ending.UNKNOWN: "red",
    Ending.STOPPED: "yellow",
    Ending.INTERRUPTED: "yellow",
}


def _start(shot: ShotOutcome) -> str:
    if shot.fell_back:
        return "prompt (!)"
    planned = shot.planned
    if planned.previous is not None:
        return planned.previous.shot.name
    return "picture" if planned.shot.image is not None else "prompt"


def _state(shot: ShotOutcome) -> str:
    return "kept" if shot.reused else str(shot.ending)


def _length(shot: ShotOutcome) -> str:
    duration = shot.clip.facts.get("duration_s") if shot.clip else None
    return f"{duration:.2f}s" if isinstance(duration, (int, float)) else ""


def _seam(shot: ShotOutcome) -> str:
    if shot.adherence is None:
        return ""
    return f"{shot.adherence['verdict']} {shot.adherence['psnr_db']:.0f} dB"


def _alike(shots: Sequence[ShotOutcome]) -> dict[str, list[str]]:
    """For each shot that failed, those that failed just so, or none of them where an earlier one stands for it."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for shot in shots:
        if shot.error is not None:
            key = (shot.error.what, shot.error.why, shot.error.hint)
            groups.setdefault(key, []).append(shot.planned.name)
    found = {}
    for names in groups.values():
        few = len(names) <= _NAMED
        for name in names:
            found[name] = [name] if few else names if name == names[0] else []
    return found


def _notes(console: Console, shot: ShotOutcome, alike: list[str] | None) -> None:
    """What there is to say about one shot; a failure that many have is told once."""
    from rich.text import Text

    name = _one_line(shot.planned.name)
    if shot.fell_back:
        console.print(Text(f"! {name} was made from its prompt alone: {shot.fell_back}", style="yellow"))
    for warning in shot.warnings:
        console.print(Text(f"! {name} {warning}", style="yellow"))
    if shot.error is not None:
        if alike:
            console.print(Text(f"x {name}: {shot.error}", style="red"))
        if alike and len(alike) > 1:
            others = ", ".join(_one_line(one) for one in alike[1 : _NAMED + 1])
            more = f" and {len(alike) - 1 - _NAMED} more" if len(alike) > _NAMED + 1 else ""
            console.print(Text(f"  the same: {others}{more}", style="red"))
    elif shot.reason and shot.ending is not Ending.INTERRUPTED:
        console.print(Text(f"x {name}: {shot.reason}", style="yellow"))


def _film(console: Console, film: FilmOutcome, folder: Path) -> None:
    from rich.text import Text

    name = _one_line(film.sequence.name)
    if film.film is None:
        if film.reason != "not asked for":
            console.print(Text(f"x no film of {name}: {film.reason}", style="yellow"))
        return
    facts = film.film.facts
    text = f"film of {name}: {folder / film.film.path}"
    console.print(Text(text, overflow="fold"))
    console.print(
        Text(f"  {facts['frames']} frames, {facts['duration_s']:.2f} s, {facts['method']}", style="dim")
    )


def _one_line(name: str) -> str:
    return name.replace("\n", " ")
