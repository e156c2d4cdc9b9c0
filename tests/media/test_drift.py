"""Reading a clip through, and telling a drift of colours from a change of scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from runner.errors import Incomplete, MediaError
from runner.media.drift import described, drift
from runner.media.survey import survey

if TYPE_CHECKING:
    from pathlib import Path


def scene(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(40, 170, (9, 16, 3)), np.ones((12, 12, 1))).astype(np.float64)


def clip(path: Path, pictures: list[Any]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 192, 108, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def stations(pictures: list[Any]) -> list[Any]:
    return [np.clip(picture, 0, 255).astype(np.uint8) for picture in pictures]


def test_a_steady_change_of_brightness_is_a_drift() -> None:
    change = drift(stations([scene(1) + 8 * step for step in range(7)]))
    assert change.luma == pytest.approx(16, abs=1.5)
    assert described(change) == "16 levels brighter"


def test_a_still_scene_does_not_drift() -> None:
    change = drift(stations([scene(1)] * 7))
    assert change == (0.0, 0.0, 0.0)
    assert described(change) == ""


def test_a_cut_in_the_last_third_is_not_a_drift() -> None:
    assert drift(stations([scene(1)] * 5 + [scene(2) + 60] * 2)) == (0.0, 0.0, 0.0)


def test_a_dissolve_that_has_settled_is_not_a_drift() -> None:
    mixed = [min(1.0, step / 3) for step in range(7)]
    assert described(drift(stations([(1 - m) * scene(1) + m * (scene(2) + 60) for m in mixed]))) == ""


def test_a_turn_of_hue_is_told_in_degrees() -> None:
    base = scene(3)
    warm, green = base + np.array([60, 0, -40]), base + np.array([0, 45, -40])
    pictures = [warm + (green - warm) * step / 6 for step in range(7)]
    assert "degrees of hue" in described(drift(stations(pictures)))


def test_a_survey_keeps_the_opening_and_frames_spread_to_the_end(tmp_path: Path) -> None:
    pictures = [np.full((108, 192, 3), 20 + 5 * index) for index in range(40)]
    seen = survey(clip(tmp_path / "a.mp4", pictures), 5.0)
    assert seen.frames == 40
    assert (len(seen.opening), len(seen.ending)) == (14, 8)
    assert seen.ending.times[-1] == seen.stations.times[-1]
    levels = [round((float(rgb.mean()) - 20) / 5) for rgb in seen.stations]
    assert len(levels) == 7
    assert levels[0] == 0
    assert levels[-1] == 39
    assert levels == sorted(levels)


def test_a_clip_of_one_frame_is_surveyed(tmp_path: Path) -> None:
    seen = survey(clip(tmp_path / "a.mp4", [scene(1)]), 0.125)
    assert (seen.frames, len(seen.opening), len(seen.stations)) == (1, 1, 2)


def test_a_clip_with_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = clip(tmp_path / "a.mp4", [rng.integers(0, 255, (108, 192, 3)) for _ in range(24)])
    data = bytearray(file.read_bytes())
    start = data.index(b"mdat") + len(data) // 3
    data[start : start + 4000] = rng.bytes(4000)
    file.write_bytes(data)
    with pytest.raises((Incomplete, MediaError)):
        survey(file, 3.0)
