"""Which frame of a clip is handed over, by each rule."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image, ImageFilter

from runner.api import HandOver, HandOverRule
from runner.errors import ExtractionRefused
from runner.media.frames import frame_from_end
from runner.media.hand_over import before_fade, choose, sharpness

if TYPE_CHECKING:
    from pathlib import Path

SHARPEST = HandOver(HandOverRule.SHARPEST_OF_LAST, 8)
BEFORE_FADE = HandOver(HandOverRule.BEFORE_FADE)


def scene(shift: int = 0) -> Any:
    """Blocks, moved to the right."""
    blocks = np.random.default_rng(1).integers(30, 220, (9, 24, 3))
    return np.roll(np.kron(blocks, np.ones((12, 12, 1))), shift, axis=1)[:, :192]


def clip(path: Path, pictures: list[Any]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "12", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 192, 108, "yuv420p"
        for number, picture in enumerate(pictures):
            rgb = np.clip(picture, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def blurred(picture: Any) -> Any:
    return np.asarray(Image.fromarray(picture.astype(np.uint8)).filter(ImageFilter.GaussianBlur(2)))


def test_an_offset_counts_from_the_end(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [scene(3 * number) for number in range(20)])

    choice = choose(path, HandOver(HandOverRule.OFFSET, 5))

    assert (choice.offset, choice.frame, choice.candidates) == (5, 14, ())
    assert choice.time_s == pytest.approx(14 / 24, abs=1e-6)
    frame = frame_from_end(path, choice.offset)
    assert frame.time_s == pytest.approx(choice.time_s, abs=1e-5)
    off = [np.abs(frame.rgb.astype(float) - scene(3 * number)).mean() for number in range(20)]
    assert int(np.argmin(off)) == 14


def test_an_offset_beyond_the_first_frame_is_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [scene()] * 4)

    with pytest.raises(ExtractionRefused, match="too short") as refusal:
        choose(path, HandOver(HandOverRule.OFFSET, 4))

    assert "4 frames" in refusal.value.why


def test_the_sharpest_of_the_last_is_chosen_with_all_scores(tmp_path: Path) -> None:
    shown = [scene(3 * number) for number in range(20)]
    shown[3] = np.where(scene() > 120, 255, 0)  # sharper than all, and not among the last
    for number in (12, 13, 14, 16, 17, 18, 19):
        shown[number] = blurred(shown[number])

    choice = choose(clip(tmp_path / "a.mp4", shown), SHARPEST)

    assert (choice.frame, choice.offset) == (15, 4)
    assert [one.offset for one in choice.candidates] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert max(choice.candidates, key=lambda one: one.score).offset == 4
    assert choose(tmp_path / "a.mp4", SHARPEST) == choice


def test_of_equally_sharp_frames_the_last_is_chosen(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [np.full((108, 192, 3), 90)] * 12)

    assert choose(path, SHARPEST).offset == 0


def test_a_clip_shorter_than_the_search_is_searched_whole(tmp_path: Path) -> None:
    choice = choose(clip(tmp_path / "a.mp4", [blurred(scene()), scene(), blurred(scene())]), SHARPEST)

    assert (choice.offset, len(choice.candidates)) == (1, 3)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("plain", [0, 5])
@pytest.mark.parametrize("fade", [6, 12, 24])
def test_before_fade_is_the_last_full_frame(tmp_path: Path, fade: int, plain: int, level: int) -> None:
    still = [scene(2 * number) for number in range(20)]
    fading = [scene(2 * (20 + step)) * (1 - step / fade) + level * step / fade for step in range(1, fade + 1)]
    path = clip(tmp_path / "a.mp4", [*still, *fading, *[np.full((108, 192, 3), level)] * plain])

    assert abs(choose(path, BEFORE_FADE).frame - 19) <= 1


def test_without_a_fade_it_is_the_last_frame(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", [scene(3 * number) for number in range(20)])

    choice = choose(path, BEFORE_FADE)

    assert choice.offset == 0
    assert choice.policy == HandOver.LAST


def test_a_darker_scene_is_no_fade() -> None:
    assert before_fade([40.0] * 10 + [30.0] * 5) == 14
    assert before_fade([40.0, 40.0, 40.0, 30.0, 20.0, 10.0, 0.0]) == 2
    assert before_fade([40.0, 40.0, 0.0, 0.0]) == 1
    assert before_fade([0.0]) == 0


def test_sharpness_falls_with_blur() -> None:
    assert sharpness(scene().astype(np.uint8)) > 2 * sharpness(blurred(scene()))
    assert sharpness(np.zeros((2, 2, 3), np.uint8)) == 0
