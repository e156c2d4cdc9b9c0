"""The technical checks of a clip: noted, or its shot is held before more is paid for in its chain."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.api import ShotRequest
from runner.config.check_keys import Checks
from runner.engine.checks import failed, findings, warned
from runner.store.clip_record import ClipFile, ColourDrift
from tests.engine.desk import Desk
from tests.engine.test_held_clips import THREE, commands, paid, shots

if TYPE_CHECKING:
    from runner.testing.fake_provider.client import FakeProvider
    from tests.conftest import Workplace

REQUEST = ShotRequest(project="p", sequence="s", shot="one", prompt="a lake", duration_s=4, fps=24)
CLIP = ClipFile(
    bytes=1,
    codec="h264",
    width=1280,
    height=720,
    fps="24",
    frames=96,
    duration_s=4.0,
    audio="aac",
    drift=ColourDrift(luma=0.0, chroma=0.0, hue_deg=0.0),
    black=0.0,
    frozen=0.0,
    ends_blank=False,
)


@pytest.fixture
def three(workplace: Workplace, fake: FakeProvider) -> Desk:
    return Desk(workplace, fake, THREE)


def long(fake: FakeProvider, shot: str = "main/two") -> None:
    fake.script(
        default={"price_usd": "0.10", "run_s": 0.05}, shots={shot: {"clip_duration_s": 1.5, "run_s": 0.05}}
    )


@pytest.mark.parametrize(
    ("check", "clip", "params"),
    [
        ("duration", replace(CLIP, duration_s=4.5), {}),
        ("shape", replace(CLIP, width=720), {}),
        ("rate", replace(CLIP, fps="25"), {}),
        ("audio", CLIP, {"generate_audio": False}),
        ("audio", replace(CLIP, audio=None), {"sound": True}),
        ("black", replace(CLIP, black=0.3, frozen=1.0), {}),
        ("frozen", replace(CLIP, frozen=0.4), {}),
        ("ending", replace(CLIP, ends_blank=True), {}),
    ],
)
def test_each_defect_is_found_by_its_own_check(check: str, clip: ClipFile, params: dict[str, bool]) -> None:
    request = replace(REQUEST, params=params)

    assert [one.check for one in findings(clip, request)] == [check]
    assert [one.check for one in failed(clip, request, Checks(**{check: "fail"}))] == [check]
    assert not failed(clip, request, Checks(**{check: "warn"}))
    assert warned(clip, request, Checks(**{check: "warn"})) == warned(
        clip, request, Checks(**{check: "fail"})
    )
    assert not warned(clip, request, Checks(**{check: "off"}))


@pytest.mark.parametrize(
    ("clip", "params"),
    [
        (CLIP, {}),
        (replace(CLIP, audio=None), {}),
        (replace(CLIP, audio=None), {"generate_audio": False}),
        (replace(CLIP, audio=None), {"audio": "rain.mp3"}),
        (replace(CLIP, audio=None), {"audio": True, "sound": False}),
        (replace(CLIP, duration_s=4.3, fps="24000/1001", width=1264), {}),
        (replace(CLIP, black=None, frozen=None, ends_blank=None), {}),
    ],
)
def test_what_is_near_enough_or_not_known_passes(clip: ClipFile, params: dict[str, bool]) -> None:
    assert not list(findings(clip, replace(REQUEST, params=params)))


def test_a_clip_that_fails_a_check_is_kept_and_nothing_more_is_paid_for(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    long(fake)

    stopped = three.run("checks.duration=fail")

    assert stopped.code == 1
    assert paid(fake) == {"main/one": 1, "main/two": 1}
    made = shots(workplace)
    assert [shot["ending"] for shot in made.values()] == ["done", "held", "skipped"]
    assert (workplace.runs()[0] / made["two"]["clip"]["path"]).is_file()
    assert "checks.duration" in stopped.out
    accept, retake = commands(stopped)
    assert accept[0] == "accept"
    assert retake[-1] == "sequences.main.shots.two.take=2"
    assert "checks.duration=fail" in retake
    assert three.run("checks.duration=fail").code == 1
    assert paid(fake) == {"main/one": 1, "main/two": 1}


def test_the_command_that_accepts_works_as_printed(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    long(fake)
    accept, _ = commands(three.run("checks.duration=fail"))

    assert workplace.run(*accept).code == 0

    assert three.run("checks.duration=fail").code == 0
    assert paid(fake) == {"main/one": 1, "main/two": 1, "main/three": 1}


def test_the_command_that_retakes_works_as_printed(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    long(fake)
    _, retake = commands(three.run("checks.duration=fail"))
    fake.script(default={"price_usd": "0.10", "run_s": 0.05})

    assert workplace.run(*retake).code == 0

    assert paid(fake) == {"main/one": 1, "main/two": 2, "main/three": 1}


def test_a_clip_of_an_earlier_run_is_judged_in_the_same_way_and_has_the_same_key(
    three: Desk, fake: FakeProvider, workplace: Workplace
) -> None:
    long(fake)
    assert three.run("checks.duration=off").code == 0
    assert not shots(workplace)["two"].get("warnings")

    held = three.run("checks.duration=fail")

    assert held.code == 1
    assert "s were requested" in " ".join(held.out.split())
    assert [shot["ending"] for shot in shots(workplace).values()] == ["done", "held", "skipped"]
    assert sum(paid(fake).values()) == 3, "a check is no part of a key"


def test_off_without_quotes_is_off_in_yaml(three: Desk, workplace: Workplace) -> None:
    shown = workplace.run("plan", three.project, "checks={duration: false}", "--json")

    assert shown.code == 0, shown.err
    wrong = workplace.run("plan", three.project, "checks.duration=maybe")
    assert wrong.code == 2
    assert "checks.duration" in wrong.err
