"""The verdict on a run: how it stands, the worst first, and the commands that settle it. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runner.outputs.runs import RunState
from runner.report.model.parts import Command, Condition, Level, Note, Verdict
from runner.report.model.seams import kind_of
from runner.report.next_step import command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from runner.report.model.parts import DriftView, FilmView, SeamView, ShotView
    from runner.report.model.spending import Accounts

_INTERRUPTED: Final = frozenset({"stopped", "interrupted"})
_ORDER: Final = tuple(Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a verdict is made of."""

    folder: str
    """The run folder, as it is typed."""
    root: str
    """The outputs root, as it is typed; empty where there is none."""
    overrides: Sequence[str]
    """Those of the run: its command."""
    state: RunState
    exit_code: int | None
    error: str
    """Of the run itself."""
    shots: Sequence[ShotView]
    seams: Sequence[SeamView]
    films: Sequence[FilmView]
    drifts: Sequence[DriftView]
    accounts: Accounts
    of_sweep: bool = False
    """It is a job: the command of its sweep goes on with it, and its own does not."""

    def rerun(self, *overrides: str) -> str:
        """The command of the run, with further overrides."""
        return command(self.overrides, overrides)


def verdict_on(facts: Facts) -> Verdict:
    """The verdict on a run."""
    notes = sorted(_notes(facts), key=lambda note: _ORDER.index(note.level))
    condition = _condition(facts, notes)
    worst = max(facts.seams, key=lambda seam: seam.badness, default=None)
    return Verdict(
        condition=condition,
        headline=_headline(facts, condition, notes),
        notes=tuple(notes),
        next=tuple(_next(facts, condition)),
        worst_seam=worst.after if worst is not None and worst.badness > 0 else "",
        forecast=_forecast(facts.drifts),
    )


def _condition(facts: Facts, notes: Sequence[Note]) -> Condition:
    endings = {shot.ending for shot in facts.shots}
    if facts.state is RunState.RUNNING:
        return Condition.RUNNING
    if endings & {"unknown", "held"}:
        return Condition.WAITING
    if "failed" in endings or facts.error:
        return Condition.FAILED
    if endings & _INTERRUPTED or facts.state is RunState.STOPPED:
        return Condition.STOPPED
    if facts.state is RunState.FAILED:
        return Condition.FAILED
    return Condition.DEGRADED if any(note.level is Level.DEGRADED for note in notes) else Condition.DONE


def _headline(facts: Facts, condition: Condition, notes: Sequence[Note]) -> str:
    total = len(facts.shots)
    done = sum(shot.ending == "done" for shot in facts.shots)
    text = f"{done} of {_counted(total, 'shot')} done"
    for ending in ("failed", "held", "unknown", "skipped", "stopped", "interrupted"):
        count = sum(shot.ending == ending for shot in facts.shots)
        text += f", {count} {ending}" if count else ""
    films = sum(film.clip is not None for film in facts.films)
    if films:
        text += f", {_counted(films, 'film')} joined"
    fallen = sum(bool(shot.fallback) for shot in facts.shots)
    if fallen:
        text += f"; {_counted(fallen, 'shot')} without continuity"
    if condition is Condition.DONE and not any(note.level is not Level.NOTE for note in notes):
        text += ", no warnings"
    return text


# --- notes -------------------------------------------------------------------------------------------------------


def _notes(facts: Facts) -> Iterator[Note]:
    if facts.error:
        yield Note(level=Level.ERROR, text=facts.error)
    yield from _unknown(facts)
    yield from _held(facts)
    yield from _failed(facts)
    yield from _fallen(facts)
    for shot in facts.shots:
        adherence = shot.adherence
        if shot.ending == "done" and adherence is not None and adherence.verdict == "ignored":
            text = "its clip does not start from the frame it was given"
            if shot.judgement == "accepted":
                yield Note(level=Level.NOTE, where=shot.name, text=f"{text}; you accepted it")
            else:
                retake = Command(about="another take", command=facts.rerun(_retake(shot)))
                yield Note(level=Level.DEGRADED, where=shot.name, text=text, commands=(retake,))
    for drift in facts.drifts:
        if drift.is_broken:
            yield Note(level=Level.DEGRADED, where=drift.sequence, text=_drift_text(drift))
        elif drift.breaks_at is not None:
            yield Note(level=Level.WARNING, where=drift.sequence, text=_drift_text(drift))
    for shot in facts.shots:
        for warning in shot.warnings:
            yield Note(level=Level.WARNING, where=shot.name, text=warning)
    yield from _skipped(facts)
    for film in facts.films:
        for text in film.notes:
            yield Note(level=Level.NOTE, where=film.name, text=text)
        if film.clip is not None and not film.clip.is_there:
            yield Note(level=Level.WARNING, where=film.name, text="its film is not in the folder any more")
    gone = [shot.name for shot in facts.shots if shot.clip is not None and not shot.clip.is_there]
    if gone:
        text = f"{_counted(len(gone), 'clip')} of the manifest {_are(gone)} not in the folder any more"
        again = Command(about="put them back from the store", command=facts.rerun())
        yield Note(level=Level.WARNING, text=text, shots=tuple(gone), commands=(again,))


def _unknown(facts: Facts) -> Iterator[Note]:
    at = "" if facts.root in ("", "outputs") else f" output.root={shlex.quote(facts.root)}"
    for shot in facts.shots:
        if shot.ending == "unknown":
            commands = [
                Command(about=about, command=f"python -m runner journal resolve {token} {answer}{at}")
                for token in facts.accounts.open_tokens(shot.key)
                for about, answer in (
                    ("the provider has it, under a task id", "--submitted TASKID"),
                    ("the provider does not have it", "--not-submitted"),
                    ("give it up, and count it as paid", "--abandon"),
                )
            ]
            text = shot.error or "it is unknown whether the provider accepted its request"
            yield Note(level=Level.ERROR, where=shot.name, text=text, commands=tuple(commands))


