"""Each known-bad clip fails its own check and no other, and no known-good clip fails any; see `calibration`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from runner.media import seam_jumps, seam_sound, thresholds
from tests.media.calibration import FITTED, METRICS, Row, lines, measured, specs
from tests.media.calibration_defects import DEFECTS, NOT_SEPARABLE
from tests.media.calibration_footage import FOOTAGE, hiss

if TYPE_CHECKING:
    from pathlib import Path

FRESH = 102
"""A seed that no limit was chosen on; `python -m tests.media.calibration --seeds 100-109` takes more of them."""


@pytest.mark.parametrize("footage", FOOTAGE)
def test_every_clip_fails_what_it_should_and_nothing_else(footage: str, tmp_path: Path) -> None:
    assert FRESH not in FITTED
    rows = [measured(footage, defect, tmp_path, FRESH) for defect in DEFECTS]

    assert not [text for row in rows if not row.is_right and not row.why_not for text in lines(row)]


def test_what_is_not_separable_is_of_the_table_and_has_a_reason() -> None:
    known = {(footage, defect.name) for footage in FOOTAGE for defect in DEFECTS}

    assert set(NOT_SEPARABLE) <= known
    assert all(len(why) > 20 for why in NOT_SEPARABLE.values())


def test_every_check_has_a_clip_that_fails_it(tmp_path: Path) -> None:
    measures = measured("pan", DEFECTS[0], tmp_path, FRESH).margins

    assert {*measures} == {defect.check for defect in DEFECTS if defect.check}


def test_every_metric_with_a_budget_is_calibrated() -> None:
    of_seams = {name for name, spec in specs().items() if spec.level == "seam" and spec.maximum is not None}

    assert of_seams == set(METRICS.values())
    assert specs()["seam_steps"].maximum == thresholds.STEPS_MISSING


def test_the_table_is_readable_at_80_columns() -> None:
    for defect in DEFECTS:
        for footage in FOOTAGE:
            wrong = Row(footage, defect, {defect.check: -1.0, "saturation": -0.123, "sharpness": -1.0}, 100)
            assert max(map(len, lines(wrong))) <= 80, (footage, defect.name)


def test_a_measure_without_motion_or_colour_says_nothing() -> None:
    grey = [np.full((90, 160, 3), 120, np.uint8)] * 12

    assert seam_jumps.steps(grey, grey) == 0.0
    assert not seam_jumps.is_along(grey[0], grey)
    jump = seam_jumps.compare(grey[0], grey, grey)
    assert (jump.luma, jump.hue, jump.saturation, jump.steps) == (0, None, None, 0)
    assert seam_jumps.softening(grey, grey) is None
    assert seam_jumps.graining(grey, grey) == 0
    with pytest.raises(ValueError, match="both sides"):
        seam_jumps.compare(grey[0], [], grey)
    silence = np.zeros(48_000)
    assert seam_sound.click(silence, silence, 48_000) == 0.0
    assert seam_sound.level_step_db(silence, hiss(1), 48_000) == 0.0
    assert seam_sound.click(silence[:10], silence, 48_000) == 0.0
