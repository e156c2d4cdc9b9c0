"""How well models keep first frames, by the clips that an outputs root has of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.planning.adherence import profiles
from runner.store.attempt import Attempt, Phase
from runner.store.clip_record import ClipRecord, SeamAdherence

if TYPE_CHECKING:
    from tests.conftest import Workplace

SEAM = SeamAdherence(verdict="locked", psnr_db=44.0, repeats=0, zoom=1.0, doubled=True)


def attempt(seam: SeamAdherence | None, model: str = "toy-1", **more: Any) -> Attempt:
    return replace(
        Attempt(
            token="t",
            key="k",
            scope="s",
            project="p",
            sequence="a",
            shot="b",
            generator="toy",
            model=model,
            account="",
            phase=Phase.FETCHED,
            reserved=0,
            record=ClipRecord(adherence=seam),
        ),
        **more,
    )


def test_verdicts_and_habits_are_counted() -> None:
    seams = [
        replace(SEAM, luma=4.0),
        replace(SEAM, repeats=2, luma=5.0),
        replace(SEAM, verdict="reencoded", luma=1.0),
        replace(SEAM, verdict="reframed", zoom=1.2, shift=0.05, luma=-4.0),
        replace(SEAM, verdict="ignored", doubled=False),
        replace(SEAM, eases_in=3, luma=4.5),
    ]

    (profile,) = profiles(map(attempt, seams)).values()

    assert (profile.clips, profile.locked, profile.reencoded) == (6, 3, 1)
    assert (profile.reframed, profile.ignored) == (1, 1)
    assert (profile.repeats, profile.zooms, profile.shifts, profile.eases_in) == (1, 1, 1, 1)
    assert (profile.brightens, profile.luma) == (4, 4.0)
    assert profile.says_enough
    assert not profile.often_ignores
    assert profile.line == (
        "toy-1 with a first frame, 6 clips: 3 locked, 1 reencoded, 1 reframed, 1 ignored; 1 ease in; 1 repeat it; "
        "1 zoom; 1 shift it; 4 begin brighter (by 4 levels)"
    )


def test_each_model_has_its_own_and_only_clips_from_a_frame_count() -> None:
    found = profiles(
        [
            attempt(SEAM),
            attempt(None),
            attempt(SEAM, phase=Phase.LOST),
            attempt(replace(SEAM, verdict="ignored"), model="toy-2"),
        ]
    )

    assert {model: profile.clips for (_, model), profile in found.items()} == {"toy-1": 1, "toy-2": 1}
    assert found["toy", "toy-2"].often_ignores
    assert not found["toy", "toy-2"].says_enough


def test_plan_and_doctor_show_what_is_known_of_a_model(workplace: Workplace) -> None:
    shots: dict[str, Any] = dict.fromkeys(("one", "two", "three"), "a lake")
    film = workplace.project({"main": shots})
    assert workplace.run(film, "-q").code == 0
    assert workplace.run("plan", film, "--json").json["adherence"] == [], "two clips say nothing yet"
    shots["four"] = {"prompt": "a hut", "params": {"ignore_image": True}}
    film = workplace.project({"main": shots})
    assert workplace.run(film, "-q", "continuity.on_ignored=warn").code == 0

    (profile,) = workplace.run("plan", film, "--json").json["adherence"]

    assert (profile["generator"], profile["clips"], profile["ignored"]) == ("synthetic", 3, 1)
    assert "synthetic with a first frame, 3 clips: 2 locked, 1 ignored" in workplace.run("plan", film).out
    checks = {check["subject"]: check for check in workplace.run("doctor", film, "--json").json}
    assert checks["adherence"]["verdict"] == "warning"
    assert checks["adherence"]["message"].startswith("synthetic with a first frame, 3 clips")
    assert "continuity.on_ignored=retry" in checks["adherence"]["hint"]
