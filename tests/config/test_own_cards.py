"""Model cards of the user's own, in conf/cards of the working folder, through the real command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Workplace

NEW = """\
kling-9:
  about: Kling 9, 5 s
  aliases: [newest]
  text:
    id: kling-9/text-to-video
    duration: {type: text, values: [5]}
    resolution: {field: mode, values: {720p: std}}
    prices:
      - {credits: 30, as_of: 2026-11-20}
"""
KIE = ("generator=kie", "generator.api_key=canary")
SHOT = {"duration_s": 5, "resolution": "720p", "aspect_ratio": "16:9"}


def test_a_model_is_there_the_day_its_card_is(workplace: Workplace) -> None:
    workplace.write("conf/cards/kie/new.yaml", NEW)
    project = workplace.project({"main": {"one": "a lake"}}, shot=SHOT)

    plan = workplace.run("plan", project, *KIE, "generator.model=newest", "--json")

    assert plan.code == 0, plan.err
    (shot,) = plan.json["sequences"]["main"]
    assert shot["model"] == "kling-9"
    assert shot["price_usd"] == 0.15
    listed = workplace.run("plugins", "kie")
    assert "Kling 9, 5 s" in listed.out
    assert "kling-3.0" in listed.out


def test_a_card_replaces_a_shipped_one_of_the_same_name(workplace: Workplace) -> None:
    workplace.write("conf/cards/kie/mine.yaml", NEW.replace("kling-9:", "kling-3.0:"))
    project = workplace.project({"main": {"one": "a lake"}}, shot={**SHOT, "duration_s": 4})

    plan = workplace.run("plan", project, *KIE, "generator.model=kling-3.0")

    assert plan.code == 2
    assert "allowed: 5 s" in plan.err


def test_files_that_the_configuration_names_take_the_place_of_the_folder(workplace: Workplace) -> None:
    workplace.write("conf/cards/kie/new.yaml", NEW)
    workplace.write("drafts/other.yaml", NEW.replace("kling-9", "kling-10").replace("newest", "draft"))
    project = workplace.project({"main": {"one": "a lake"}}, shot=SHOT)
    own = "generator.cards=[drafts/other.yaml]"

    other = workplace.run("plan", project, *KIE, own, "generator.model=draft", "--json")
    missing = workplace.run("plan", project, *KIE, own, "generator.model=newest")
    nowhere = workplace.run("plan", project, *KIE, "generator.cards=[no.yaml]")

    assert other.json["sequences"]["main"][0]["model"] == "kling-10"
    assert "there is no card of this model; cards in conf/cards/kie/ add models" in missing.err
    assert "set in: no.yaml" in nowhere.err


def test_mistakes_in_cards_are_shown_with_those_of_the_project(workplace: Workplace) -> None:
    workplace.write("conf/cards/kie/new.yaml", NEW.replace("values: [5]", "vlaues: [5]") + "  about: twice\n")
    project = workplace.project({"main": {"one": "a lake"}}, shot={**SHOT, "fps": "fast"})

    plan = workplace.run("plan", project, *KIE, "generator.model=kling-9")

    assert plan.code == 2
    for text in (
        "kling-9.text.duration.vlaues: there is no such key",
        "allowed: did you mean values?",
        "set in: conf/cards/kie/new.yaml:6",
        "kling-9.about: stands twice, first in line 2",
        "set in: conf/cards/kie/new.yaml:10",
        "shot.fps: should be a valid number",
    ):
        assert text in plan.err, plan.err


def test_cards_that_no_generator_would_read_are_reported(workplace: Workplace) -> None:
    workplace.write("conf/cards/new.yaml", NEW)
    workplace.write("conf/cards/kei/new.yaml", NEW)
    workplace.write("conf/cards/synthetic/new.yaml", NEW)
    project = workplace.project({"main": {"one": "a lake"}})

    plan = workplace.run("plan", project)

    assert plan.code == 2
    for text in (
        "conf/cards/new.yaml: a file of model cards belongs in the folder of its generator",
        "allowed: conf/cards/kie/new.yaml",
        "conf/cards/kei: no generator of this name takes model cards",
        "allowed: did you mean kie?",
        "conf/cards/synthetic: no generator of this name takes model cards",
    ):
        assert text in plan.err, plan.err


def test_files_of_cards_are_no_part_of_a_shots_identity(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "a lake"}}, shot=SHOT)
    before = workplace.run("plan", project, *KIE, "generator.model=kling-3.0", "--json").json["key"]
    workplace.write("conf/cards/kie/new.yaml", NEW)

    assert workplace.run("plan", project, *KIE, "generator.model=kling-3.0", "--json").json["key"] == before
