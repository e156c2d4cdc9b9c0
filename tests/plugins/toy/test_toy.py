"""A hosted provider as a plugin of less than 150 lines: the worked example of plugins/README.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from runner import plugins
from tests.plugins.toy.conftest import FOLDER

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Workplace
    from tests.plugins.toy.conftest import ToyService

README = Path(plugins.BUNDLED) / "README.md"
SHOT = {"duration_s": 2, "resolution": "360p", "aspect_ratio": "16:9"}
TWO = {"main": {"one": "a quiet lake", "two": "wind on the lake"}}
DIRS = f"plugins.dirs=[{FOLDER}]"


def using(toy: ToyService) -> dict[str, object]:
    return {"generator": {"plugin": "toy", "api_url": toy.url}, "plugins": {"dirs": [str(FOLDER)]}}


def test_the_plugin_has_less_than_150_lines_of_code() -> None:
    lines = [line for file in FOLDER.rglob("*.py") for line in file.read_text(encoding="utf-8").splitlines()]

    assert len([line for line in lines if line.strip()]) < 150


def test_a_film_is_made_and_paid_for_once(workplace: Workplace, toy: ToyService) -> None:
    project = workplace.project(TWO, shot=SHOT, **using(toy))

    plan = workplace.run("plan", project, "--json").json
    large = workplace.run("plan", project, "shot.resolution=720P", "--json").json
    made = workplace.run(project)
    again = workplace.run(project)

    assert plan["to_spend_usd"] == 0.04
    assert large["to_spend_usd"] == 0.16
    assert made.code == 0, made.err
    assert again.code == 0, again.err
    first, second = toy.sent
    assert first == {
        "model": "toy-1-text",
        "prompt": "a quiet lake",
        "seconds": 2,
        "size": "small",
        "ratio": "16:9",
    }
    assert second["model"] == "toy-1-image"
    assert second["first_frame"].startswith("http://127.0.0.1:")
    shots = workplace.manifest()["sequences"]["main"]["shots"]
    assert shots["two"]["adherence"]["verdict"] in ("locked", "reencoded")
    journal = workplace.run("journal", "--json").json
    assert [(row["phase"], row["cost_usd"]) for row in journal] == [("fetched", 0.02)] * 2
    assert "toy-canary-5150" not in made.out + made.err


def test_it_passes_the_conformance_suite(workplace: Workplace, toy: ToyService) -> None:
    answer = workplace.run("conformance", "toy", DIRS, f"generator.api_url={toy.url}", "--spend", "--json")

    assert answer.code == 0, answer.out
    checks = {one["check"]: one["verdict"] for one in answer.json["plugins"]["generator toy"]}
    assert "failed" not in checks.values()
    for check in ("takes one token for one task", "starts from the image it is given"):
        assert checks[check] == "ok"


def test_what_the_cards_do_not_allow_is_said_before_anything_is_sent(
    workplace: Workplace, toy: ToyService
) -> None:
    shots = {
        "long": {"prompt": "x", "duration_s": 11},
        "odd": {"prompt": "x", "params": {"style": "baroque"}},
        "gone": {"prompt": "x", "boundary": "cut", "model": "toy-0"},
    }
    project = workplace.project({"main": shots}, shot=SHOT, **using(toy))

    answer = workplace.run(project)

    assert answer.code == 2
    for text in ("allowed: 1 to 10 s", "allowed: plain, bright", "was retired on 2026-10-01"):
        assert text in answer.err
    assert toy.sent == []


def test_without_a_key_nothing_is_sent(
    workplace: Workplace, toy: ToyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOY_KEY")

    answer = workplace.run(workplace.project(TWO, shot=SHOT, **using(toy)))

    assert answer.code == 2
    assert "there is no key for Toy" in answer.err
    assert "export TOY_KEY=..." in answer.err
    assert toy.sent == []


def test_the_readme_shows_the_plugin_as_it_is() -> None:
    text = README.read_text(encoding="utf-8")
    shown = dict(re.findall(r"```(?:python|yaml)\n# plugins/toy/(\S+)\n(.*?)```", text, re.DOTALL))

    assert set(shown) == {"__init__.py", "generator.py", "cards/toy.yaml"}
    for name, code in shown.items():
        assert code == (FOLDER / "toy" / name).read_text(encoding="utf-8"), name


def test_a_card_of_the_users_own_is_added_as_the_readme_says(workplace: Workplace, toy: ToyService) -> None:
    text = README.read_text(encoding="utf-8")
    ((name, card),) = re.findall(r"```yaml\n# (conf/cards/toy/\S+)\n(.*?)```", text, re.DOTALL)
    workplace.write(name, card)
    project = workplace.project({"main": {"one": "a quiet lake"}}, shot=SHOT, **using(toy))

    listed = workplace.run("plugins", "toy", DIRS, "--json")
    made = workplace.run(project, "generator.model=toy-2")

    (generator,) = (one for one in listed.json["plugins"] if one["kind"] == "generator")
    assert "toy-2" in generator["models"]
    assert made.code == 0, made.err
    assert [one["model"] for one in toy.sent] == ["toy-2-text"]
