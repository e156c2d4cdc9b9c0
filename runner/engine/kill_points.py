"""Named places at which a run can be made to die, to prove that it survives.

`RUNNER_FAULT=after_task_id` kills the process where that place is first reached, `RUNNER_FAULT=after_task_id:3` at
the third time. SIGKILL, so that nothing is tidied up.
"""

from __future__ import annotations

import os
import signal
from typing import Final

POINTS: Final = (
    "before_intent",
    "after_intent",
    "after_submit",
    "after_task_id",
    "after_ready",
    "during_fetch",
    "after_fetch",
    "after_store",
    "after_fetched",
    "after_judged",
    "after_shown",
    "before_manifest",
    "after_manifest",
)
UNKNOWN_WINDOW: Final = ("after_intent", "after_submit")
"""Dying here leaves an intent without a task id: nobody can know whether the provider took it."""

_passed: dict[str, int] = {}


def reach(point: str) -> None:
    """Die here if that is what was asked for."""
    armed, _, times = os.environ.get("RUNNER_FAULT", "").partition(":")
    if armed != point:
        return
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] >= int(times or 1):
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
