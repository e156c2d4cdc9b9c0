"""What is said to be worth doing after a run, for every way in which it can end."""

from __future__ import annotations

import pytest

from runner.errors import (
    BadClip,
    BudgetStop,
    Busy,
    ConfigError,
    FetchFailed,
    NotConfirmed,
    OutcomeUnknown,
    RunnerError,
    ShotError,
    SubmitRefused,
    TaskFailed,
    TaskTimeout,
    TaskUnknown,
    UploadError,
    UploadRefused,
)
from runner.report.next_step import next_step

KEPT = "; finished shots are kept"


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([], ""),
        ([FetchFailed("a")], f"run it again{KEPT}"),
        (
            [BadClip("a"), TaskTimeout("a"), Busy("a"), UploadError("a")],
            f"run it again{KEPT}",
        ),
        ([TaskFailed("a", transient=True, charged=False)], f"run it again{KEPT}"),
        ([TaskFailed("a", charged=False)], f"do what the failures say, then run it again{KEPT}"),
        ([SubmitRefused("a"), FetchFailed("b")], f"do what the failures say, then run it again{KEPT}"),
        ([TaskUnknown("a")], f"do what the failures say, then run it again{KEPT}"),
        ([UploadRefused("a")], f"do what the failures say, then run it again{KEPT}"),
        ([ShotError("lost")], f"do what the failures say, then run it again{KEPT}"),
        ([NotConfirmed("too dear")], f"do what the failures say, then run it again{KEPT}"),
        ([ConfigError("a job of a sweep")], f"do what the failures say, then run it again{KEPT}"),
        (
            [TaskFailed("a", transient=True), FetchFailed("b")],
            f"run it again, which pays once more for the shot that failed at a cost{KEPT}",
        ),
        (
            [TaskFailed("a"), TaskFailed("b"), SubmitRefused("c")],
            "do what the failures say, then run it again, which pays once more for the 2 shots that failed at a "
            f"cost{KEPT}",
        ),
        ([OutcomeUnknown("a")], f"settle what is not known, then run it again{KEPT}"),
        (
            [OutcomeUnknown("a"), SubmitRefused("b")],
            f"settle what is not known and do what the failures say, then run it again{KEPT}",
        ),
        ([BudgetStop("a")], f"run it again with budget.max_cost=3 for all that is left{KEPT}"),
    ],
)
def test_the_last_line_is_true_whatever_went_wrong(errors: list[RunnerError], said: str) -> None:
    assert next_step(errors, goes_on=("budget.max_cost=3",)) == said


def test_an_interrupted_run_goes_on() -> None:
    assert next_step([SubmitRefused("a")], interrupted=True) == "run it again, finished shots are kept"
