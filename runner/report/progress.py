"""Progress for a person: live bars on a terminal, plain lines elsewhere. Goes to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

from runner.api import EventKind

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from runner.api import Event
    from runner.plan import Plan

_SAYS: Final[dict[EventKind, str]] = {
    EventKind.SHOT_UPLOADING: "uploading its first frame",
    EventKind.SHOT_SUBMITTED: "submitted",
    EventKind.SHOT_FETCHING: "fetching",
    EventKind.SHOT_FINISHED: "done",
    EventKind.SHOT_REUSED: "already there",
    EventKind.SHOT_FELL_BACK: "no continuity",
    EventKind.SHOT_WARNED: "note",
    EventKind.SHOT_FAILED: "failed",
    EventKind.SHOT_SKIPPED: "skipped",
    EventKind.FILM_FINISHED: "film joined",
    EventKind.FILM_FAILED: "film failed",
}
_LASTING: Final = frozenset(
    {
        EventKind.SHOT_FINISHED,
        EventKind.SHOT_REUSED,
        EventKind.SHOT_FELL_BACK,
        EventKind.SHOT_WARNED,
        EventKind.SHOT_FAILED,
        EventKind.SHOT_SKIPPED,
        EventKind.FILM_FINISHED,
        EventKind.FILM_FAILED,
    }
)
_OVER: Final = frozenset(
    {EventKind.SHOT_FINISHED, EventKind.SHOT_REUSED, EventKind.SHOT_FAILED, EventKind.SHOT_SKIPPED}
)
_BAD: Final = frozenset({EventKind.SHOT_FAILED, EventKind.FILM_FAILED, EventKind.SHOT_SKIPPED})
_DOUBTFUL: Final = frozenset({EventKind.SHOT_FELL_BACK, EventKind.SHOT_WARNED})


class Show(Protocol):
    """Something that shows events until it is closed."""

    def observe(self, event: Event) -> None: ...

    def close(self) -> None: ...


def show(plan: Plan, *, quiet: bool) -> Show:
    """The display that fits where standard error goes."""
    if quiet:
        return _Silent()
    return _Live(plan) if sys.stderr.isatty() else _Lines()


class _Silent:
    def observe(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass


class _Lines:
    """One line an event, for logs: no progress in percent, no colour."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def observe(self, event: Event) -> None:
        if event.kind not in _SAYS:
            return
        where = "/".join(filter(None, (event.sequence, event.shot)))
        message = f": {event.message}" if event.message else ""
        print(
            f"[{time.monotonic() - self._began:7.1f}s] {where} {_SAYS[event.kind]}{message}",
            file=sys.stderr,
            flush=True,
        )

    def close(self) -> None:
        pass


class _Live:
    """A bar for each sequence and one for each shot under way."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._progress: Progress = Progress(
            TextColumn("{task.description}", table_column=Column(ratio=2, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False),
            expand=True,
        )
        self._sequences: dict[str, TaskID] = {}
        self._shots: dict[tuple[str, str], TaskID] = {}
        self._total = {sequence.name: len(sequence.shots) for sequence in plan.sequences}
        self._done = dict.fromkeys(self._total, 0)
        for sequence in plan.sequences:
            self._sequences[sequence.name] = self._progress.add_task(
                _plain(sequence.name), total=len(sequence.shots), count=f"0/{len(sequence.shots)}"
            )
        self._progress.start()

    def observe(self, event: Event) -> None:
        if event.shot:
            self._shot(event)
        if event.kind in _LASTING:
            self._line(event)

    def close(self) -> None:
        for task in self._shots.values():
            self._progress.remove_task(task)
        self._progress.stop()

    def _shot(self, event: Event) -> None:
        key = (event.sequence, event.shot)
        if event.kind in _OVER:
            if key in self._shots:
                self._progress.remove_task(self._shots.pop(key))
            self._done[event.sequence] += 1
            done, total = self._done[event.sequence], self._total[event.sequence]
            self._progress.update(self._sequences[event.sequence], completed=done, count=f"{done}/{total}")
            return
        if key not in self._shots:
            self._shots[key] = self._progress.add_task("", total=1.0, count="")
        state = _SAYS.get(event.kind) or event.message
        self._progress.update(
            self._shots[key],
            description=f"  {_plain(event.sequence)}/{_plain(event.shot)} [dim]{_plain(state)}[/dim]",
            completed=event.progress if event.progress is not None else 0.0,
        )

    def _line(self, event: Event) -> None:
        from rich.text import Text

        sign, style = (
            ("x", "red")
            if event.kind in _BAD
            else ("!", "yellow")
            if event.kind in _DOUBTFUL
            else ("+", "green")
        )
        text = Text(f"{sign} ", style=style)
        text.append("/".join(filter(None, (event.sequence, event.shot))))
        text.append(f" {_SAYS[event.kind]}", style=style)
        elapsed = event.detail.get("elapsed_s")
        if elapsed is not None:
            text.append(f" in {elapsed:.1f} s", style="dim")
        if event.message:
            text.append(f": {event.message}")
        self._progress.console.print(text)


def _plain(text: str) -> str:
    """A name as rich shows it letter for letter: prompts and names are not markup."""
    from rich.markup import escape

    return escape(text.replace("\n", " "))
