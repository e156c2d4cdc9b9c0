"""The page of a run, in a browser, from file://."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.conftest import Workplace
    from tests.report.pages.conftest import Screen

CHAIN: dict[str, Any] = {"main": {"one": "a lake", "two": "wind", "three": "rain"}}
SECOND: dict[str, Any] = {"duration_s": 1.5, "resolution": "96p", "fps": 24}
HOSTILE = '<script>alert(1)</script></script><img src=x onerror="alert(2)"> \'"onmouseover="alert(3)'

FULL_HOST = """
from runner.api import Reach, UploaderCapabilities, UploaderSpec, hookimpl
from runner.errors import UploadError

class Full:
    def __init__(self, options, context):
        pass
    async def put(self, image):
        raise UploadError("the host is full", why="quota")

@hookimpl
def runner_register():
    return UploaderSpec(name="full", factory=Full, capabilities=UploaderCapabilities(reach=Reach.PUBLIC))
"""


def page_of(workplace: Workplace, *words: str, code: int = 0) -> Path:
    answer = workplace.run(*words, "report=true", "-q")
    assert answer.code == code, answer.err
    assert "no report" not in answer.err
    (path,) = workplace.path.glob("outputs/film/*_*/report.html")
    return path


@pytest.fixture
def page(workplace: Workplace, screen: Screen) -> Page:
    return screen.open(page_of(workplace, workplace.project(CHAIN, shot=SECOND)))


def test_players_play_and_seek(page: Page, screen: Screen) -> None:
    page.locator("a[data-play]").first.click()

    player = page.locator("video.inline").first
    page.wait_for_function("() => document.querySelector('video.inline').currentTime > 0.2")
    player.evaluate("video => new Promise(done => { video.onseeked = done; video.currentTime = 1; })")
    assert player.evaluate("video => [video.error, video.currentTime >= 1]") == [None, True]
    assert not screen.problems


def test_every_picture_is_there(page: Page, screen: Screen) -> None:
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
    page.wait_for_function("() => [...document.images].every(image => image.complete)")

    assert page.evaluate("[...document.images].filter(image => !image.naturalWidth).length") == 0
    assert page.evaluate("document.images.length") >= 3 + 2 * 3 + 2 * 6
    assert not screen.problems


def test_the_wipe_moves_and_the_difference_is_amplified(page: Page, screen: Screen) -> None:
    seam = page.locator(".seam").first
    seam.locator("button.wipe").click()
    seam.locator("input[type=range]").fill("20")

    assert seam.locator(".over").evaluate("one => getComputedStyle(one).clipPath") == "inset(0px 0px 0px 20%)"
    seam.locator("button.difference").click()
    assert seam.locator(".over").evaluate("one => getComputedStyle(one).mixBlendMode") == "difference"
    assert seam.locator("button[aria-pressed=true]").all_inner_texts() == ["Difference"]
    assert not screen.problems


def test_a_seam_is_played_across_in_a_loop(page: Page, screen: Screen) -> None:
    page.locator(".seam button.loop").first.click()

    page.wait_for_function("() => Number(document.querySelector('.stage').dataset.crossed) >= 2")
    assert not screen.problems


def test_links_and_keys_lead_to_shots(page: Page, screen: Screen, workplace: Workplace) -> None:
    screen.open(next(workplace.path.glob("outputs/film/*_*/report.html")), "#shot=three")
    assert page.locator(".target").get_attribute("data-shot") == "main/three"

    page.keyboard.press("k")
    assert page.locator(".target").get_attribute("data-shot") == "main/two"
    assert page.url.endswith("#shot=main/two")
    page.keyboard.press("p")
    page.wait_for_selector(".target video")
    assert not screen.problems


def test_nothing_serious_bars_people_with_disabilities(page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

        found = axe.run(page).response["violations"]

        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]


def test_no_width_makes_the_page_scroll_sideways(page: Page) -> None:
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 800})

        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_strangers_write_is_text(workplace: Workplace, screen: Screen) -> None:
    shots = {"one": HOSTILE, 'a"b<i>': HOSTILE}
    path = page_of(
        workplace, workplace.project({"<b>s<i>": shots}, project={"name": "film", "description": HOSTILE})
    )

    page = screen.open(path)

    assert page.locator(".prompt").first.inner_text() == HOSTILE
    assert page.locator("main script, [onerror], [onmouseover], main b:has-text('s') i").count() == 0
    assert page.locator("script").count() == 1
    assert not screen.problems


def test_a_failure_and_a_fallback_are_the_first_things_said(workplace: Workplace, screen: Screen) -> None:
    workplace.write("plugins/full.py", FULL_HOST)
    shots = {"one": "a", "two": "b", "three": {"prompt": "c", "params": {"fail": "running"}}, "four": "d"}
    words = (workplace.project({"main": shots}), "uploader=full", "limits.retries=0")

    page = screen.open(page_of(workplace, *words, code=1))

    assert page.locator("#verdict .pill").inner_text() == "failed"
    failed, fell = page.locator(".note").nth(0), page.locator(".note").nth(1)
    assert failed.inner_text().startswith("error main/three the task failed at synthetic")
    assert fell.inner_text().startswith("degraded main/two main/two was generated from its prompt alone")
    assert "sequences.main.shots.two.take=2" in fell.locator("pre").inner_text()
    assert page.locator("[data-shot='main/two'] .pill.warn").inner_text() == "no continuity"
    assert "report=true" in page.locator("section[aria-label=Verdict] > .commands pre").first.inner_text()
    assert page.locator(".poster .none").first.inner_text() == "no film"
    assert not screen.problems


def test_on_paper_all_of_it_is_there(page: Page, screen: Screen) -> None:
    page.emulate_media(media="print")

    hidden = page.locator(".grid > li, .seams > li").evaluate_all(
        "all => all.filter(one => getComputedStyle(one).contentVisibility !== 'visible').length"
    )

    assert hidden == 0
    assert page.locator("nav:visible, button:visible").count() == 0
    page.pdf()
    page.wait_for_function("() => [...document.images].every(image => image.naturalWidth > 0)")
    assert not screen.problems


def test_numbers_of_a_seam_are_shown_with_the_seam_alone(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert page.locator(".seam th", has_text="seam_psnr_db").count() == 2
    assert page.locator(".card th", has_text="seam_psnr_db").count() == 0


def test_without_script_the_page_can_be_read(workplace: Workplace, screen: Screen) -> None:
    path = page_of(workplace, workplace.project(CHAIN, shot=SECOND))
    page = screen.open(path, java_script_enabled=False)

    assert page.locator(".prompt").all_inner_texts() == ["a lake", "wind", "rain"]
    assert page.locator(".strip img").count() == 12
    assert page.locator("button:visible").count() == 0
    href = page.locator("a[data-play]").last.get_attribute("href")
    assert (path.parent / str(href)).is_file()
