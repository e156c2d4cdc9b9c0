"""Text on terminals of any width."""

from __future__ import annotations

from runner.report.paragraph import folded

ERROR = """\
runner: this is a long sentence about what happened; nothing was started
  where: short
  why: one two three four five six seven eight nine ten eleven twelve thirteen
  next: budget.max_cost=1.107 is enough; budget.partial=true goes as far as it can"""


def test_long_lines_are_broken_between_words_and_go_on_indented() -> None:
    lines = folded(ERROR, 60).split("\n")

    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == " ".join(ERROR.split())
    assert lines[:4] == [
        "runner: this is a long sentence about what happened; nothing",
        "  was started",
        "  where: short",
        "  why: one two three four five six seven eight nine ten",
    ]
    assert lines[4] == "    eleven twelve thirteen"


def test_a_text_that_fits_stays_as_it_is() -> None:
    text = "runner: a YAML file\n  why: a colon\n       prompt: A beach: waves\n                      ^"

    assert folded(text, 60) == text


def test_what_is_to_be_copied_stays_on_its_line() -> None:
    for command in (
        "export KEY=...; then: python -m runner +project=my_film",
        'prompt: "Night: the city sleeps"',
    ):
        line = f"  next: do this and that before you come to this one: {command}"

        assert folded(line, 60) == line


def test_commands_below_a_next_step_stay_on_their_lines() -> None:
    command = "        python -m runner accept outputs/my_film/2026-11-27_1023_seed-7-aa5b1866 main/boats"

    assert command in folded(f"  next: watch it, then one of\n{command}", 40).split("\n")


def test_names_longer_than_the_terminal_are_not_broken() -> None:
    path = "outputs/" + "x" * 90

    assert path in folded(f"  where: {path} is a path", 40).split("\n")[1]
