"""What observers are notified of."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.api.values import JSON


class EventKind(enum.StrEnum):
    """What happened."""

    RUN_STARTED = "run_started"
    RUN_WARNED = "run_warned"
    RUN_FINISHED = "run_finished"
    SHOT_REUSED = "shot_reused"
    SHOT_UPLOADING = "shot_uploading"
    SHOT_SUBMITTED = "shot_submitted"
    SHOT_PROGRESS = "shot_progress"
    SHOT_FETCHING = "shot_fetching"
    SHOT_FINISHED = "shot_finished"
    TAKE_FINISHED = "take_finished"
    """Of a beam: one of several takes of a shot is there; `detail` has `take` and `score`."""
    SHOT_FELL_BACK = "shot_fell_back"
    SHOT_WARNED = "shot_warned"
    SHOT_FAILED = "shot_failed"
    SHOT_SKIPPED = "shot_skipped"
    CHAIN_MEASURED = "chain_measured"
    """After each clip of a chain but the first: `detail` says how its look drifts."""
    FILM_FINISHED = "film_finished"
    FILM_FAILED = "film_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    kind: EventKind
    run: str = ""
    """The key of the run that it belongs to, 64 hex digits: runs of a session tell their events apart by it."""
    sequence: str = ""
    """Empty where it concerns all of them."""
    shot: str = ""
    """Empty where it concerns all of them."""
    message: str = ""
    progress: float | None = None
    """0 to 1."""
    detail: Mapping[str, JSON] = field(default_factory=dict)
