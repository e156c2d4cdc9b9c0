"""The pages in a real browser: they fill in by themselves, and come back when the server does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.web.site import film, free_film, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.web.site import Site

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
JOBS = 8
WAIT_MS = 60_000


@pytest.fixture
def page() -> Iterator[Page]:
    """A page that notes what goes wrong in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 390, "height": 844})
        opened.set_default_timeout(WAIT_MS)
        opened.on("pageerror", lambda error: pytest.fail(str(error)))
        yield opened
        browser.close()


def test_a_sweep_of_another_process_fills_in_while_the_server_is_restarted(site: Site, page: Page) -> None:
    """Never loaded again, and nothing is missed."""
    site.project("known", free_film("known"))
    server = site.serve()
    port = server.url.rpartition(":")[2]
    page.goto(f"{server.url}/")
    page.evaluate("window.first = true")
    seeds = ",".join(map(str, range(1, JOBS + 1)))
    words = [
        sys.executable,
        "-m",
        "runner",
        "-q",
        "-m",
        "+project=known",
        f"shot.seed={seeds}",
        "sweep.max_jobs=2",
    ]
    with subprocess.Popen(words, cwd=site.path, env=site.environment, stdout=subprocess.DEVNULL) as other:
        page.get_by_role("link", name=re.compile("^seed-")).wait_for()
        server.kill()
        page.get_by_text("The server does not answer").wait_for()
        server = site.serve("--port", port)
        assert other.wait(WAIT_MS / 1000) == 0

    page.get_by_text(f"{JOBS} finished").wait_for()
    assert page.evaluate("window.first") is True
    assert page.locator("#connection").inner_text() == "Live"


def test_a_paid_run_is_watched_from_its_plan_to_its_film(paid_site: Site, page: Page) -> None:
    assert paid_site.emulator is not None
    paid_site.emulator.script(rules=[{"seconds": 2}])
    paid_site.project("advert", film("advert"))
    server = paid_site.serve()
    page.goto(f"{server.url}/")
    page.locator("select[name=project]").select_option("advert")
    page.get_by_role("button", name="Show plan and price").click()
    assert "$0.328" in page.locator("main").inner_text()
    page.get_by_role("button", name="Start").click()
    page.evaluate("window.first = true")

    page.get_by_text("2 of 2 shots done").wait_for()
    page.locator("#film-1 video").wait_for()

    assert page.evaluate("window.first") is True
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    seek = """async () => {
        const video = document.querySelector("#film-1 video");
        if (video.readyState < 1) await new Promise(done => video.addEventListener("loadedmetadata", done));
        video.currentTime = video.duration / 2;
        await new Promise(done => video.addEventListener("seeked", done));
        return video.currentTime;
    }"""
    assert page.evaluate(seek) > 2
    page.get_by_role("button", name="Accept").first.click()
    page.locator('button[value="accept"][aria-pressed="true"]').wait_for()
    assert "accepted,main/shot1" in server.client.get("/api/choices.csv").text


def test_a_job_is_cancelled_and_resumed_by_its_buttons(paid_site: Site, page: Page) -> None:
    assert paid_site.emulator is not None
    paid_site.emulator.script(rules=[{"seconds": 4}])
    server = paid_site.serve()
    id = server.post(film(shots=1)).json()["id"]
    until(lambda: paid_site.bought() == 1)
    page.goto(f"{server.url}/jobs/{id}")

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile("1 of 1 shots? done")).wait_for()

    assert paid_site.bought() == 1


def test_pages_can_be_used_by_everybody(site: Site, page: Page) -> None:
    """By the rules of axe-core, and without an error on the console."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    site.project("known", free_film("known"))
    server = site.serve()
    id = server.post(free_film()).json()["id"]
    folder = server.ended(id)["folder"]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)

    for path in ("/", f"/runs/{folder}", "/plan?project=known", f"/reports/{folder}"):
        page.goto(f"{server.url}{path}")
        page.wait_for_load_state("load")
        found = axe.run(page).response["violations"]
        assert not [one["id"] for one in found if one["impact"] in ("serious", "critical")], path
    assert said == []
