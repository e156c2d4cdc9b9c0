"""Metrics in a run: measured once for each digest; what goes wrong with one is a warning, and never costs a clip."""

from __future__ import annotations

import asyncio
import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

import runner
from runner import Timing
from runner.media.measures import seam_frames

if TYPE_CHECKING:
    from tests.conftest import Workplace

CHAIN = {"main": {"one": "waves", "two": "clouds"}}
METRIC = """
from runner.api import MetricSpec, hookimpl

class Mine:
    def __init__(self, options, context):
        pass
    def measure(self, subject):
        with open("calls.txt", "a") as file:
            file.write("x")
        {body}

@hookimpl
def runner_register():
    return MetricSpec(name="mine", factory=Mine, version={version}, level="{level}")
"""


def metric(workplace: Workplace, body: str, *, level: str = "clip", version: int = 1) -> None:
    workplace.write("plugins/mine.py", METRIC.format(body=body, level=level, version=version))


def calls(workplace: Workplace) -> int:
    file = workplace.path / "calls.txt"
    return len(file.read_text(encoding="utf-8")) if file.exists() else 0


def shots(workplace: Workplace) -> dict[str, Any]:
    found: dict[str, Any] = workplace.manifest()["sequences"]["main"]["shots"]
    return found


def test_seams_are_measured_by_default_and_clips_are_not(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(CHAIN), "--quiet")

    assert answer.code == 0, answer.err
    found = shots(workplace)
    assert "metrics" not in found["one"]
    numbers = found["two"]["metrics"]
    assert set(numbers) >= {"seam_ssim", "seam_psnr_db", "seam_delta_e", "seam_luma_jump"}
    assert all(name.startswith("seam_") for name in numbers)
    assert numbers["seam_psnr_db"] == pytest.approx(found["two"]["adherence"]["psnr_db"], abs=0.01)
    assert numbers["seam_ssim"] > 0.9


def test_the_metrics_of_clips_are_measured_where_they_are_enabled(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(CHAIN), "metrics.enabled=[clips]", "--quiet")

    assert answer.code == 0, answer.err
    numbers = shots(workplace)["one"]["metrics"]
    assert set(numbers) >= {"sharpness", "noise", "saturation", "contrast", "stillness", "black"}
    assert numbers["contrast"] > 0
    assert numbers["black"] == 0


def test_nothing_is_measured_where_nothing_is_enabled(workplace: Workplace) -> None:
    answer = workplace.run(workplace.project(CHAIN), "metrics.enabled=[]", "--quiet")

    assert answer.code == 0, answer.err
    assert "metrics" not in shots(workplace)["two"]


@pytest.mark.parametrize("body", ["return 2.5", "return None"])
def test_a_clip_is_measured_once(workplace: Workplace, body: str) -> None:
    metric(workplace, body)
    words = (workplace.project(CHAIN), "metrics.enabled=[mine]", "--quiet")
    assert workplace.run(*words).code == 0
    assert calls(workplace) == 2
    first = shots(workplace)["one"].get("metrics")

    assert workplace.run(*words).code == 0

    assert calls(workplace) == 2
    assert shots(workplace)["one"].get("metrics") == first
    assert first == ({"mine": 2.5} if "2.5" in body else None)


def test_a_new_version_is_measured_again(workplace: Workplace) -> None:
    metric(workplace, "return 1.0")
    words = (workplace.project(CHAIN), "metrics.enabled=[mine]", "--quiet")
    assert workplace.run(*words).code == 0
    (workplace.path / "plugins/mine.py").unlink()
    text = METRIC.format(body="return 2.0", version=2, level="clip")
    workplace.write("plugins/newer.py", text)  # under a name that this process has not imported

    assert workplace.run(*words).code == 0

    assert calls(workplace) == 4
    assert shots(workplace)["one"]["metrics"] == {"mine": 2.0}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ZeroDivisionError('oops')", "metric mine failed in measure"),
        ("return 'much'", "metric mine returned"),
        ("return float('nan')", "metric mine returned nan from measure"),
        ("subject.frames[0][:] = 0", "metric mine failed in measure"),
    ],
)
def test_a_metric_that_fails_is_a_warning(workplace: Workplace, body: str, said: str) -> None:
    metric(workplace, body)

    answer = workplace.run(workplace.project(CHAIN), "metrics.enabled=[seams,mine]", "--quiet")

    assert answer.code == 0, answer.err
    for shot in shots(workplace).values():
        assert shot["ending"] == "done"
        assert any(said in warning for warning in shot["warnings"])
    assert "seam_ssim" in shots(workplace)["two"]["metrics"]
    assert said in " ".join(answer.out.split())


def test_numbers_out_of_their_limits_are_marked_in_the_table(workplace: Workplace) -> None:
    metric(workplace, "return 7.0")
    words = ("metrics.enabled=[]", "+metrics.budgets.mine.max=5", "--quiet")
    assert workplace.run(workplace.project(CHAIN), *words).code == 0

    shown = workplace.run("metrics", "outputs").out

    assert workplace.manifest()["metric_limits"] == {"mine": {"max": 5.0}}
    assert shown.count("! 7") == 2
    assert "> 5" in shown


