"""The profiles in conf/generator that choose a model of KIE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner import bundle
from runner.config import compose
from tests.plugins.kie.asking import CATALOGUE, price, shot

if TYPE_CHECKING:
    from tests.conftest import Workplace

PROFILES = {
    "kie": "bytedance/seedance-2-mini",
    "kie_kling": "kling-3.0",
    "kie_seedance": "bytedance/seedance-2",
    "kie_wan": "wan/2-7",
    "kie_hailuo": "hailuo/2-3-standard",
    "kie_veo": "veo-3-1",
    "kie_grok": "grok-imagine",
    "kie_minimax": "minimax-h3",
    "kie_pixverse": "pixverse-v6",
    "kie_sora": "sora-2",
}


def composed(*overrides: str) -> dict[str, Any]:
    return compose.compose(overrides).config


@pytest.mark.parametrize(("profile", "model"), PROFILES.items())
def test_a_profile_selects_a_known_model_and_the_key_of_the_environment(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, profile: str, model: str
) -> None:
    monkeypatch.setenv("KIE_API_KEY", "canary")

    generator = composed(f"generator={profile}")["generator"]

    assert generator == {"plugin": "kie", "model": model, "api_key": "canary"}
    assert model in CATALOGUE.cards


def test_a_profile_can_be_a_second_generator_under_a_label(workplace: Workplace) -> None:
    config = composed("+generator@generators.closeup=kie_wan", "generator=kie_veo")

    assert config["generators"]["closeup"]["model"] == "wan/2-7"
    assert config["generators"]["closeup"]["plugin"] == "kie"
    assert config["generator"]["model"] == "veo-3-1"


def test_there_is_a_line_here_for_every_profile() -> None:
    there = {file.stem for file in bundle.folder("conf").glob("generator/kie*.yaml")}

    assert there == set(PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_says_in_two_lines_what_it_is_and_how_to_select_it(profile: str) -> None:
    lines = (bundle.folder("conf") / "generator" / f"{profile}.yaml").read_text(encoding="utf-8").splitlines()

    assert [line.startswith("# ") for line in lines[:3]] == [True, True, False]
    assert f"generator={profile}" in lines[0]


def test_the_default_model_costs_modestly_for_what_the_shipped_projects_ask() -> None:
    for start in ("text", "image"):
        request = shot(4, "720p", "16:9", start=start)
        told = price(PROFILES["kie"], request)
        assert told is not None
        assert told.usd < 1
