"""What leaves the process is printable: nothing that strangers wrote steers a terminal, or looks like another line."""

from __future__ import annotations

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

from runner.outgoing import LogFormatter, OutgoingStream, one_line, printable
from tests.hostile_plugin import plugin

if TYPE_CHECKING:
    from tests.conftest import Answer, Workplace

ROOT = Path(__file__).parents[1]
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\u2066\u200f\u061c\u2028\x7f\b"
"""A title, a cleared screen, a colour by C1, and what turns the direction of writing round."""
LINES = f"{EVIL}\r\n2026-01-01 00:00:00,000 INFO    runner.run  all is fine"
ORDINARY = (
    "Zürich, naïve façade",
    "日本語の説明、ガ",
    "हिन्दी में क्षत्रिय",
    "שלום עולם, مرحبا",
    "e\u0301 is e with an accent",
    "👨\u200d👩\u200d👧 👍🏽 ❤\ufe0f 🏴\U000e0067\U000e0062\U000e007f",
    "a\u00a0b – “quoted” … €",
)
HARMLESS = re.compile(
    "[^\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*", re.DOTALL
)
PROJECT = """\
# @package _global_
# \u202e turns the header round
project: {{name: film, description: "{json}"}}
shot: {{duration_s: 0.5, resolution: 96p, fps: 8}}
sequences: {{main: {{shots: {{"one \\u202E": {{prompt: "{json}"}}}}}}}}
"""


def check(text: str) -> None:
    """Fail where there is a character that steers a terminal."""
    found = HARMLESS.match(text)
    assert found is not None
    at = found.end()
    assert at == len(text), f"{text[at]!r} in {text[max(0, at - 60) : at + 60]!r}"


def check_files(folder: Path) -> None:
    """Fail for any text that a run wrote with such a character in it, and for a line of a log that is none."""
    written = [
        file for file in folder.rglob("*") if file.suffix in (".json", ".jsonl", ".yaml", ".log", ".csv")
    ]
    assert {file.name for file in written} >= {"run.json", "events.jsonl", "runner.log", "overrides.yaml"}
    for file in written:
        text = file.read_bytes().decode("utf-8")
        check(text)
        if file.suffix == ".jsonl":
            assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
        elif file.suffix == ".json":
            json.loads(text)
        elif file.suffix == ".log":
            assert all(re.match(r"\d{4}-\d\d-\d\d .*runner|    ", line) for line in text.splitlines())
            assert not re.search(r"(?m)^2026-01-01 00:00:00,000", text), "a line that was made up"


@pytest.fixture
def film(workplace: Workplace) -> str:
    """A project of a stranger."""
    in_json = json.dumps(EVIL)[1:-1]
    workplace.write("conf/project/film.yaml", PROJECT.format(json=in_json))
    # YAML takes no such character, and is asked only for a file that is chosen.
    workplace.write("conf/project/header.yaml", f"# {EVIL} owns the header\nproject: {{name: x}}\n")
    return "+project=film"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert one_line(text) == text


def test_what_steers_a_terminal_is_shown() -> None:
    assert printable(EVIL) == (r"\x1b]0;owned\x07\x1b[2J\u009b31m\u202egnp\u2066\u200f\u061c\u2028\u007f\x08")
    assert printable("two\nlines\tand \ud800") == "two\nlines\tand \\ud800"
    assert one_line(f"a\r\nb\tc{EVIL[0]}\n") == r"a b c\x1b"


def test_json_stays_json_and_means_the_same() -> None:
    shown = printable(json.dumps({"text": LINES}, ensure_ascii=False))

    assert json.loads(shown) == {"text": LINES}


def test_a_record_of_a_log_is_one_line_and_no_line_of_a_traceback_looks_like_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    formatter = LogFormatter("%(levelname)s %(message)s")
    try:
        raise RuntimeError(LINES)
    except RuntimeError:
        record = logging.LogRecord("x", logging.INFO, "x.py", 1, "%s", (LINES,), sys.exc_info())

    first, *rest = formatter.format(record).split("\n")

    assert first.startswith(r"INFO \x1b]0;owned\x07")
    assert first.endswith("all is fine")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    check("\n".join((first, *rest)))


def test_a_stream_filters_what_is_written_in_any_way(capsys: pytest.CaptureFixture[str]) -> None:
    stream = OutgoingStream(sys.stdout)
    stream.write(EVIL)
    stream.writelines([EVIL, "\n"])
    print(EVIL, file=stream)  # type: ignore[call-overload]

    out = capsys.readouterr().out
    check(out)
    assert out.count(r"\x1b]0;owned") == 3
    assert stream.encoding == sys.stdout.encoding


COMMANDS = (
    ("--help",),
    ("plan", "+project=film"),
    ("plan", "+project=film", "--json"),
    ("--cfg", "job", "+project=film"),
    ("--cfg", "job", "--resolve", "+project=film"),
    ("doctor", "+project=film"),
    ("+project=film",),
    ("-m", "+project=film", "shot.seed=1,2"),
    ("list",),
    ("list", "--json"),
    ("journal",),
    ("journal", "--json"),
    ("verify", "outputs"),
    ("gc",),
    ("plugins",),
    ("plugins", "--json"),
    ("plugins", "hostile"),
    ("+project=filn",),
    ("+project=film", "generator=hostil"),
    ("+project=film", f"shot.sed={EVIL}"),
    ("+project=film", f"'{EVIL}'"),
    ("list", "--project", EVIL),
    ("why", f"no{EVIL}", EVIL),
    ("plan", "+project=film", "generator=hostile", "--debug", "shot.duration_s=x"),
)


