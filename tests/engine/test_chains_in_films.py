"""A film ends each clip at the frame that was handed over, and shows it in the colours of the anchor where wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from runner.media.frames import last_frame
from runner.media.look import mean_colour
from tests.engine.drifting import PLUGIN
from tests.engine.test_chains_that_drift import PER_SHOT, chain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace

FRAMES = 6


def made(workplace: Workplace, film: str, *words: str) -> tuple[Any, Path]:
    """The sequence as the manifest has it, and its film."""
    answer = workplace.run(film, "-q", *words)
    assert answer.code == 0, answer.out + answer.err
    folder = max(workplace.runs(), key=lambda one: (one / "run.json").stat().st_mtime_ns)
    number = workplace.runs().index(folder)
    found = workplace.manifest(number)["sequences"]["main"]
    return found, folder / found["film"]["path"]


def shown(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(autouse=True)
def plugin(workplace: Workplace) -> None:
    workplace.write("plugins/drifting.py", PLUGIN)


@pytest.mark.parametrize("offset", [1, 3])
def test_what_comes_after_the_frame_that_was_handed_over_is_left_out(
    workplace: Workplace, offset: int
) -> None:
    found, film = made(
        workplace, chain(workplace, 3), f"continuity.hand_over=offset:{offset}", "generator.drift=10"
    )

    pictures = shown(film)
    # Of each clip that goes on in another one, the frame that was handed over stands in the next one.
    assert len(pictures) == 2 * (FRAMES - offset - 1) + FRAMES
    lightness = [mean_colour([one])[0] for one in pictures]
    steps = np.diff(lightness)
    assert steps == pytest.approx(10 / (FRAMES - 1), abs=0.5), "it never stands still nor jumps"
    assert [one.get("trim_before") for one in found["film"]["joined_from"]] == [None, offset, offset]


def test_the_film_is_corrected_towards_the_anchor_and_its_clips_are_not(workplace: Workplace) -> None:
    film = chain(workplace, 6)
    plain, before = made(workplace, film)
    start = mean_colour([shown(before)[0]])[0] + PER_SHOT / 2
    uncorrected = abs(mean_colour([last_frame(before).rgb])[0] - start)

    corrected, after = made(workplace, film, "continuity.correct.target=film")

    assert abs(mean_colour([last_frame(after).rgb])[0] - start) < uncorrected / 5
    clips = [[shot["clip"]["sha256"] for shot in one["shots"].values()] for one in (plain, corrected)]
    assert clips[0] == clips[1]
    transforms = [shot.get("film_transform") for shot in corrected["shots"].values()]
    assert transforms[0] is None
    assert all(transforms[1:])
    again, _ = made(workplace, film, "continuity.correct.target=film")
    assert again == corrected
    none, _ = made(workplace, film, "continuity.correct.target=none")
    assert none["film"]["sha256"] == plain["film"]["sha256"], "off, every byte is as before"
