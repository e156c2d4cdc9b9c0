"""What a user sees on a terminal while a run goes on."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

import runner
from runner.api import Event, EventKind
from runner.report.progress_live import Live
from runner.report.progress_plain import Plain
from tests.report.screen import screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.conftest import Workplace

    Terminal = Callable[..., "Shown"]

ROOT = Path(__file__).parents[2]
LONG = "a sequence with quite a long name"
BUSY = "KIE accepts no more requests for now: code 429; again in 2 s"
BAR = re.compile(r" +[━╸╺]+$")  # without colours what is not done of it is blank
HOSTILE = "[red]two\x1b[2J\x07\r\nx\u202e[/] [bold"
"""Clears the screen, rings, goes back to the start of the line, turns the direction of writing; looks like markup."""
SHOWN = r"[red]two\x1b[2J\x07 x\u202e[/] [bold"


class Shown:
    """The live display of a project with two sequences, on a terminal of a certain width."""

    def __init__(self, plan: runner.Plan, width: int, colour: str | None) -> None:
        self.written = io.StringIO()
        self.live = Live(
            plan,
            Console(
                file=self.written,
                width=width,
                force_terminal=True,
                color_system=colour,  # type: ignore[arg-type]  # one of the names that it knows
                highlight=False,
                legacy_windows=False,
                _environ={"TERM": "xterm"},
            ),
        )

    def event(
        self,
        kind: EventKind,
        shot: str,
        message: str = "",
        progress: float | None = None,
        *,
        sequence: str = "main",
        detail: Mapping[str, float] | None = None,
    ) -> None:
        self.live.observe(
            Event(
                kind=kind,
                sequence=sequence,
                shot=shot,
                message=message,
                progress=progress,
                detail=detail or {},
            )
        )

    def progress(
        self, shot: str, message: str, progress: float | None = None, *, sequence: str = "main"
    ) -> None:
        self.event(EventKind.SHOT_PROGRESS, shot, message, progress, sequence=sequence)

    def lines(self) -> list[str]:
        """What stands there now. A line that stays has the rows drawn anew."""
        self.event(EventKind.SHOT_WARNED, "one", "look")
        found = screen(self.written.getvalue())
        assert "! main/one note: look" in found
        return [line for line in found if line != "! main/one note: look"]

    def rows(self) -> list[str]:
        """The lines without bars, and without the last one, which is about the whole run."""
        *found, whole = self.lines()
        assert " of 4 shots" in whole
        assert whole.endswith("elapsed")
        return [BAR.sub("", line) for line in found]


@pytest.fixture
def terminal(workplace: Workplace) -> Iterator[Terminal]:
    shown: list[Shown] = []
    shots = {name: {"prompt": name, "boundary": "cut"} for name in ("one", "two", "three")}
    project = workplace.project({"main": shots, LONG: {"a shot with a name that is long as well": "b"}})
    plan = runner.plan(runner.compose([project]))

    def opened(width: int = 80, colour: str | None = None) -> Shown:
        shown.append(Shown(plan, width, colour))
        return shown[-1]

    yield opened
    for one in shown:
        one.live.close()


def test_each_sequence_and_each_shot_under_way_has_a_row_with_its_state(terminal: Terminal) -> None:
    shown = terminal(80)
    shown.progress("one", "submitting")
    shown.progress("two", "running", 0.5)
    shown.progress("a shot with a name that is long as well", BUSY, sequence=LONG)
    shown.event(EventKind.SHOT_FETCHING, "one")

    assert shown.rows() == [
        "main                            0/3",
        "a sequence with quite a long n… 0/1",
        "  main/one                      fetching",
        "  main/two                      running",
        "  a sequence with quite a long… KIE accepts no more requests f…",
    ]


@pytest.mark.parametrize("colour", [None, "standard", "truecolor"])
@pytest.mark.parametrize("width", [80, 60])
def test_rows_fit_the_terminal_and_show_the_state_of_the_longest_name(
    terminal: Terminal, width: int, colour: str | None
) -> None:
    shown = terminal(width, colour)
    shown.progress("one", "running", 0.5)
    shown.progress("a shot with a name that is long as well", BUSY, sequence=LONG)
    *lines, whole = shown.lines()

    assert cell_len(whole) <= width
    assert max(cell_len(line) for line in lines) <= width
    assert colour is None or {cell_len(line) for line in lines} == {width}
    assert sum("KIE accepts no more" in line for line in lines) == 1
    assert ("\x1b[33m" in shown.written.getvalue()) is (colour is not None)


def test_the_bar_of_a_shot_is_as_long_as_its_progress(terminal: Terminal) -> None:
    shown = terminal(80, "standard")
    shown.progress("one", "running", 0.5)
    shown.lines()
    row = re.findall(r"main/one +\x1b\[2mrunning.*", shown.written.getvalue())[-1]

    done, left = (sum(map(len, re.findall(rf"\x1b\[{code}m([━╸╺]+)", row))) for code in (91, 90))

    assert abs(done - left) <= 1, row


def test_a_shot_that_has_ended_leaves_a_line_and_its_sequence_moves_on(terminal: Terminal) -> None:
    shown = terminal()
    shown.progress("one", "running")
    shown.progress("two", "running")
    shown.event(EventKind.SHOT_FINISHED, "one", detail={"elapsed_s": 12.34})
    shown.event(EventKind.SHOT_FAILED, "two", "the prompt was refused")
    shown.event(EventKind.SHOT_SKIPPED, "three", "the shot before it failed")

    assert shown.rows() == [
        "+ main/one done in 12.3 s",
        "x main/two failed: the prompt was refused",
        "x main/three skipped: the shot before it failed",
        "main                            3/3",
        "a sequence with quite a long n… 0/1",
    ]


def test_a_warning_stays_as_a_line_and_is_no_state_of_the_shot(terminal: Terminal) -> None:
    shown = terminal()
    shown.progress("one", "running")

    rows = shown.rows()

    assert "  main/one                      running" in rows


def test_only_the_sign_and_the_outcome_are_coloured(terminal: Terminal) -> None:
    shown = terminal(80, "standard")
    shown.event(EventKind.SHOT_FAILED, "one", "refused")

    assert "\x1b[31mx \x1b[0mmain/one\x1b[31m failed\x1b[0m: refused\n" in shown.written.getvalue()


def test_when_it_is_closed_only_the_sequences_are_left_and_the_cursor_is_back(terminal: Terminal) -> None:
    shown = terminal()
    shown.progress("one", "running")
    shown.progress("two", "running")

    shown.live.close()

    left = [BAR.sub("", line) for line in screen(shown.written.getvalue())]
    assert left == [
        "main                            0/3",
        "a sequence with quite a long n… 0/1",
        "0 of 4 shots · 0:00 elapsed",
    ]
    assert shown.written.getvalue().rindex("\x1b[?25h") > shown.written.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize("width", [120, 60])
def test_hostile_text_neither_steers_the_terminal_nor_is_markup(terminal: Terminal, width: int) -> None:
    shown = terminal(width, "standard")
    shown.progress(HOSTILE, HOSTILE)
    shown.event(EventKind.SHOT_FAILED, "two", HOSTILE)

    lines = shown.lines()  # fails for any control character

    assert f"x main/two failed: {SHOWN}" in lines
    if width == 120:
        beginning = SHOWN[:18]  # the columns are narrow
        assert any(
            f"  main/{beginning}" in line and f" {beginning}" in line.split("/", 1)[1] for line in lines
        )


def test_hostile_text_is_one_harmless_line_in_a_pipe_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    plain = Plain(lambda: 0.0)
    plain.observe(Event(kind=EventKind.SHOT_PROGRESS, sequence="main", shot=HOSTILE, message="refused"))
    plain.observe(Event(kind=EventKind.SHOT_FAILED, sequence="main", shot="two", message=HOSTILE))

    assert capsys.readouterr().err.splitlines() == [
        f"[    0.0s] main/{SHOWN} refused",
        f"[    0.0s] main/two failed: {SHOWN}",
    ]


def test_after_an_interrupt_its_message_stands_above_the_rows(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a quiet lake"}})
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "400"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "runner", project, "generator.latency_s=600"],
        cwd=workplace.path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    ) as process:
        os.close(follower)
        try:
            shown = interrupted(process, leader)
        finally:
            process.kill()
            os.close(leader)
        assert process.wait() == 130, shown
    above, row, whole = screen(shown.replace("\r\n", "\n"))
    assert above.startswith(
        "runner: stopping: finishing pending submissions so that nothing is paid twice (press"
    )
    assert BAR.sub("", row).split() == ["main", "0/1"]
    assert whole.startswith("0 of 1 shot")
    assert shown.endswith("\x1b[?25h")


def interrupted(process: subprocess.Popen[str], leader: int) -> str:
    """What a run shows that gets one Ctrl-C as soon as its shot is at the generator."""
    deadline, shown, signalled = time.monotonic() + 60, b"", False
    os.set_blocking(leader, False)
    while time.monotonic() < deadline:
        try:
            piece = os.read(leader, 65536)
        except BlockingIOError:
            time.sleep(0.02)
            continue
        except OSError:  # the other side is closed: that is how a terminal ends on Linux
            return shown.decode()
        shown += piece
        if not signalled and b"main/one" in shown and re.search(rb"submitted|running", shown):
            process.send_signal(signal.SIGINT)
            signalled = True
    raise AssertionError(f"the run does not end: {shown!r}")
