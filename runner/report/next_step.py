"""What running the same command again is good for, after all that went wrong. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from runner.errors import BudgetStop, OutcomeUnknown, Rerun
from runner.redaction import hidden_override, scrubbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.errors import RunnerError

_LONGEST: Final = 600


def next_step(
    errors: Sequence[RunnerError], *, interrupted: bool = False, goes_on: Sequence[str] = ()
) -> str:
    """One sentence that a command can follow; nothing where nothing is left to do.

    `goes_on` are the overrides with which the budget is large enough for all that is left.
    """
    if interrupted:
        return "run it again, finished shots are kept"
    if not errors:
        return ""
    settled = [error for error in errors if not isinstance(error, BudgetStop | OutcomeUnknown)]
    first = []
    if any(isinstance(error, OutcomeUnknown) for error in errors):
        first.append("settle what is not known")
    if any(error.rerun is Rerun.AFTER_CHANGE for error in settled):
        first.append("do what the failures say")
    again = "run it again"
    if goes_on and any(isinstance(error, BudgetStop) for error in errors):
        again += f" with {' '.join(goes_on)} for all that is left"
    paid = sum(error.rerun is Rerun.PAYS_AGAIN for error in settled)
    if paid:
        shots = "the shot" if paid == 1 else f"the {paid} shots"
        again += f", which pays once more for {shots} that failed at a cost"
    text = f"{' and '.join(first)}, then {again}" if first else again
    return f"{text}; finished shots are kept"


def command(words: Sequence[str], overrides: Sequence[str] = ()) -> str:
    """The command to run again, secrets hidden, with overrides in place of those of the same keys."""
    keys = {override.partition("=")[0] for override in overrides}
    kept = [word for word in words if word.partition("=")[0].lstrip("+") not in keys]
    found = scrubbed(shlex.join(["python", "-m", "runner", *map(hidden_override, [*kept, *overrides])]))
    return found if len(found) < _LONGEST else "the same command"
