"""A negative prompt: part of the identity where there is one, sent where the model takes one, else refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from runner.plugins.kie.emulator.client import running

from tests.kie_account import QUICK, opened

if TYPE_CHECKING:
    from runner.testing.pytest import Workplace

FILM = {"main": {"one": {"prompt": "a quiet lake", "negative_prompt": "boats"}, "two": "wind on the lake"}}
WAN = (
    "generator=kie_wan",
    "uploader=kie",
    "shot.duration_s=5",
    "shot.resolution=720p",
    "shot.aspect_ratio='16:9'",
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "test")


def planned(workplace: Workplace, *words: str) -> list[dict[str, Any]]:
    answer = workplace.run("plan", *words, "--json")
    assert answer.code == 0, answer.err
    shots: list[dict[str, Any]] = answer.json["sequences"]["main"]
    return shots


def test_it_is_planned_shown_and_part_of_the_key(workplace: Workplace) -> None:
    film = workplace.project(FILM)

    with_one = planned(workplace, film, *WAN)
    without = planned(workplace, film, *WAN, "sequences.main.shots.one.negative_prompt=''")

    assert [shot["negative_prompt"] for shot in with_one] == ["boats", ""]
    assert with_one[0]["key"] != without[0]["key"]
    assert "negative_prompt: boats" in workplace.run("plan", film, *WAN).out


def test_an_empty_one_leaves_every_key_as_it_was(workplace: Workplace) -> None:
    film = workplace.project({"main": {"one": "a quiet lake"}})

    (plain,) = planned(workplace, film, *WAN)
    (empty,) = planned(workplace, film, *WAN, "shot.negative_prompt=''")

    assert plain["key"] == empty["key"]


def test_a_model_that_takes_none_refuses_it_in_the_plan(workplace: Workplace) -> None:
    answer = workplace.run("plan", workplace.project(FILM))

    assert answer.code == 2
    assert "sequences.main.shots.one.negative_prompt: synthetic does not take this key" in answer.err
    assert "conf/project/film.yaml" in answer.err


def test_one_that_is_too_long_for_the_model_is_refused(workplace: Workplace) -> None:
    words = f"sequences.main.shots.one.negative_prompt={'x' * 501}"

    answer = workplace.run("plan", workplace.project(FILM), *WAN, words)

    assert answer.code == 2
    assert "at most 500 characters" in answer.err


def test_it_reaches_the_provider_and_the_manifest(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(*QUICK) as emulator:
        account = opened(emulator)
        monkeypatch.setenv("KIE_API_KEY", account.key)
        film = workplace.project({"main": {"one": FILM["main"]["one"]}})
        made = workplace.run(film, *account.words, *WAN)
        assert made.code == 0, made.out
        (body,) = account.sent()
    assert body["input"]["negative_prompt"] == "boats"
    (shot,) = workplace.manifest()["sequences"]["main"]["shots"].values()
    assert shot["negative_prompt"] == "boats"
