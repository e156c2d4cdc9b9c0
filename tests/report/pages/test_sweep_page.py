"""The page of a sweep of twelve jobs, in a browser, from file://."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from runner.report.model import read_sweep

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workplace
    from tests.report.pages.conftest import Screen

FILM: Final[dict[str, Any]] = {"quay": {"boats": "boats", "gulls": "gulls", "lamp": "a lamp"}}
AXES: Final = (
    "sequences.quay.shots.gulls.prompt='a storm','a calm','<b>fog'",
    "sequences.quay.shots.lamp.params.drift_brightness=0,10,20,30",
)
FRAME_S: Final = 1 / 24


def swept(workplace: Workplace, *words: str) -> Path:
    project = workplace.project(FILM, shot={"duration_s": 1.5, "resolution": "64p", "fps": 24})
    answer = workplace.run("-m", project, *(words or AXES), "report=true", "-q")
    assert answer.code == 0, answer.err
    (path,) = workplace.path.glob("outputs/film/sweeps/*/report.html")
    return path


def shown(page: Any) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('.job')].filter(job => !job.hidden).map(job => job.dataset.job)"
    )
    return found


def test_a_sweep_of_twelve_jobs(workplace: Workplace, screen: Screen) -> None:
    path = swept(workplace)
    report = read_sweep(path.parent)
    # Shared shots are shown once; labels are what differs.
    assert len(report.cells) == 1 + 3 + 12
    assert report.jobs[5].labels == {"prompt": "a calm", "drift_brightness": "10"}

    page = screen.open(path, "#job=7&shot=lamp")
    target = page.locator(".target")
    assert target.get_attribute("data-shot") == "quay/lamp"
    assert page.evaluate("document.querySelector('.target').closest('.job').dataset.job") == "7"
    assert page.locator("#shared ~ ul [data-shot='quay/boats']").count() == 1
    assert page.locator(".matrix [data-shot='quay/boats']").count() == 0
    assert page.locator(".matrix [data-shot='quay/gulls']").count() == 3

    charts = page.locator(".multiples svg").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    ends = [chart.rpartition(": ")[2].split(" to ") for chart in charts]
    assert ends
    assert all(low != high for low, high in ends), "a number that is the same for all jobs has no chart"
    page.set_viewport_size({"width": 2000, "height": 900})
    lefts = page.locator("h1, nav li:first-child, .tiles, footer p:first-child").evaluate_all(
        "all => all.map(one => Math.round(one.getBoundingClientRect().left))"
    )
    assert len(lefts) == 4
    assert len(set(lefts)) == 1, "one left edge for all of the page"
    page.set_viewport_size({"width": 1200, "height": 900})

    page.select_option("#sort", "-key: drift_brightness")
    assert set(shown(page)[:3]) == {"3", "7", "11"}
    page.select_option("#group", "key: prompt")
    assert page.locator(".group").all_inner_texts() == [
        f"prompt = {one}" for one in ("<b>fog", "a calm", "a storm")
    ]
    page.fill("#filter", "calm brightness=20")
    assert shown(page) == ["6"] or page.locator("#shown").inner_text() == "1 of 12 jobs"
    page.fill("#filter", "")
    page.select_option("#group", "")
    page.select_option("#sort", "+job")

    boxes = page.locator(".matrix [data-shot='quay/lamp'] input.pick")
    for number in (0, 1, 3):
        boxes.nth(number).check()
    page.keyboard.press("Escape")
    page.locator("#compare").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('dialog video')].every(one => one.readyState > 2)"
    )
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('dialog output').textContent.startsWith('frame 1 ')")
    times = page.evaluate("[...document.querySelectorAll('dialog video')].map(one => one.currentTime)")
    assert max(times) - min(times) < FRAME_S / 2
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(_IN_STEP, arg=FRAME_S)
    page.keyboard.press("d")
    assert page.locator("dialog .stage.difference").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")

    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    serious = [
        one for one in axe.run(page).response["violations"] if one["impact"] in ("serious", "critical")
    ]
    assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not screen.problems


_IN_STEP: Final = """frame => {
  const times = [...document.querySelectorAll('dialog video')].map(one => one.currentTime);
  const apart = Math.max(...times) - Math.min(...times);
  window.inStep = times[0] > 0.3 && apart < frame ? (window.inStep || 0) + 1 : 0;
  return window.inStep >= 20;
}"""


def test_a_sweep_without_its_record_is_told_from_its_jobs(workplace: Workplace) -> None:
    path = swept(workplace, "shot.seed=1,2")
    (path.parent / "sweep.json").unlink()

    report = read_sweep(path.parent)

    assert [job.labels for job in report.jobs] == [{"seed": "1"}, {"seed": "2"}]
    assert report.verdict.headline == "2 jobs: 2 done"
