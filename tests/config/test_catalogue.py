"""What there is to choose from, told from file names alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import bundle
from runner.config import catalogue

if TYPE_CHECKING:
    from tests.conftest import Workplace


def test_ones_own_files_come_first_and_hide_bundled_ones_of_the_same_name(workplace: Workplace) -> None:
    own = workplace.write("conf/project/one_shot.yaml", "# @package _global_\n# Mine.\n")

    found = catalogue.choices("project", Path())

    assert found[0] == catalogue.Choice("one_shot", "Mine.", own)
    assert [choice.name for choice in found].count("one_shot") == 1
    assert "ad_campaign" in [choice.name for choice in found]


def test_files_in_folders_are_named_with_them(workplace: Workplace) -> None:
    workplace.write("conf/project/client/spring.yaml", "")

    assert "client/spring" in [choice.name for choice in catalogue.choices("project", Path())]


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (b"# @package _global_\n#  A film.\nproject: {}\n", "A film."),
        (b"\n\n# A film.\n", "A film."),
        (b"project: {}\n# not a header\n", ""),
        (b"", ""),
        (b"# \xff\n", ""),
    ],
)
def test_the_first_comment_says_what_a_file_is(workplace: Workplace, text: bytes, about: str) -> None:
    workplace.write("conf/project/film.yaml", text)

    assert catalogue.choices("project", Path())[0].about == about


def test_without_ones_own_folder_there_is_the_bundled_one(workplace: Workplace) -> None:
    assert catalogue.conf_folders(Path()) == [bundle.folder("conf")]

    workplace.write("conf/project/film.yaml", "")

    assert catalogue.conf_folders(Path()) == [workplace.path / "conf", bundle.folder("conf")]


def test_ones_own_plugins_can_be_chosen_unless_a_file_profiles_them(workplace: Workplace) -> None:
    workplace.write("plugins/mine.py", "")
    workplace.write("plugins/_private.py", "")
    workplace.write("plugins/other.py", "")
    workplace.write("conf/generator/other.yaml", "plugin: other\n")

    found = set(catalogue.selectable_plugins(Path()))

    assert found == {
        *((group, "mine") for group in catalogue.GROUPS),
        ("extractor", "other"),
        ("uploader", "other"),
    }


def test_bundled_plugins_have_profiles_and_are_not_offered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle.folder("conf").parent)

    assert list(catalogue.selectable_plugins(Path())) == []