def test_a_number_out_of_its_budget_is_a_warning(workplace: Workplace) -> None:
    metric(workplace, "return 7.0")
    budget = ("metrics.enabled=[]", "+metrics.budgets.mine.max=5")

    answer = workplace.run(workplace.project(CHAIN), *budget, "--quiet")

    assert answer.code == 0, answer.err
    expected = "mine is 7, more than metrics.budgets.mine.max=5"
    assert [shot["warnings"][-1] for shot in shots(workplace).values()] == [expected, expected]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("metrics.enabled=[seam_sim]",), "seam_ssim"),
        (("+metrics.budgets.nothing.max=1",), "there is no metric of this name"),
        (("+metrics.budgets.seam_ssim={min: 2, max: 1}",), "is more than max"),
        (("+metrics.budgets.seam_ssim.most=1",), "there is no such key"),
    ],
)
def test_wrong_keys_are_reported_before_anything_runs(
    workplace: Workplace, words: tuple[str, ...], said: str
) -> None:
    answer = workplace.run(workplace.project(CHAIN), *words, "--quiet")

    assert answer.code == 2
    assert said in answer.err
    assert not (workplace.path / "outputs").exists()


def test_a_metric_is_an_objective(workplace: Workplace) -> None:
    metric(workplace, "return float(subject.frames[0].mean())")
    words = ("-m", workplace.project(CHAIN), "shot.seed=1,2", "objective=mine")

    refused = workplace.run(*words, "--quiet")
    answer = workplace.run(*words, "metrics.enabled=[mine]", "--quiet")

    assert refused.code == 2
    assert "there is no objective named mine" in refused.err
    assert answer.code == 0, answer.err
    (table,) = (workplace.path / "outputs").rglob("sweep.csv")
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2
    columns = head.split(",")
    at = columns.index("objective: mine"), columns.index("metric.mine")
    assert all(row.split(",")[at[0]] == row.split(",")[at[1]] != "" for row in rows)


def test_a_folder_without_metrics_says_so(workplace: Workplace) -> None:
    assert workplace.run(workplace.project(CHAIN), "metrics.enabled=[]", "--quiet").code == 0

    answer = workplace.run("metrics", "outputs")

    assert answer.code == 0
    assert "metrics.enabled=[seams,clips]" in answer.out


def test_what_is_no_number_of_a_metric_is_not_shown(workplace: Workplace) -> None:
    assert workplace.run(workplace.project(CHAIN), "--quiet").code == 0
    (run,) = workplace.runs()
    found = workplace.manifest()
    numbers = found["sequences"]["main"]["shots"]["two"]["metrics"]
    numbers |= {"[red]\x1b[31mx": 1, "a" * 50: 2, "text": "3", "flag": True, "mine": 4.25}
    (run / "manifest.json").unlink()  # other names of the file keep what they have
    workplace.write(str((run / "manifest.json").relative_to(workplace.path)), json.dumps(found))

    shown = workplace.run("metrics", str(run)).out

    assert "4.25" in shown
    assert not [word for word in ("red", "31m", "aaaa", "text", "flag") if word in shown]


def test_a_metric_that_takes_too_long_is_left_out(workplace: Workplace) -> None:
    metric(workplace, "import time; time.sleep(3)\n        return 1.0")
    words = [workplace.project(CHAIN), "metrics.enabled=[seams,mine]"]
    plan = runner.plan(runner.compose(words))

    async def run() -> runner.RunOutcome:
        async with runner.Session(plan.project.output_root, timing=Timing(measure_s=0.5)) as session:
            (outcome,) = await session.run([plan])
        return outcome

    outcome = asyncio.run(asyncio.wait_for(run(), 120))

    assert outcome.exit_code == 0
    assert calls(workplace) == 1
    assert "metric mine took longer than 0.5 s" in outcome.shots[0].warnings[-1]
    assert all("mine" not in shot.metrics for shot in outcome.shots)


def test_seams_of_clips_that_the_run_made_are_measured_without_decoding_again(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seam_frames._Kept, "take", None)  # all frames that are decoded for a seam go there
    plan = runner.plan(runner.compose([workplace.project(CHAIN)], workplace.path))

    async def run() -> runner.RunOutcome:
        async with runner.Session(plan.project.output_root) as session:
            (outcome,) = await session.run([plan])
            return outcome

    outcome = asyncio.run(run())

    assert outcome.exit_code == 0
    assert "seam_ssim" in outcome.shots[1].metrics
    assert not outcome.shots[1].warnings


def test_of_several_seams_the_worst_is_that_of_the_job(workplace: Workplace) -> None:
    project = workplace.project({"main": {"one": "waves", "two": "clouds", "three": "rain"}})

    answer = workplace.run("-m", project, "shot.seed=1,2", "--quiet")

    assert answer.code == 0, answer.err
    (table,) = (workplace.path / "outputs").rglob("sweep.csv")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    runs = [run["shots"] for run in workplace.run("metrics", "outputs", "--json").json]
    for name, worst in (("seam_ssim", min), ("seam_delta_e", max)):
        expected = [worst(shot[name] for shot in run.values() if shot) for run in runs]
        assert sorted(float(row[f"metric.{name}"]) for row in rows) == sorted(expected)


def test_the_takes_that_a_beam_shows_have_metrics(workplace: Workplace) -> None:
    answer = workplace.run(
        workplace.project(CHAIN), "beam.takes=2", "metrics.enabled=[seams,contrast]", "--quiet"
    )

    assert answer.code == 0, answer.err
    found = shots(workplace)
    assert found["one"]["metrics"]["contrast"] > 0
    assert found["two"]["metrics"]["seam_ssim"] > 0.9