def _held(facts: Facts) -> Iterator[Note]:
    for shot in facts.shots:
        if shot.ending == "held":
            accept = shlex.join(["python", "-m", "runner", "accept", facts.folder, shot.name])
            yield Note(
                level=Level.ERROR,
                where=shot.name,
                text=shot.error or "its clip waits for your decision",
                commands=(
                    Command(about="accept its clip", command=accept),
                    Command(about="then go on from it", command=facts.rerun()),
                    Command(about="or pay for another take", command=facts.rerun(_retake(shot))),
                ),
            )


def _failed(facts: Facts) -> Iterator[Note]:
    """Failures that many shots have are said once."""
    groups: dict[str, list[ShotView]] = {}
    for shot in facts.shots:
        if shot.ending == "failed":
            groups.setdefault(shot.error or "it failed", []).append(shot)
    for text, failed in groups.items():
        names = tuple(shot.name for shot in failed)
        yield Note(level=Level.ERROR, where=names[0], text=text, shots=names if len(names) > 1 else ())


def _fallen(facts: Facts) -> Iterator[Note]:
    groups: dict[str, list[ShotView]] = {}
    for shot in facts.shots:
        if shot.fallback:
            groups.setdefault(shot.fallback, []).append(shot)
    for reason, fallen in groups.items():
        names = tuple(shot.name for shot in fallen)
        were = "was generated from its prompt" if len(fallen) == 1 else "were generated from their prompts"
        overrides, clips = _retakes(facts.shots, set(names))
        about = f"fix that, then pay for {_counted(clips, 'clip')} that {'is' if clips == 1 else 'are'} continuous"
        yield Note(
            level=Level.DEGRADED,
            where=names[0] if len(names) == 1 else "",
            text=f"{_few(names)} {were} alone: {reason}",
            shots=names,
            commands=(Command(about=about, command=facts.rerun(*overrides)),),
        )


def _skipped(facts: Facts) -> Iterator[Note]:
    groups: dict[str, list[str]] = {}
    for shot in facts.shots:
        if shot.ending in ("skipped", *_INTERRUPTED) and shot.reason:
            groups.setdefault(shot.reason, []).append(shot.name)
    for reason, names in groups.items():
        text = f"{_few(names)} {_were(names)} not generated: {reason}"
        yield Note(level=Level.NOTE, text=text, shots=tuple(names))


def _retakes(shots: Sequence[ShotView], fallen: Collection[str]) -> tuple[list[str], int]:
    """The overrides that request the shots once more, and how many clips that pays for: those after them, too."""
    overrides, clips = [], 0
    before: ShotView | None = None
    is_new = False
    for shot in shots:
        is_chained = (
            before is not None and before.sequence == shot.sequence and kind_of(shot, before) == "chain"
        )
        goes_on = is_new and (is_chained or bool(shot.fallback))
        if shot.name in fallen and not goes_on:
            overrides.append(_retake(shot))
        is_new = goes_on or shot.name in fallen
        clips += is_new
        before = shot
    return overrides, clips


def _retake(shot: ShotView) -> str:
    return f"sequences.{shot.sequence}.shots.{shot.shot}.take={shot.take + 1}"


# --- what next, drift --------------------------------------------------------------------------------------------


def _next(facts: Facts, condition: Condition) -> Iterator[Command]:
    if facts.of_sweep:
        return  # its sweep says what to do

    def verb(name: str) -> str:
        return shlex.join(["python", "-m", "runner", name, facts.folder])

    if condition in (Condition.FAILED, Condition.STOPPED):
        failed = [shot for shot in facts.shots if shot.ending == "failed"]
        paid = sum(bool(shot.cost_usd) for shot in failed)
        about = "run it again: finished shots are kept"
        if facts.exit_code == 4:
            about = "raise budget.max_cost or budget.max_shots, then run it again: finished shots are kept"
        elif paid:
            about += f", {_counted(paid, 'failed shot')} will be charged again"
        yield Command(about=about, command=facts.rerun())
    elif condition is Condition.RUNNING:
        yield Command(
            about="make this page again",
            command=verb("report"),
        )
    elif condition in (Condition.DONE, Condition.DEGRADED):
        yield Command(about="check every file by its digest", command=verb("verify"))
    yield Command(
        about="compose and compare it again",
        command=shlex.join(["python", "-m", "runner", "reproduce", facts.folder]),
    )


def _forecast(drifts: Sequence[DriftView]) -> str:
    """The chain whose drift is the worst, in one sentence."""
    found = [drift for drift in drifts if drift.distances]
    if not found:
        return ""
    worst = max(found, key=lambda one: (one.is_broken, one.breaks_at is not None, one.distances[-1]))
    return _drift_text(worst)


def _drift_text(drift: DriftView) -> str:
    text = f"{drift.shots[-1]} is {drift.distances[-1]:.1f} (CIEDE2000) from {drift.anchor}"
    if drift.per_shot is not None and drift.low is not None and drift.high is not None:
        text += f", {drift.per_shot:+.2f} a shot ({drift.low:+.2f} to {drift.high:+.2f})"
    limit = f"continuity.max_drift={drift.limit:g}" if drift.limit is not None else "continuity.max_drift"
    if drift.is_broken and drift.breaks_at is not None:
        text += f"; {limit} is broken from {drift.shots[drift.breaks_at - 1]} on"
    elif drift.breaks_at is not None:
        text += f"; {limit} is going to break at shot {drift.breaks_at} of the chain"
    return text


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _were(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"
