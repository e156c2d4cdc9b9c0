"""`runner plan`: what a run would do, and nothing done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Workplace

FILM = {"hero": {"opening": "sunrise", "pour": "coffee"}, "product": {"bag": "beans"}}


def test_a_plan_shows_every_shot_and_does_nothing(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    answer = workplace.run("plan", project, "shot.seed=7")

    assert answer.code == 0, answer.err
    for text in (
        "01 opening  cut",
        "02 pour  chain",
        "last frame of opening",
        "01 bag",
        "seed 7",
        "outputs/film/",
    ):
        assert text in answer.out
    assert not (workplace.path / "outputs").exists()


def test_a_plan_for_a_script_is_one_json_document(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    answer = workplace.run("plan", project, "--json")

    found = answer.json
    assert found["project"] == "film"
    assert {name: [shot["shot"] for shot in shots] for name, shots in found["sequences"].items()} == {
        "hero": ["opening", "pour"],
        "product": ["bag"],
    }
    assert found["sequences"]["hero"][1] == {
        "shot": "pour",
        "key": found["sequences"]["hero"][1]["key"],
        "standing": "to do",
        "price_usd": 0.0,
        "price_as_of": None,
        "boundary": "chain",
        "starts_from": "last frame of opening",
        "generator": "synthetic",
        "model": None,
        "prompt": "coffee",
        "duration_s": 0.5,
        "aspect_ratio": "16:9",
        "resolution": "96p",
        "fps": 8,
        "seed": None,
        "take": 1,
        "negative_prompt": "",
        "params": {},
    }
    named = rf"outputs/film/\d{{4}}-\d\d-\d\d_\d{{4}}_synthetic-{found['key'][:8]}"
    assert re.fullmatch(named, found["folder"])


def test_a_plan_of_a_sweep_has_the_plan_of_each_job(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    found = workplace.run("plan", "-m", project, "shot.seed=1,2", "film.join=false", "--json").json
    jobs = found["jobs"]

    assert [job["sequences"]["hero"][0]["seed"] for job in jobs] == [1, 2]
    assert len({job["folder"] for job in jobs}) == 2
    # Only what differs between the jobs is in a folder's name.
    for number, job in enumerate(jobs):
        assert job["folder"].rpartition("/")[2] == f"{number:02d}_seed-{number + 1}-{job['key'][:8]}"


def test_options_may_stand_anywhere(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    jobs = workplace.run("plan", project, "shot.seed=1,2", "--json", "-m").json

    assert workplace.run("plan", "--multirun", "--json", project, "shot.seed=1,2").json == jobs


def test_a_secret_is_in_no_plan(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    words = (
        "shot.params={api_key: hunter2, strength: 2}",
        "sequences.hero.shots.pour.params={token: hunter2}",
    )

    answer = workplace.run("plan", project, *words, "--json")

    assert "hunter2" not in answer.out
    assert answer.json["sequences"]["hero"][1]["params"] == {
        "api_key": "(hidden)",
        "strength": 2,
        "token": "(hidden)",
    }
    assert "hunter2" not in workplace.run("plan", project, *words).out


def test_a_hosted_generator_is_refused_with_a_loopback_address_and_taken_with_a_public_one(
    workplace: Workplace,
) -> None:
    project = workplace.project(FILM)
    workplace.write(
        "plugins/far.py",
        """\
from runner.api import *

@hookimpl
def runner_register():
    return GeneratorSpec(name="far", factory=print, capabilities=GeneratorCapabilities(image=ImageInput()))
""",
    )

    refused = workplace.run("plan", project, "generator=far")
    taken = workplace.run("plan", project, "generator=far", "uploader.public_base_url=https://tunnel.example")

    assert refused.code == 2
    assert "far cannot fetch images from local_http" in refused.err
    assert "uploader.public_base_url=https://" in refused.err
    assert taken.code == 0, taken.err


def test_a_shot_may_choose_another_generator_by_its_label(workplace: Workplace) -> None:
    project = workplace.project(FILM)
    added = ("+generator@generators.closeup=synthetic", "generators.closeup.reframe=1.5")

    answer = workplace.run("plan", project, *added, "sequences.hero.shots.pour.generator=closeup", "--json")
    plain = workplace.run("plan", project, *added, "--json")

    keys = [[shot["key"] for shot in one.json["sequences"]["hero"]] for one in (plain, answer)]
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_shots_can_be_taken_away_and_added_on_the_command_line(workplace: Workplace) -> None:
    project = workplace.project(FILM)

    answer = workplace.run(
        "plan",
        project,
        "~sequences.hero.shots.opening",
        "+sequences.hero.shots.sip.prompt=a sip",
        "+sequences.extra.shots.one={prompt: more, duration_s: 2}",
        "--json",
    )

    assert answer.code == 0, answer.err
    assert {name: [shot["shot"] for shot in shots] for name, shots in answer.json["sequences"].items()} == {
        "hero": ["pour", "sip"],
        "product": ["bag"],
        "extra": ["one"],
    }
    assert answer.json["sequences"]["hero"][0]["boundary"] == "cut"
