"""What the displays say of an event, and which events end a shot."""

from __future__ import annotations

from typing import Final

from runner.api import EventKind

SAYS: Final[dict[EventKind, str]] = {
    EventKind.RUN_WARNED: "note",
    EventKind.SHOT_UPLOADING: "uploading its first frame",
    EventKind.SHOT_SUBMITTED: "submitted",
    EventKind.SHOT_FETCHING: "fetching",
    EventKind.SHOT_FINISHED: "done",
    EventKind.TAKE_FINISHED: "one of several",
    EventKind.SHOT_REUSED: "already there",
    EventKind.SHOT_FELL_BACK: "no continuity",
    EventKind.SHOT_WARNED: "note",
    EventKind.SHOT_FAILED: "failed",
    EventKind.SHOT_SKIPPED: "skipped",
    EventKind.FILM_FINISHED: "film joined",
    EventKind.FILM_FAILED: "film failed",
}
"""Events with words of their own; of the others the message is what there is to say."""

OVER: Final = frozenset(
    {EventKind.SHOT_FINISHED, EventKind.SHOT_REUSED, EventKind.SHOT_FAILED, EventKind.SHOT_SKIPPED}
)
"""Events after which nothing more comes from a shot."""
