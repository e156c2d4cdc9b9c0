"""Progress for logs: one line an event, no colour, and a sign of life while nothing happens."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from runner.api import EventKind
from runner.outgoing import one_line
from runner.report.progress_words import OVER, SAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.api import Event
    from runner.report.headway import Headway

_SILENCE_S: Final = 30.0
_NAMED: Final = 3
_USUAL: Final = frozenset({"submitting", "queued", "running"})


class Plain:
    """Prints what happens, why something waits, and after half a minute of silence what is still under way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, headway: Headway | None = None) -> None:
        self._clock = clock
        self._headway = headway
        self._began = self._spoke = clock()
        self._under_way: dict[str, tuple[str, float]] = {}

    def observe(self, event: Event) -> None:
        where = "/".join(filter(None, (event.sequence, event.shot)))
        if self._headway is not None:
            self._headway.observe(event)
        if event.kind in SAYS:
            message = f": {event.message}" if event.message else ""
            far = self._far if event.kind in OVER else ""
            self._print(where, f"{SAYS[event.kind]}{message}{far}")
            if event.kind in OVER:
                self._under_way.pop(where, None)
        elif event.kind is EventKind.SHOT_PROGRESS:
            self._progress(where, event.message)

    def close(self) -> None:
        pass

    def _progress(self, where: str, state: str) -> None:
        before, since = self._under_way.get(where, ("", self._clock()))
        self._under_way[where] = (state, since)
        if state not in _USUAL and state != before:
            self._print(where, state)
        elif self._clock() - self._spoke >= _SILENCE_S:
            self._print("", f"still under way: {self._listed()}{self._far}")

    @property
    def _far(self) -> str:
        return "" if self._headway is None else f" ({self._headway.line})"

    def _listed(self) -> str:
        now = self._clock()
        eldest = sorted(self._under_way.items(), key=lambda one: one[1][1])
        texts = [f"{where} {state} ({now - since:.0f} s)" for where, (state, since) in eldest[:_NAMED]]
        more = f" and {len(eldest) - _NAMED} more" if len(eldest) > _NAMED else ""
        return ", ".join(texts) + more

    def _print(self, where: str, text: str) -> None:
        self._spoke = self._clock()
        line = " ".join(
            filter(None, (f"[{self._spoke - self._began:7.1f}s]", one_line(where), one_line(text)))
        )
        print(line, file=sys.stderr, flush=True)
