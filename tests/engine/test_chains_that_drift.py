"""A chain whose clips get lighter: how fast is said while it runs, and correction keeps it at the anchor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from runner.media.frames import first_frame, last_frame
from runner.media.look import mean_colour
from runner.store.clip_record import ClipRecord
from tests.engine.drifting import PLUGIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

PER_SHOT = 0.9
"""The drift of each clip, in L*."""


@pytest.fixture
def film(workplace: Workplace) -> str:
    workplace.write("plugins/drifting.py", PLUGIN)
    return chain(workplace, 5)


def chain(workplace: Workplace, count: int, **more: Any) -> str:
    shots = {f"s{number:02d}": "a wall" for number in range(1, count + 1)}
    generator = {"plugin": "drifting", "drift": PER_SHOT}
    return workplace.project({"main": shots}, generator=generator, shot={"fps": 12}, **more)


def sequence(workplace: Workplace, run: int = 0) -> Any:
    return workplace.manifest(run)["sequences"]["main"]


def clips(workplace: Workplace, run: int = 0) -> list[Path]:
    folder = workplace.runs()[run]
    return [folder / shot["clip"]["path"] for shot in sequence(workplace, run)["shots"].values()]


def lightness_at_the_end(workplace: Workplace, run: int = 0) -> float:
    return mean_colour([last_frame(clips(workplace, run)[-1]).rgb])[0]


def test_ten_shots_drift_as_fast_as_they_were_made_to_and_break_when_it_was_forecast(
    workplace: Workplace, film: str
) -> None:
    film = chain(workplace, 10)

    answer = workplace.run(film, "continuity.max_drift=5")

    assert answer.code == 0, answer.out + answer.err
    (drift,) = sequence(workplace)["drift"]
    slope = drift["slopes"]["lightness"]
    assert slope["per_shot"] == pytest.approx(PER_SHOT, rel=0.1)
    assert slope["low"] <= slope["per_shot"] <= slope["high"]
    assert drift["slopes"]["distance"]["per_shot"] == pytest.approx(PER_SHOT, rel=0.1)
    assert list(drift["distances"]) == [f"s{number:02d}" for number in range(1, 11)]
    first_above = next(number for number, one in enumerate(drift["distances"].values(), start=1) if one > 5)
    assert drift["breaks_at"] == first_above

    forecasts = [
        event["detail"]["breaks_at"]
        for event in events(workplace)
        if event["kind"] == "chain_measured" and len(event["detail"]["distances"]) in range(3, first_above)
    ]
    assert len(forecasts) > 2
    assert all(abs(forecast - first_above) <= 1 for forecast in forecasts)
    warned = [event for event in events(workplace) if "continuity.max_drift" in event.get("message", "")]
    assert [event["shot"] for event in warned] == ["s03", f"s{first_above:02d}"]
    assert "is going to break at s0" in answer.err
    assert "more than continuity.max_drift=5" in answer.err


def events(workplace: Workplace, run: int = 0) -> list[Any]:
    text = (workplace.runs()[run] / "events.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_without_a_limit_drift_is_reported_and_not_warned_of(workplace: Workplace, film: str) -> None:
    answer = workplace.run(film)

    assert answer.code == 0, answer.err
    (drift,) = sequence(workplace)["drift"]
    assert drift["breaks_at"] is None
    assert drift["anchor"] == "s01"
    assert "drift of main: " in " ".join(answer.out.split())
    assert not [event for event in events(workplace) if event["kind"] == "shot_warned"]
    look = sequence(workplace)["shots"]["s02"]["look"]
    assert look["change"][0] == pytest.approx(PER_SHOT, rel=0.25), "from its first to its last 15 %"
    before = workplace.manifest()
    assert workplace.run(film).code == 0
    assert workplace.manifest() == before, "of clips that are reused, too"


def test_corrected_the_end_is_where_the_anchor_is(workplace: Workplace, film: str) -> None:
    film = chain(workplace, 10)
    assert workplace.run(film).code == 0
    anchor = mean_colour([first_frame(clips(workplace)[0]).rgb])[0] + PER_SHOT / 2
    uncorrected = abs(lightness_at_the_end(workplace) - anchor)
    assert uncorrected > 8 * PER_SHOT

    answer = workplace.run(film, "continuity.correct.target=hand_over", "output.root=corrected")

    assert answer.code == 0, answer.out
    folder = next((workplace.path / "corrected").rglob("manifest.json")).parent
    made = json.loads((folder / "manifest.json").read_text())
    shots = made["sequences"]["main"]["shots"]
    corrected = mean_colour([last_frame(folder / shots["s10"]["clip"]["path"]).rgb])[0]
    assert abs(corrected - anchor) < uncorrected / 5
    transform = shots["s05"]["first_frame"]["transform"]
    darker = transform["gain"][0] * anchor + transform["offset"][0] - anchor
    assert darker == pytest.approx(-PER_SHOT, abs=0.2), "back from the end of a clip to where it began"
    assert made["correct"] == {"target": "hand_over", "strength": 1.0}


def test_correction_is_another_request_and_none_leaves_every_byte_as_it_was(
    workplace: Workplace, film: str
) -> None:
    plan = [
        workplace.run("plan", film, *words, "--json").json
        for words in ((), ("continuity.correct.target=none",))
    ]
    assert plan[0]["sequences"] == plan[1]["sequences"]
    corrected = workplace.run("plan", film, "continuity.correct.target=both", "--json").json
    weaker = workplace.run(
        "plan", film, "continuity.correct.target=both", "continuity.correct.strength=0.5", "--json"
    ).json
    keys = [[shot["key"] for shot in one["sequences"]["main"]] for one in (plan[0], corrected, weaker)]
    assert len({of[0] for of in keys}) == 1, "the first shot has no first frame to correct"
    assert len({of[1] for of in keys}) == 3
    in_film = workplace.run("plan", film, "continuity.correct.target=film", "--json").json
    assert [shot["key"] for shot in in_film["sequences"]["main"]] == keys[0]
    zero = workplace.run(
        "plan", film, "continuity.correct.target=both", "continuity.correct.strength=0", "--json"
    ).json
    assert zero["sequences"] == plan[0]["sequences"]


def test_every_second_chained_shot_starts_from_the_first_clip(workplace: Workplace, film: str) -> None:
    answer = workplace.run(film, "continuity.reanchor_every=2")

    assert answer.code == 0, answer.out
    shots = sequence(workplace)["shots"]
    assert [shot.get("starts_from") for shot in shots.values()] == [None, "s01", "s01", "s03", "s01"]
    frames = [shot["first_frame"] and shot["first_frame"]["sha256"] for shot in shots.values()]
    assert frames[1] == frames[2] == frames[4] != frames[3]
    assert shots["s03"]["first_frame"]["path"] == "main/frames/03_s03_anchor.png"
    assert workplace.run("verify", str(workplace.runs()[0])).code == 0
    (drift,) = sequence(workplace)["drift"]
    assert max(drift["distances"].values()) < 2.2 * PER_SHOT
    plain = [shot["key"] for shot in workplace.run("plan", film, "--json").json["sequences"]["main"]]
    same = [key == shot["key"] for key, shot in zip(plain, shots.values(), strict=True)]
    assert same == [True, True, False, False, False], (
        "only shots on the grid, and after it, are other requests"
    )


def test_an_image_can_be_the_anchor(workplace: Workplace, film: str) -> None:
    picture = np.kron(np.random.default_rng(7).integers(60, 110, (9, 16, 3)), np.ones((10, 10, 1)))
    (workplace.path / "pictures").mkdir()
    Image.fromarray(picture.astype(np.uint8)).save(workplace.path / "pictures" / "wall.png")
    words = ("continuity.anchor=pictures/wall.png", "continuity.reanchor_every=2")

    answer = workplace.run(film, *words, "continuity.correct.target=hand_over")

    assert answer.code == 0, answer.out + answer.err
    shots = sequence(workplace)["shots"]
    assert "starts_from" not in shots["s03"]
    assert shots["s03"]["adherence"]["verdict"] == "locked"
    (drift,) = sequence(workplace)["drift"]
    assert drift["anchor"] == "wall.png"
    assert drift["distances"]["s01"] > 3, "the first clip is another one than the anchor"
    assert drift["distances"]["s02"] < 1.5, "its first frame was corrected towards the anchor"
    missing = workplace.run(film, "continuity.anchor=nowhere.png")
    assert missing.code == 2
    assert "continuity.anchor: there is no such file" in missing.err


def test_clips_of_older_versions_are_left_out(workplace: Workplace, film: str) -> None:
    assert workplace.run(film).code == 0
    record = workplace.run("journal", "--json").json[0]["record"]
    assert record["look"]["lab"]

    old = ClipRecord.from_json({name: value for name, value in record.items() if name != "look"})

    assert old.look is None
    broken = {**record, "look": {**record["look"], "noise": "much"}}
    with pytest.raises(ValueError, match="is no number"):
        ClipRecord.from_json(broken)
