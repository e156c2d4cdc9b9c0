"""Files that cannot be read as a project, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.config.project import Project
    from tests.config.conftest import Found
    from tests.conftest import Workplace

    Describe = Callable[[str], str]
    Problems = Callable[..., dict[str, Found]]
    Read = Callable[[str], tuple[Project | None, dict[str, Found]]]

GOOD = "project: {name: film}\nsequences: {main: {shots: {one: {prompt: p}, two: {prompt: q}}}}\n"


@pytest.mark.parametrize(
    "body",
    [GOOD, GOOD.replace("project: {name: film}\n", "name: film\n"), "shot: {seed: 1}\n"],
    ids=["all", "flat name", "shot only"],
)
def test_a_project_file_without_its_header_is_told_which(workplace: Workplace, body: str) -> None:
    workplace.write("conf/project/film.yaml", body)

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "# @package _global_" in answer.err
    assert "conf/project/film.yaml:" in answer.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "project: {name: film}\nsequences: [a: {\n",
            ["cannot be read", "film.yaml:3:16", "sequences: [a: {", "close the bracket"],
        ),
        (
            "project: {name: film}\nproject: {name: twice}\n",
            ["key project is there twice, first in line 2", "film.yaml:3"],
        ),
        ("project:\n\tname: film\n", ["cannot be read", "film.yaml:3:1", "a tab"]),
        ("- a\n- b\n", ["film.yaml:1", "holds a list", "KEY: VALUE"]),
        ("", ["the project file is empty", "film.yaml:1", "python -m runner init NAME"]),
        ("# only words\n", ["the project file is empty"]),
        ("shot: {seed: 1}\n", ["project.name: is required", "set in: conf/project/film.yaml\n"]),
        ("project: {name: film}\n", ["sequences: there is no sequence"]),
        (
            "project: {name: film}\nsequences: [one, two]\n",
            ["film.yaml:3", "this one is a list", "NAME: in place of each -"],
        ),
        (
            "project: {name: film}\nsequences:\n  null: {}\n",
            ["film.yaml:4", "a name as null", 'quotes: "null"'],
        ),
        ("project: film\n", ["film.yaml:2", "`project` should be a mapping of keys", "name: film"]),
        (
            "project: {name: film}\ngenerator: kie\n",
            ["film.yaml:3", "command line: generator=kie", "plugin: kie"],
        ),
        ("project: {name: film}\nshot:\n  - seed: 1\n", ["film.yaml:3", "a list", "KEY: VALUE"]),
        ("projct: {name: film}\n", ["did you mean project?", "film.yaml:2"]),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    describe: Describe, workplace: Workplace, text: str, expected: list[str]
) -> None:
    answer = workplace.run("plan", describe(text))

    assert answer.code == 2
    for part in expected:
        assert part in answer.err
    assert "Traceback" not in answer.err


def test_a_file_that_is_not_utf8_is_named(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yaml", "# @package _global_\nproject: {name: é}\n".encode("latin-1"))

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "film.yaml is not UTF-8 text" in answer.err


def test_a_file_with_a_byte_order_mark_is_read(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yaml", f"# @package _global_\n{GOOD}".encode("utf-8-sig"))

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 0, answer.err


def test_a_folder_is_no_project(workplace: Workplace) -> None:
    workplace.write("conf/project/film/cut.yaml", f"# @package _global_\n{GOOD}")

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "there is no project named film" in answer.err
    assert "film/cut" in answer.err
    assert workplace.run("plan", "+project=film/cut").code == 0


def test_a_file_with_the_other_ending_is_told_to_be_renamed(workplace: Workplace) -> None:
    workplace.write("conf/project/film.yml", f"# @package _global_\n{GOOD}")

    answer = workplace.run("plan", "+project=film")

    assert answer.code == 2
    assert "film.yml is not read" in answer.err
    assert "rename it to film.yaml" in answer.err
