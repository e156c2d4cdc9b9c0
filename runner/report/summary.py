"""The table at the end of a run: what was made, how the seams are, where it is, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runner.config.project import Boundary
from runner.money import to_micros
from runner.outputs.outcome import Ending
from runner.planning.advisories import notes
from runner.report import next_step, paragraph, table
from runner.report.fallbacks import NAMED, few, retakes
from runner.report.model.of_outcome import made_by
from runner.report.money import cost_line, sufficient_budget
from runner.report.table import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runner.outputs.outcome import FilmOutcome, RunOutcome, ShotOutcome
    from runner.report.console import Console
    from runner.report.model import DriftView, FilmView, ShotView


def show(outcome: RunOutcome, command: Sequence[str]) -> None:
    """Print the summary of one run to standard output."""
    from rich.text import Text

    from runner.report.console import Console

    console, made = Console(), made_by(outcome)
    _fell_back(console, outcome)  # first: a film that is not continuous is no film that was asked for
    rest = f"{outcome.folder}/manifest.json has all"
    table.show(console, _COLUMNS, [_row(shot) for shot in made.shots], rest=rest)
    if legend := seam_legend(made.shots):
        paragraph.show(console, legend, style="dim", indent=6)
    for note in (*notes(outcome.plan), *outcome.notes):
        paragraph.show(console, f"! {note}", style="yellow")
    alike = _alike(outcome.shots)
    for shot in outcome.shots:
        _notes(console, shot, alike.get(shot.planned.name))
    _skipped(console, outcome)
    if outcome.error is not None:
        paragraph.show_error(console, "x ", outcome.error, style="red")
    for view in made.shots:
        if view.takes and view.clip is not None:
            paragraph.show(console, beam_line(view, outcome.plan.project.beam.score), style="dim")
    for drift in made.drifts:
        if len(drift.shots) >= _DRIFTS:
            line = drift_line(drift, several=len(made.drifts) > 1)
            if drift.is_broken:
                paragraph.show(console, f"! {line}", style="yellow")
            else:
                paragraph.show(console, line, style="dim")
    folder = outcome.folder
    if folder is not None:
        _films(console, outcome.all_films, made.films, folder)
        console.print(Text(f"folder: {folder}"), soft_wrap=True)
    cost = outcome.cost
    if cost is None:
        return
    ci = outcome.plan.project.ci
    if ci.replays:
        text = f"replayed from {ci.cassette}: nothing was requested, and nothing is paid"
        paragraph.show(console, text)
        return
    budget = outcome.plan.project.budget
    if line := cost_line(cost, "film"):
        paragraph.show(console, f"money: {line}")
    if budget.max_cost is not None and cost.so_far.micros > to_micros(budget.max_cost):
        paragraph.show(console, f"! that is more than budget.max_cost={budget.max_cost:g}", style="yellow")
    goes_on = () if outcome.interrupted else sufficient_budget(cost, budget)
    if text := next_step.next_step(outcome.errors, interrupted=outcome.interrupted, goes_on=goes_on):
        console.print(Text(f"next: {text}: {next_step.command(command, goes_on)}"), soft_wrap=True)


_COLUMNS: Final = (
    Column("shot", least=12),
    Column("starts from", least=11),
    Column("state"),
    Column("length", right=True),
    Column("seam"),
    Column("time", right=True),
)


def _row(shot: ShotView) -> tuple[Cell, ...]:
    return (
        Cell(_one_line(shot.name)),
        Cell(_one_line(_start(shot))),
        Cell("kept" if shot.reused and shot.ending == Ending.DONE else shot.ending, _STYLE[shot.ending]),
        Cell(f"{shot.clip.duration_s:.2f}s" if shot.clip is not None and shot.clip.duration_s else ""),
        Cell(_seam(shot)),
        Cell(f"{shot.elapsed_s:.1f}s" if shot.elapsed_s else ""),
    )


_STYLE: Final[Mapping[str, str]] = {
    Ending.DONE: "green",
    Ending.FAILED: "red",
    Ending.HELD: "red",
    Ending.SKIPPED: "yellow",
    Ending.UNKNOWN: "red",
    Ending.STOPPED: "yellow",
    Ending.INTERRUPTED: "yellow",
}


def _start(shot: ShotView) -> str:
    if shot.fallback:
        return "prompt (!)"
    if shot.boundary == Boundary.CHAIN:
        return shot.starts_from
    return "picture" if shot.starts_from else "prompt"


def _seam(shot: ShotView) -> str:
    if shot.adherence is None:
        return ""
    return f"{shot.adherence.verdict} {shot.adherence.psnr_db or 0:.0f} dB"


_DRIFTS: Final = 3
"""Clips of a chain from which on its drift is worth a line."""


def drift_line(drift: DriftView, *, several: bool = False) -> str:
    """How far a chain drifted, and how fast. `several` says that there are others, of the same sequence perhaps."""
    of = f"{drift.sequence}/{drift.shots[0]}" if several else drift.sequence
    line = f"drift of {of}: {drift.shots[-1]} is {drift.distances[-1]:.1f} (CIEDE2000) from {drift.anchor}"
    if drift.per_shot is not None and drift.low is not None:
        line += f", {drift.per_shot:+.2f} a shot ({drift.low:+.2f} to {drift.high:+.2f})"
    if drift.is_broken and drift.breaks_at is not None:
        line += f"; continuity.max_drift is broken from {drift.shots[drift.breaks_at - 1]} on"
    return line


_VERDICTS: Final = {
    "locked": "the same picture",
    "reencoded": "the same picture, less sharp or a little off in colour",
    "reframed": "the same picture at another scale or place",
    "ignored": "another picture",
}


def seam_legend(shots: Sequence[ShotView]) -> str:
    """What the column of seams means, with those verdicts that are in it; empty where it is."""
    there = {shot.adherence.verdict for shot in shots if shot.adherence is not None}
    if not there:
        return ""
    words = "; ".join(f"{verdict}: {meaning}" for verdict, meaning in _VERDICTS.items() if verdict in there)
    return f"seam: the first picture of a clip against the one it was given, more dB is closer; {words}"


def how_joined(method: str) -> str:
    """How a film was made of its clips (`runner.media.join`), in words."""
    copied, comma, encoded = method.partition(", ")
    if copied != "copy":
        return "clips re-encoded to fit each other"
    part = f", {encoded.replace('re-encoded', 're-encoded at the seams')}" if comma else ""
    return f"clips copied as they are{part}"


def _alike(shots: Sequence[ShotOutcome]) -> dict[str, list[str]]:
    """For each shot that failed, those that failed just so, or none of them where an earlier one stands for it."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for shot in shots:
        if shot.error is not None:
            key = (shot.error.what, shot.error.why, shot.error.hint)
            groups.setdefault(key, []).append(shot.planned.name)
    found = {}
    for names in groups.values():
        short = len(names) <= NAMED
        for name in names:
            found[name] = [name] if short else names if name == names[0] else []
    return found


