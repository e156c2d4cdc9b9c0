"""`runner init`: a project to start from, which every bundled generator accepts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import bundle
from runner.verbs.init import TEMPLATE

if TYPE_CHECKING:
    from tests.conftest import Workplace

PROFILES = sorted(path.stem for path in (bundle.folder("conf") / "generator").glob("*.yaml"))
RETIRED = {"kie_sora"}
"""Refused whatever is requested."""
ELSEWHERE = {"kie_hailuo", "kie_minimax"}
"""For these the comments of the file say what to change."""


@pytest.fixture(autouse=True)
def _dummy_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "dummy")


@pytest.mark.parametrize("profile", sorted(set(PROFILES) - RETIRED))
def test_every_bundled_generator_accepts_the_project(workplace: Workplace, profile: str) -> None:
    assert workplace.run("init", "my_film").code == 0
    words = ["plan", "+project=my_film", f"generator={profile}", "uploader=kie"]

    plain = workplace.run(*words)

    if profile in ELSEWHERE:
        assert plain.code == 2
        file = workplace.path / "conf/project/my_film.yaml"
        text = file.read_text()
        assert profile in text
        assert re.search(rf"{profile}.* 768p", text)
        text = text.replace("resolution: 720p", "resolution: 768p")
        if profile == "kie_hailuo":
            picture = bundle.folder("conf") / "project/pictures/bag.jpg"
            workplace.write("conf/project/pictures/harbour.jpg", picture.read_bytes())
            text = text.replace("# image:", "image:")
            text = text.replace("boundary: cut", "image: pictures/harbour.jpg #")
        file.write_text(text)
        plain = workplace.run(*words)
    assert plain.code == 0, plain.err


def test_the_project_can_be_run_at_once_as_the_last_lines_say(workplace: Workplace) -> None:
    answer = workplace.run("init", "my_film")

    assert answer.code == 0
    assert answer.out.splitlines() == [
        "wrote conf/project/my_film.yaml; edit it as you like",
        "  next: python -m runner plan +project=my_film",
        "  next: python -m runner +project=my_film",
    ]
    assert (
        workplace.run("+project=my_film", "shot.resolution=96p", "shot.duration_s=0.5", "shot.fps=8").code
        == 0
    )
    assert (workplace.path / "outputs/my_film/latest/harbour/film.mp4").is_file()


def test_what_is_commented_out_can_be_used_as_it_stands(workplace: Workplace) -> None:
    workplace.run("init", "my_film")
    workplace.write("conf/project/prompts/gulls.txt", "Gulls in the evening")
    file = workplace.path / "conf/project/my_film.yaml"
    text = file.read_text().replace("# seed:", "seed:").replace("# take:", "take:")
    text = text.replace(
        "        prompt: Gulls follow them in\n        # prompt_file:", "        prompt_file:"
    )
    file.write_text(text)

    boats, gulls, _ = workplace.run("plan", "+project=my_film", "--json").json["sequences"]["harbour"]

    assert (gulls["prompt"], gulls["take"]) == ("Gulls in the evening. Soft evening light, 35mm.", 2)
    assert boats["seed"] == 7


def test_nothing_is_overwritten(workplace: Workplace) -> None:
    file = workplace.write("conf/project/my_film.yaml", "mine")
    for name in ("my_film", "MY_FILM", "one_shot"):
        answer = workplace.run("init", name)
        assert answer.code == 2
        assert f"there is a project named {name.lower()} already" in answer.err
    assert file.read_text() == "mine"
    assert len(list(workplace.path.rglob("*.yaml"))) == 1


def test_a_link_that_leads_nowhere_is_not_followed(workplace: Workplace) -> None:
    folder = workplace.path / "conf/project"
    folder.mkdir(parents=True)
    os.symlink(workplace.path / "elsewhere.yaml", folder / "my_film.yaml")

    answer = workplace.run("init", "my_film")

    assert answer.code == 2
    assert "already" in answer.err
    assert not (workplace.path / "elsewhere.yaml").exists()


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("../evil", "evil"),
        ("/etc/passwd", "etc-passwd"),
        ("Mein Film", "mein_film"),
        ("café", "cafe"),
        ("東京", "dongjing"),
        ("null", "null_film"),
        ("yes", "yes_film"),
        ("con", "con_film"),
        ("1st", "film_1st"),
        ("42", "film_42"),
        ("my_film.yaml", "my_film"),
        ("a\nb\x1b[31m", "a-b-31m"),
        ("$(id)", "id"),
        ("x" * 300, "x" * 48),
        ("", "film"),
    ],
)
def test_a_name_that_would_not_work_everywhere_is_refused_with_one_that_does(
    workplace: Workplace, name: str, better: str
) -> None:
    answer = workplace.run("init", name)

    assert answer.code == 2
    assert "cannot be a project's name" in answer.err
    assert answer.err.splitlines()[-1] == f"  next: python -m runner init {better}"
    assert "\x1b" not in answer.err
    assert not list(workplace.path.iterdir())
    assert workplace.run("init", better).code == 0
    assert workplace.run("plan", f"+project={better}").code == 0


def test_a_folder_that_cannot_be_written_is_a_clear_error(workplace: Workplace) -> None:
    workplace.write("conf", "a file")

    answer = workplace.run("init", "my_film")

    assert answer.code == 2
    assert answer.err.startswith("runner: the project cannot be written")
    assert "Traceback" not in answer.err


def test_the_film_of_the_readme_is_what_init_writes() -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- file: conf/project/my_film.yaml -->\n```yaml\n(.*?)```", page, re.DOTALL)

    assert shown == TEMPLATE.format(name="my_film")
