"""Progress on a terminal: bars that move, and lines that stay."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from runner.api import EventKind
from runner.outgoing import filtered_streams, one_line
from runner.report.headway import Headway
from runner.report.progress_words import OVER, SAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from runner.api import Event
    from runner.planning.plan import Plan
    from runner.report.console import Console

_LASTING: Final = frozenset(
    {
        EventKind.RUN_WARNED,
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
_BAD: Final = frozenset({EventKind.SHOT_FAILED, EventKind.FILM_FAILED, EventKind.SHOT_SKIPPED})
_DOUBTFUL: Final = frozenset({EventKind.RUN_WARNED, EventKind.SHOT_FELL_BACK, EventKind.SHOT_WARNED})


class Live:
    """A bar for each sequence and one for each shot under way, and a line about the whole run.

    On `console`; by default on standard error.
    """

    def __init__(self, plan: Plan, console: Console | None = None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column
        from rich.text import Text

        from runner.report.console import Console

        def cut_off() -> Column:
            return Column(ratio=2, no_wrap=True, overflow="ellipsis")

        self._headway = headway = Headway(plan)

        class Rows(Progress):
            """The bars, and below them how far the whole run is."""

            def get_renderables(self) -> Iterable[RenderableType]:
                yield self.make_tasks_table(self.tasks)
                yield Text(headway.line_with_clock, style="bold", no_wrap=True, overflow="ellipsis")

        self._progress: Progress = Rows(
            TextColumn("{task.description}", markup=False, table_column=cut_off()),
            TextColumn("{task.fields[state]}", style="dim", markup=False, table_column=cut_off()),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            console=console or Console(stderr=True),
            expand=True,
        )
        self._sequences: dict[str, TaskID] = {}
        self._shots: dict[tuple[str, str], TaskID] = {}
        self._total = {sequence.name: len(sequence.shots) for sequence in plan.sequences}
        self._done = dict.fromkeys(self._total, 0)
        for sequence in plan.sequences:
            self._sequences[sequence.name] = self._progress.add_task(
                one_line(sequence.name), total=len(sequence.shots), state=f"0/{len(sequence.shots)}"
            )
        self._progress.start()
        # rich prints what others print above the bars, with the colours that stand in it.
        self._streams = contextlib.ExitStack()
        self._streams.enter_context(filtered_streams())

    def observe(self, event: Event) -> None:
        self._headway.observe(event)
        if event.shot:
            self._shot(event)
        if event.kind in _LASTING:
            self._line(event)

    def close(self) -> None:
        while self._shots:
            self._progress.remove_task(self._shots.popitem()[1])
        self._streams.close()
        self._progress.stop()

    def _shot(self, event: Event) -> None:
        key = (event.sequence, event.shot)
        if event.kind in OVER:
            if key in self._shots:
                self._progress.remove_task(self._shots.pop(key))
            self._done[event.sequence] += 1
            done, total = self._done[event.sequence], self._total[event.sequence]
            self._progress.update(self._sequences[event.sequence], completed=done, state=f"{done}/{total}")
            return
        if event.kind in _DOUBTFUL:
            return  # a line that stays; the shot goes on as before
        state = one_line(SAYS.get(event.kind) or event.message)
        if key not in self._shots:
            name = f"  {one_line(event.sequence)}/{one_line(event.shot)}"
            self._shots[key] = self._progress.add_task(name, total=1.0, state=state)
        self._progress.update(self._shots[key], state=state, completed=event.progress or 0.0)

    def _line(self, event: Event) -> None:
        from rich.text import Text

        sign, style = (
            ("x", "red")
            if event.kind in _BAD
            else ("!", "yellow")
            if event.kind in _DOUBTFUL
            else ("+", "green")
        )
        text = Text().append(f"{sign} ", style=style)
        text.append(one_line("/".join(filter(None, (event.sequence, event.shot)))))
        text.append(f" {SAYS[event.kind]}", style=style)
        elapsed = event.detail.get("elapsed_s")
        if elapsed is not None:
            text.append(f" in {elapsed:.1f} s", style="dim")
        if event.message:
            text.append(f": {one_line(event.message)}")
        self._progress.console.print(text)
        self._progress.refresh()  # the count of the sequence moves with the line, not a tenth of a second later
