"""What the conformance suite finds wrong with a metric."""

from __future__ import annotations

import pytest

from tests.testing.examined import METRIC, failed, filled, verdicts

ALL = {
    "measures an ordinary clip",
    "the same subject has the same number",
    "changes nothing of its subject",
    "the same from 4 threads at once",
}


@pytest.mark.parametrize("name", ["seam_motion", "seam_ssim", "loudness_lufs", "sharpness"])
def test_the_bundled_ones_pass(workplace, name):
    answer = workplace.run("conformance", name, "--json")

    assert answer.code == 0, answer.out
    assert failed(answer) == {}


def test_a_good_metric_passes(examined):
    answer = examined(filled(METRIC, "return float(subject.frames[0].mean())"))

    assert answer.code == 0, answer.out
    found = verdicts(answer)
    assert {found[check] for check in ALL} == {"ok"}


def test_a_metric_that_counts_its_calls_fails(examined):
    body = """
    self.calls = getattr(self, "calls", 0) + 1
    return self.calls
    """
    answer = examined(filled(METRIC, body))

    assert answer.code == 1
    assert set(failed(answer)) >= {"the same subject has the same number", "the same from 4 threads at once"}


def test_a_metric_that_changes_its_subject_fails(examined):
    body = """
    subject.changes.setflags(write=True)
    subject.changes[:] = 7
    return 1.0
    """
    answer = examined(filled(METRIC, body))

    assert set(failed(answer)) == {"changes nothing of its subject"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return float('inf')", "inf"),
        ("return True", "True"),
        ("return [1]", "list"),
        ("1 / 0", "ZeroDivision"),
    ],
)
def test_a_metric_that_returns_no_number_fails(examined, body, said):
    wrong = failed(examined(filled(METRIC, body)))

    assert said in wrong["measures an ordinary clip"]
