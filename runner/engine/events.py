"""Telling observers what happens, none of which can disturb the run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.api import Event, EventKind
from runner.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.api import JSON
    from runner.planning.plan import PlannedShot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bus:
    """Hands each event of one run to every observer, in order. `observers` are functions under a name."""

    run: str
    observers: tuple[tuple[str, Callable[[Event], object]], ...] = ()

    def run_event(self, kind: EventKind, message: str = "", **detail: JSON) -> None:
        """Something about the whole run."""
        self._send(Event(kind=kind, run=self.run, message=message, detail=detail))

    def sequence_event(self, kind: EventKind, sequence: str, message: str = "", **detail: JSON) -> None:
        """Something about a sequence."""
        self._send(Event(kind=kind, run=self.run, sequence=sequence, message=message, detail=detail))

    def shot_event(
        self,
        kind: EventKind,
        planned: PlannedShot,
        message: str = "",
        progress: float | None = None,
        detail: Mapping[str, JSON] | None = None,
    ) -> None:
        """Something about a shot."""
        self._send(
            Event(
                kind=kind,
                run=self.run,
                sequence=planned.sequence,
                shot=planned.shot.name,
                message=message,
                progress=progress,
                detail=detail or {},
            )
        )

    def _send(self, event: Event) -> None:
        # A message may quote what a provider sent back.
        event = replace(event, message=scrubbed(event.message))
        for name, observer in self.observers:
            try:
                observer(event)
            except Exception:
                _log.exception("%s failed to observe %s", name, event.kind)
