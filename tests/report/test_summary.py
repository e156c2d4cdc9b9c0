"""What a person sees: the table at the end, and progress on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.report.summary import how_joined

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[2]


def test_the_summary_fits_eighty_columns(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "a sequence with quite a long name"
    answer = workplace.run(
        workplace.project({name: {"a shot with a name that is long as well": "a", "another": "b"}})
    )
    assert answer.code == 0, answer.err
    # A path is not broken: it is there to be copied.
    assert max(len(line) for line in answer.out.splitlines() if "outputs/" not in line) <= 80


def test_names_are_shown_as_they_are_and_not_as_markup(workplace: Workplace) -> None:
    answer = workplace.run(
        workplace.project({"[red]": {"[/]": "a", "[bold]x": {"prompt": "b", "params": {"fail": "submit"}}}})
    )
    assert answer.code == 1
    assert "[red]/[/]" in answer.out
    assert "[red]/[bold]x" in answer.err


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_on_a_terminal_survives_any_name_and_is_silent_when_asked(
    workplace: Workplace, quiet: bool
) -> None:
    project = workplace.project({"[red]": {"[/]": "a", "[bold]x": "b"}})
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "runner", project, *(["--quiet"] if quiet else [])]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "60"}
    with subprocess.Popen(
        words, cwd=workplace.path, env=environment, stdout=subprocess.PIPE, stderr=follower
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # the other side is closed: that is how a terminal ends on Linux
                break
            if not piece:
                break
            shown += piece
        assert process.wait() == 0
    os.close(leader)
    assert b"Traceback" not in shown
    assert (b"[red]/[/]" in shown) is not quiet


def test_a_failure_that_many_shots_have_is_told_once(workplace: Workplace) -> None:
    shots = {
        f"s{number}": {"prompt": "x", "boundary": "cut", "params": {"fail": "submit"}} for number in range(9)
    }
    answer = workplace.run(workplace.project({"main": shots}))

    assert answer.code == 1
    assert answer.out.count("x main/s") == 1
    assert "the same: main/s1, main/s2, main/s3, main/s4, main/s5 and 3 more" in " ".join(answer.out.split())


def test_what_the_columns_and_methods_mean_is_said_in_words(workplace: Workplace) -> None:
    one = {"prompt": "b", "params": {"reframe": 1.3}, "duration_s": 2}
    answer = workplace.run(
        workplace.project({"main": {"one": "a", "two": "b", "three": one}}, shot={"resolution": "180p"}), "-q"
    )

    assert answer.code == 0, answer.err
    text = " ".join(answer.out.split())
    assert (
        "more dB is closer; locked: the same picture; reframed: the same picture at another scale or place"
        in text
    )
    assert "ignored: " not in text, "only what is in the table is explained"
    assert ", clips copied as they are" in text


def test_where_nothing_was_handed_over_there_is_no_legend(workplace: Workplace) -> None:
    assert "more dB is closer" not in workplace.run(workplace.project({"main": {"one": "a"}}), "-q").out


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("copy", "clips copied as they are"),
        ("copy, 3 frames re-encoded", "clips copied as they are, 3 frames re-encoded at the seams"),
        ("re-encoded", "clips re-encoded to fit each other"),
    ],
)
def test_how_a_film_was_joined_is_said_in_words(method: str, words: str) -> None:
    assert how_joined(method) == words
