# ruff: noqa: E501 - texts of all kinds
"""What is printed or logged makes no terminal do anything, and holds no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.table import Table
from rich.text import Text

from runner.printable import log_line, outlets, printable
from runner.redaction import remember
from runner.report.console import Console

if TYPE_CHECKING:
    from tests.conftest import Workplace

ROOT = Path(__file__).parents[1]
HOSTILE = "a\x1b[2Jb\x9b31mc\u202egnp.exe\u2066\x07\x08\rd\u2028e\x7f\x00"
SHOWN = r"a\u001b[2Jb\u009b31mc\u202egnp.exe\u2066\u0007\u0008\u000dd\u2028e\u007f\u0000"
PEOPLE = "Zürich 東京 Ελλάδα \N{FAMILY} \U0001f469\u200d\U0001f467 e\u0301 नमस्ते שלום\tx\ny"


def test_what_controls_a_terminal_is_written_out() -> None:
    assert printable(HOSTILE) == SHOWN


def test_what_people_write_stays() -> None:
    assert printable(PEOPLE) == PEOPLE


def test_lone_surrogates_are_written_out() -> None:
    assert printable("a\ud800b") == r"a\ud800b"


def test_a_log_line_is_one_line() -> None:
    assert log_line("first\n2026-11-26 INFO  faked\x1b[1A\n") == r"first\n2026-11-26 INFO  faked\u001b[1A"


def test_standard_output_prints_no_control_character_and_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    remember("canary-in-print")
    with outlets():
        print(HOSTILE, "canary-in-print")
        print(HOSTILE, file=sys.stderr)
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": HOSTILE}))
    print("\x1b[1m")

    out, err = capsys.readouterr()
    assert out == f"{SHOWN} (hidden)\n\x1b[1m\n"
    assert err == f"{SHOWN}\n{SHOWN}\n"


def test_a_console_keeps_its_own_colours_and_no_one_elses() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.delenv("NO_COLOR", raising=False)
        console = Console(file=out)
        table = Table("name")
        table.add_row(Text(HOSTILE, style="red"))
        console.print(HOSTILE)
        console.print(table)

    assert "\x1b[31m" in out.getvalue()
    without_colours = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert printable(without_colours) == without_colours
    assert "\\u202e" in without_colours


def test_every_console_is_ours() -> None:
    wrong = [
        str(file.relative_to(ROOT))
        for folder in ("runner", "plugins")
        for file in (ROOT / folder).rglob("*.py")
        if "rich.console import" in (text := file.read_text(encoding="utf-8"))
        and re.search(r"rich\.console import .*\bConsole\b(?! as)", text)
        and file.name != "console.py"
    ]

    assert not wrong


def hostile_project(workplace: Workplace) -> str:
    return workplace.project(
        {"s\u202eq": {"one": "p\x1b]0;owned\x07 \u2066", "\x9bshot": "b"}},
        shot={"style": "x"},
        generator={"plugin": "synthetic\x1b[5m"},
    )


@pytest.mark.parametrize(
    "words",
    [
        ("plan",), ("plan", "--json"), (), ("--cfg", "job"), ("--cfg", "job", "--resolve"), ("--help",), ("plan", "+project=\x1b[1m"),
        ("plan", "shot.\x1b[1m=1"), ("why", "\x1b[1m", "x"), ("verify", "\x1b[1m"), ("plugins", "\x1b[1m"), ("\x1b[1m",), ("list",),
    ],
)  # fmt: skip
def test_no_verb_prints_what_a_project_says_as_it_is(workplace: Workplace, words: tuple[str, ...]) -> None:
    project = hostile_project(workplace)
    workplace.write(
        "conf/project/other.yaml", "# \x1b[2J\u202e\n# @package _global_\n".replace("\x1b", "\\x1b")
    )
    workplace.write(
        "conf/project/third.yaml", "# about \u202ethis\n# @package _global_\nproject: {name: x}\n"
    )
    workplace.path.joinpath("outputs", "film", "a\x1b[1mb").mkdir(parents=True)

    verb = words if len(words) > 1 and not words[0].startswith("-") else (*words, project)
    answer = workplace.run(*(words if words in (("--help",), ("list",)) else verb))

    for text in (answer.out, answer.err):
        assert printable(text) == text
    assert answer.out + answer.err


def test_json_stays_json(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a \u202eb\x7f\x85c"}})

    answer = workplace.run("plan", project, "--json")

    assert printable(answer.out) == answer.out
    assert json.loads(answer.out)["sequences"]["main"][0]["prompt"] == "a \u202eb\x7f\x85c"


def test_a_terminal_sees_only_our_own_sequences(workplace: Workplace) -> None:
    """A run on a real terminal, with live progress."""
    project = workplace.project({"s\u202eq": {"one\x9b31m": "a lake \x1b]0;owned\x07"}})
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "runner", project], stdin=writer, stdout=writer, stderr=writer, cwd=workplace.path,
        env={**os.environ, "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(writer)
        seen = b""
        while True:
            try:
                piece = os.read(reader, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        process.wait(timeout=120)
    os.close(reader)

    text = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", seen.decode("utf-8")).replace("\r", "")
    assert printable(text) == text
    assert "owned" not in seen.decode() or "\x1b]0;" not in seen.decode()


def test_a_traceback_is_printable_too(workplace: Workplace) -> None:
    workplace.write("plugins/bad.py", "raise RuntimeError('\\x1b[2Jboom\\u202e')\n")
    found = subprocess.run(
        [sys.executable, "-m", "runner", "plan", workplace.project({"main": {"one": "a"}}), "--debug"],
        cwd=workplace.path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert found.returncode == 1
    assert "Traceback" in found.stderr
    assert "\\u001b[2Jboom\\u202e" in found.stderr
    assert printable(found.stderr) == found.stderr
