"""What a log of a run says while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.api import Event, EventKind
from runner.report.progress_plain import Plain

if TYPE_CHECKING:
    import pytest


class Log:
    """A display under a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.plain = Plain(lambda: self.now)

    def tell(self, kind: EventKind, shot: str, message: str = "", *, after_s: float = 0.0) -> None:
        self.now += after_s
        self.plain.observe(Event(kind=kind, sequence="main", shot=shot, message=message))

    def progress(self, shot: str, message: str, *, after_s: float = 0.0) -> None:
        self.tell(EventKind.SHOT_PROGRESS, shot, message, after_s=after_s)


def test_a_wait_is_told_once_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.progress("one", "submitting")
    for _ in range(3):
        log.progress("one", "KIE takes no more for now: code 429; again in 2 s", after_s=1)
    log.progress("one", "running")
    log.tell(EventKind.SHOT_FINISHED, "one")

    assert capsys.readouterr().err.splitlines() == [
        "[    1.0s] main/one KIE takes no more for now: code 429; again in 2 s",
        "[    3.0s] main/one done",
    ]


def test_silence_is_broken_by_what_is_still_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    for shot in ("one", "two", "three", "four"):
        log.progress(shot, "queued", after_s=1)
    log.progress("one", "running", after_s=15)
    log.progress("one", "running", after_s=15)
    log.progress("two", "running", after_s=15)
    log.tell(EventKind.SHOT_FINISHED, "one")
    log.progress("two", "running", after_s=31)

    assert capsys.readouterr().err.splitlines() == [
        "[   34.0s] still under way: main/one running (33 s), main/two queued (32 s), main/three queued (31 s) "
        "and 1 more",
        "[   49.0s] main/one done",
        "[   80.0s] still under way: main/two running (78 s), main/three queued (77 s), main/four queued (76 s)",
    ]


def test_what_concerns_the_whole_run_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Plain(lambda: 0.0).observe(Event(kind=EventKind.RUN_WARNED, message="plugin mine blocks the event loop"))

    assert "note: plugin mine blocks the event loop" in capsys.readouterr().err