def _notes(console: Console, shot: ShotOutcome, alike: list[str] | None) -> None:
    """What there is to say about one shot; a failure that many have is told once."""
    name = _one_line(shot.planned.name)
    for warning in shot.warnings:
        paragraph.show(console, f"! {name} {warning}", style="yellow")
    if shot.error is not None:
        if alike:
            paragraph.show_error(console, f"x {name}: ", shot.error, style="red")
        if alike and len(alike) > 1:
            others = few(alike[1:])
            paragraph.show(console, f"  the same: {others}", style="red", indent=4)


def beam_line(shot: ShotView, score: str) -> str:
    """Which of the takes of a beam a shot has, and how the others did."""
    take = f"{_one_line(shot.name)}: take {shot.take}"
    others = [one.score for one in shot.takes if one.score is not None]
    if shot.score is None:
        return f"{take} of {len(shot.takes) + 1}, of which none has a {score}"
    if not others:
        return f"{take}, {score} {shot.score:g}"
    return f"{take}, {score} {shot.score:g}; {len(others)} others have {min(others):g} to {max(others):g}"


def _fell_back(console: Console, outcome: RunOutcome) -> None:
    """The shots without continuity, by what went wrong, and how to have them made again."""
    groups: dict[str, list[ShotOutcome]] = {}
    for shot in outcome.shots:
        if shot.fallback:
            groups.setdefault(shot.fallback, []).append(shot)
    for reason, fallen in groups.items():
        names = few([shot.planned.name for shot in fallen])
        were = "was generated from its prompt" if len(fallen) == 1 else "were generated from their prompts"
        paragraph.show(console, f"! {names} {were} alone: {reason}", style="yellow")
        fell = {shot.planned.name for shot in fallen}
        takes = retakes(outcome.plan, {shot.key for shot in outcome.plan.shots if shot.name in fell})
        paragraph.show(
            console, f"  next: fix that, and regenerate them with {takes}", style="yellow", indent=8
        )


def _skipped(console: Console, outcome: RunOutcome) -> None:
    """The shots that were not requested: of each chain the first, with its reason."""
    ended = {shot.planned.name: shot for shot in outcome.shots}
    for sequence in outcome.plan.sequences:
        for chain in sequence.chains:
            found = [ended[shot.name] for shot in chain if ended[shot.name].ending is Ending.SKIPPED]
            if found:
                after = len(found) - 1
                more = (
                    ("", ", nor was the one after it")[after]
                    if after < 2
                    else f", nor were the {after} after it"
                )
                text = f"x {_one_line(found[0].planned.name)} was not requested{more}: {found[0].reason}"
                paragraph.show(console, text, style="yellow")


def _films(console: Console, films: Sequence[FilmOutcome], views: Sequence[FilmView], folder: Path) -> None:
    """Each film with its facts; those that are missing for want of a shot in one line."""
    from rich.text import Text

    missing = []
    for film, view in zip(films, views, strict=True):
        name = _one_line(film.name)
        if film.error is not None:
            paragraph.show_error(console, f"x no film of {name}: ", film.error, style="red")
        elif view.clip is None:
            missing += [] if film.reason == "not requested" else [(name, film.reason)]
        else:
            console.print(Text(f"film of {name}: {folder / view.clip.path}"), soft_wrap=True)
            length = f"{view.clip.frames} frames, {view.clip.duration_s or 0:.2f} s"
            paragraph.show(console, f"  {length}, {how_joined(view.method)}", style="dim", indent=4)
    if len(missing) == 1:
        ((name, reason),) = missing
        paragraph.show(console, f"x no film of {name}: {reason}", style="yellow")
    elif missing:
        names = few([name for name, _ in missing])
        paragraph.show(console, f"x no film of {names}: shots are missing", style="yellow")


def _one_line(name: str) -> str:
    return name.replace("\n", " ")
