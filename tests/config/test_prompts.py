"""The prompt of a shot: written out or in a file, and the style of its project."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.config.prompts import identifying, with_style

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.config.conftest import Found
    from tests.conftest import Workplace

    Problems = Callable[..., dict[str, Found]]

KEY = "sequences.main.shots.one.prompt_file"


def shots(workplace: Workplace, *words: str) -> list[dict[str, object]]:
    answer = workplace.run("plan", *words, "--json")
    assert answer.code == 0, answer.err
    found: list[dict[str, object]] = answer.json["sequences"]["main"]
    return found


def with_file(workplace: Workplace, name: str = "prompts/hook.txt", **more: object) -> str:
    return workplace.project({"main": {"one": {"prompt_file": name}, "two": "wind"}}, **more)  # type: ignore[arg-type]


# --- the style ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "style", "whole"),
    [
        ("A lake", "In oil.", "A lake. In oil."),
        ("A lake.", "In oil.", "A lake. In oil."),
        ("A lake, at dusk,", "in oil", "A lake, at dusk, in oil"),
        ("A lake (at dusk)", "In oil", "A lake (at dusk). In oil"),
        ('He says: "go!"', "In oil", 'He says: "go!" In oil'),
        ("A lake…", "In oil", "A lake… In oil"),
        ("渔船回家。", "柔和的光", "渔船回家。 柔和的光"),
        ("At 50%", "In oil", "At 50%. In oil"),
        ("A lake", "", "A lake"),
        ("A lake", ", in oil", "A lake , in oil"),
    ],
)
def test_a_style_is_joined_by_a_full_stop_where_there_is_none(prompt: str, style: str, whole: str) -> None:
    found, stopped_before = with_style(prompt, style)

    assert found == whole
    assert identifying(found, stopped_before) == f"{prompt} {style}".strip(), (
        "keys are those of older versions"
    )


def test_keys_take_away_only_the_full_stop_that_was_put_there() -> None:
    assert identifying("A lake. In oil, B. In oil. More", "In oil") == "A lake. In oil, B In oil. More"
    assert identifying("changed by a plugin", "In oil") == "changed by a plugin"
    assert identifying("A lake. In oil", "") == "A lake. In oil"


def test_a_clip_that_was_paid_for_before_the_full_stop_is_not_paid_for_again(workplace: Workplace) -> None:
    """The whole text, as it was sent before, has the key of the prompt and its style."""
    old = shots(workplace, workplace.project({"main": {"one": "A lake In oil."}}))
    new = shots(
        workplace,
        workplace.project({"main": {"one": "A lake"}}, project={"name": "film", "style": "In oil."}),
    )

    assert new[0]["prompt"] == "A lake. In oil."
    assert new[0]["key"] == old[0]["key"]


# --- a prompt in a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("conf/project/prompts/hook.txt", "A lake at dusk"),
        ("prompts/hook.txt", "A lake at dusk\n"),
        ("prompts/hook.txt", "\ufeff  A lake at dusk\r\n\r\n"),
    ],
)
def test_a_prompt_in_a_file_is_the_same_request_as_one_written_out(
    workplace: Workplace, file: str, content: str
) -> None:
    inline = shots(workplace, workplace.project({"main": {"one": "A lake at dusk", "two": "wind"}}))
    workplace.write(file, content)

    found = shots(workplace, with_file(workplace))

    assert found == inline
    assert found[0]["prompt"] == "A lake at dusk"


def test_lines_of_a_file_are_those_of_a_literal_text(workplace: Workplace) -> None:
    inline = shots(
        workplace, workplace.project({"main": {"one": "Über dem See\nfällt Regen", "two": "wind"}})
    )
    workplace.write("prompts/hook.txt", "Über dem See\r\nfällt Regen\r\n")

    assert shots(workplace, with_file(workplace)) == inline


def test_the_file_beside_the_project_wins_and_the_style_is_added(workplace: Workplace) -> None:
    workplace.write("prompts/hook.txt", "of the working folder")
    workplace.write("conf/project/prompts/hook.txt", "of the project")

    found = shots(workplace, with_file(workplace, project={"name": "film", "style": "In oil"}))

    assert found[0]["prompt"] == "of the project. In oil"


def test_a_file_may_be_named_and_swept_on_the_command_line(workplace: Workplace) -> None:
    for name in ("a", "b"):
        workplace.write(f"prompts/{name}.txt", f"text {name}")
    project = with_file(workplace)

    jobs = workplace.run("plan", "-m", project, f"{KEY}=prompts/a.txt,prompts/b.txt", "--json").json["jobs"]

    assert [job["sequences"]["main"][0]["prompt"] for job in jobs] == ["text a", "text b"]


def test_the_manifest_has_the_text_of_the_file(workplace: Workplace) -> None:
    workplace.write("prompts/hook.txt", "A lake at dusk")

    assert workplace.run(with_file(workplace)).code == 0

    assert workplace.manifest()["sequences"]["main"]["shots"]["one"]["prompt"] == "A lake at dusk"


def test_a_prompt_and_a_file_at_once_are_a_mistake(workplace: Workplace, problems: Problems) -> None:
    workplace.write("prompts/hook.txt", "A lake")
    project = workplace.project({"main": {"one": {"prompt": "x", "prompt_file": "prompts/hook.txt"}}})

    found = problems(project)[KEY]

    assert (found.message, found.allowed) == ("is given beside a prompt", "one of the two")
    assert found.source.startswith("conf/project/film.yaml:")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n\n", "is empty"),
        (b"x" * (64 * 1024 + 1), "is too large"),
        (b"one\nf\xe4llt", "is not UTF-8 text: it looks like Latin-1, or Windows-1252; see its line 2"),
        ("See".encode("utf-16"), "is not UTF-8 text: it looks like UTF-16; see its line 1"),
        (b"one\ntwo\0", "holds a control character (U+0000) in line 2"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused_with_its_place(
    workplace: Workplace, problems: Problems, content: bytes, message: str
) -> None:
    workplace.write("prompts/hook.txt", content)

    found = problems(with_file(workplace))

    assert set(found) == {KEY}, "that there is no prompt is not worth a second word"
    assert found[KEY].message == message
    assert found[KEY].value == "'prompts/hook.txt'"
    assert found[KEY].source.startswith("conf/project/film.yaml:")


def test_a_missing_file_says_where_it_was_looked_for(workplace: Workplace, problems: Problems) -> None:
    found = problems(with_file(workplace))[KEY]

    assert found.message == "there is no such file"
    for place in ("conf/project/prompts/hook.txt", "prompts/hook.txt"):
        assert str(workplace.path / place) in found.allowed


def outside(tmp_path: Path) -> Path:
    """A working folder beside a file of somebody else."""
    (tmp_path / "secret.txt").write_text("the password")
    (tmp_path / "work/prompts").mkdir(parents=True)
    return tmp_path / "work"


@pytest.mark.parametrize("how", ["dots", "absolute", "link", "linked folder"])
def test_a_file_outside_of_the_project_is_refused(
    workplace: Workplace, problems: Problems, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    folder = outside(workplace.path)
    monkeypatch.chdir(folder)
    workplace.path = folder
    name = {
        "dots": "../secret.txt",
        "absolute": str(folder.parent / "secret.txt"),
        "link": "prompts/link.txt",
        "linked folder": "prompts/up/secret.txt",
    }[how]
    os.symlink("../../secret.txt", folder / "prompts/link.txt")
    os.symlink("../..", folder / "prompts/up")

    found = problems(with_file(workplace, name))[KEY]

    assert found.message == "is outside of the project"
    assert str(folder) in found.allowed


def test_a_file_that_cannot_be_a_path_is_a_clear_error(workplace: Workplace, problems: Problems) -> None:
    assert problems(with_file(workplace, "x" * 5000))[KEY].message.startswith("cannot be read")
    (workplace.path / "prompts").mkdir()
    assert problems(with_file(workplace, "prompts"))[KEY].message == "there is no such file"
