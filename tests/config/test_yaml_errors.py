"""What is said of a YAML mistake: the line, a mark below it, and the cure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from runner.config import yaml_errors

if TYPE_CHECKING:
    from runner.errors import ConfigError

FILE = Path("film.yaml")


def explained(text: str) -> ConfigError:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.load(text, Loader=_Strict)
    return yaml_errors.explained(FILE, text, caught.value)


class _Strict(yaml.SafeLoader):
    """Refuses a key that is there twice, as OmegaConf's loader."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    "while constructing a mapping",
                    node.start_mark,
                    f"found duplicate key {key.value}",
                    key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("prompt: A beach: waves", '"A beach: waves"'),
        ("prompt: *bold* text", '"*bold* text"'),
        ("prompt: & more", '"& more"'),
        ("prompt: %5 of it", '"%5 of it"'),
        ("prompt: @home", '"@home"'),
        ("prompt: `code`", '"`code`"'),
        ("prompt: !wow it works", '"!wow it works"'),
        ("prompt: [close up] of a cat", '"[close up] of a cat"'),
        ("prompt: {x} y", '"{x} y"'),
        ("prompt: , then", '", then"'),
        ("prompt: > text", '"> text"'),
        ("prompt: |text", '"|text"'),
        ("prompt: - text", '"- text"'),
        ("prompt: ? text", '"? text"'),
        ("prompt: 'it's fine'", '"it\'s fine"'),
        ('prompt: "one" and two', '"one and two"'),
        ('prompt: she says: "no: never"', "'she says: \"no: never\"'"),
    ],
)
def test_a_text_that_needs_quotes_is_shown_with_them(line: str, quoted: str) -> None:
    error = explained(f"shot:\n  seed: 1\n  {line}\n")

    assert error.where.startswith("film.yaml:3:")
    assert error.why.splitlines()[1] == line
    assert error.hint == f"put the text in quotes:  prompt: {quoted}"
    # The advice is one that YAML takes.
    assert isinstance(yaml.safe_load(error.hint.partition(":  ")[2])["prompt"], str)


@pytest.mark.parametrize(
    ("text", "line", "why", "hint"),
    [
        ("a:\n\tb: 1\n", 2, "a tab", "spaces"),
        ("a:\n  b: 1\n  c: 3\n  b: 2\n", 4, "b is there twice, first in line 2", "remove one"),
        ("a: {c: 1}\nb:\n  - c: 1\n    c: 2\n", 4, "first in line 3", "remove one"),
        ("a: !include other.yaml\n", 1, "!include is a YAML tag", "write the text itself"),
        ('a: "never closed\nb: 1\n', 1, "not closed", "close the quote"),
        ("a: [1, 2\n", 1, "not closed", "close the bracket"),
        ("a: {prompt: x: y}\n", 1, "divided by commas", "in quotes"),
        ("a:\n  b: 1\n   c: 2\n", 3, "has a value already", "as the line above"),
        ("a:\n    b: 1\n  c: 2\n", 3, "no indentation above", "other keys"),
        ("a:\n  b: 1\n  more text\n  c: 2\n", 3, "not KEY: VALUE", ">-"),
        ("a:\n  prompt:text\n  b: 1\n", 2, "neither KEY:", "space after the colon"),
        ("a: 1\n---\nb: 2\n", 2, "second document", "remove the line"),
        ('a: "C:\\new\\x"\n', 1, "escape", "single quotes"),
        ("a: x\x00y\n", 1, "U+0000", "delete"),
        ("a: 1\nb: x\x1b[31m\n", 2, "U+001B", "delete"),
        ("%x\n", 1, "directive", "remove"),
    ],
)
def test_other_mistakes_have_their_cures(text: str, line: int, why: str, hint: str) -> None:
    error = explained(text)

    assert error.where.startswith(f"film.yaml:{line}:")
    assert why in error.why
    assert hint in error.hint


def test_the_mark_stands_below_the_place() -> None:
    error = explained("a: 1\n    prompt: A beach: waves\n")
    shown, mark = str(error).splitlines()[3:5]

    assert error.where == "film.yaml:2:11"
    assert shown.strip() == "prompt: A beach: waves"
    assert shown[mark.index("^")] == ":"


@pytest.mark.parametrize("before", [0, 30, 100, 3000])
def test_of_a_long_line_the_part_around_the_place_is_shown(before: int) -> None:
    _, shown, mark = explained(f"prompt: {'x' * before} beach: {'y' * 3000}\n").why.splitlines()

    assert len(shown) < 70
    assert shown[mark.index("^")] == ":"


def test_a_secret_in_the_line_is_not_shown() -> None:
    error = explained("generator:\n  api_key: sk: 12345\n")

    assert "12345" not in str(error)


def test_control_characters_do_not_reach_the_terminal() -> None:
    error = explained("a: \x1b[31mred: x\x07\n")

    assert "\x1b" not in str(error)
    assert "\x07" not in str(error)
