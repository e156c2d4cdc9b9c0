"""Five takes with a known defect against five without: the comparison catches it, and does not cry wolf.

All defects over many draws: tests/compare/known_bads.py.
"""

from __future__ import annotations

from tests.compare.known_bads import AFTER, BEFORE, GOOD, TAKES, Caught, caught, takes
from tests.media.calibration_defects import DEFECTS

FOOTAGE = "pan"
CAME_TO = {
    "as it is": Caught(0, 0, 0, 1),
    "luma -3 %": Caught(1, 0, 0, 0),
    "truncated": Caught(0, 1, 0, 0),
}


def test_a_defect_is_caught_and_more_of_the_same_is_fine() -> None:
    before = takes(FOOTAGE, GOOD, BEFORE[:TAKES])

    found = {
        defect.name: caught(before, takes(FOOTAGE, defect, AFTER[:TAKES]), draws=1)
        for defect in DEFECTS
        if defect.name in CAME_TO
    }

    assert found == CAME_TO