def test_no_verb_prints_what_steers_a_terminal(
    workplace: Workplace, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL", EVIL)
    workplace.write("plugins/hostile.py", plugin(LINES))
    workplace.write(f"conf/project/filn{EVIL}\n.yaml", "project: {name: x}\n")
    workplace.write(f"conf/generator/hostil{EVIL}.yaml", "plugin: hostile\n")
    shown: list[Answer] = []
    for words in COMMANDS:
        try:
            shown.append(workplace.run(*words))
        except Exception as error:  # --debug
            check(str(error))
            continue
        for text in (shown[-1].out, shown[-1].err):
            check(text)
        if "--json" in words:
            assert shown[-1].code == 0
            assert shown[-1].json
    everything = "".join(answer.out + answer.err for answer in shown)

    assert everything.count(r"\x1b]0;owned") > 10
    assert everything.count(r"\u202e") > 10
    assert json.loads(shown[2].out)["sequences"]["main"][0]["prompt"] == EVIL
    check_files(workplace.path / "outputs")


@pytest.mark.parametrize("mode", ["raises", "task", "fails", "url"])
@pytest.mark.parametrize("flag", ["--debug", "-q"])
def test_what_a_plugin_says_is_harmless_in_every_place(
    workplace: Workplace, film: str, mode: str, flag: str
) -> None:
    workplace.write("plugins/hostile.py", plugin(LINES, mode))

    answers = [workplace.run(film, "generator=hostile", flag)]
    answers += [workplace.run(*words) for words in (("journal",), ("journal", "--json"), ("list",))]

    assert answers[0].code in (1, 3)
    for answer in answers:
        check(answer.out)
        check(answer.err)
    assert r"printed \x1b]0;owned" in answers[0].out
    check_files(workplace.path / "outputs")


def test_facts_of_a_strangers_outputs_root_are_harmless(workplace: Workplace, film: str) -> None:
    assert workplace.run(film).code == 0
    (run,) = workplace.runs()
    for name in ("run.json", "manifest.json"):
        facts = json.loads((run / name).read_text())
        facts["project"] = LINES if name == "run.json" else {"name": LINES}
        facts["overrides"] = [f"shot.seed={LINES}"]
        facts["state"], facts["started"] = LINES, LINES
        (run / name).write_text(json.dumps(facts, ensure_ascii=False))
    other = run.with_name(f"{EVIL}\nthere are no runs")
    run.rename(other)

    for words in (
        ("list",),
        ("list", "--json"),
        ("verify", "outputs"),
        ("why", str(other), EVIL),
        ("recover",),
    ):
        answer = workplace.run(*words)
        check(answer.out + answer.err)
        assert "\nthere are no runs" not in answer.out


def test_there_is_no_console_but_the_one_that_filters() -> None:
    """Another one would show its colours as text."""
    wrong = [
        str(file.relative_to(ROOT))
        for folder in ("runner", "plugins")
        for file in (ROOT / folder).rglob("*.py")
        if re.search(r"\bConsole\(", text := file.read_text(encoding="utf-8"))
        and "from runner.report.console import Console\n" not in text
        and file != ROOT / "runner" / "report" / "console.py"
    ]

    assert not wrong


ALLOWED = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\x1b\[2K|\r\n?")
"""The colours and the moves of the cursor that rich makes."""


def in_a_terminal(workplace: Workplace, *words: str) -> str:
    """What a command shows on a terminal."""
    leader, follower = pty.openpty()
    environment = {
        **{key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")},
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "COLUMNS": "200",
        "PYTHONUTF8": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        cwd=workplace.path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
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
        process.wait(60)
    os.close(leader)
    return shown.decode("utf-8")


@pytest.mark.parametrize("mode", ["", "raises", "fails"])
def test_a_terminal_gets_colours_of_ours_alone(workplace: Workplace, film: str, mode: str) -> None:
    red = "\x1b[31mred\x1b]8;;http://evil\x1b\\"
    workplace.write("plugins/hostile.py", plugin(f"{red} {EVIL}", mode))

    shown = in_a_terminal(workplace, film, "generator=hostile", "--debug")
    shown += in_a_terminal(workplace, "list") + in_a_terminal(workplace, "plugins", "hostile")

    assert "\x1b[31mred" not in shown
    assert r"printed \x1b[31mred\x1b]8;;http://evil" in shown, "what a plugin prints above the bars"
    assert re.search(r"\x1b\[[0-9;]*m", shown), "our own colours are there"
    assert "\x1b[?25l" in shown, "our own cursor is there"
    check(ALLOWED.sub("", shown))


def test_a_traceback_of_the_whole_process_is_filtered_too(workplace: Workplace, film: str) -> None:
    workplace.write("plugins/hostile.py", f"raise RuntimeError({EVIL!r})\n")

    shown = in_a_terminal(workplace, film, "generator=hostile", "--debug")

    assert "Traceback" in shown
    assert r"\x1b]0;owned" in shown
    check(ALLOWED.sub("", shown))
