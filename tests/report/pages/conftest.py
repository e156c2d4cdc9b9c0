"""A headless Chromium, and pages of real runs. Debian's package has the browser: apt-get install chromium."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS: Final = 60_000
"""The machine may be busy."""


class Screen:
    """A browser with one page, and all that went wrong on it.

    It is started by the first `open`, after which no command runs in this process: Playwright's synchronous interface
    keeps an event loop running.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.page: Page | None = None
        self.problems: list[str] = []
        self.requested: list[str] = []
        """The URLs of all that the page has asked for."""

    def open(self, path: Path, fragment: str = "", **context: Any) -> Page:
        """Show a file; `context` are options of Playwright's browser context."""
        if self.page is None:
            self.page = self._started(context)
        self.page.goto(path.resolve().as_uri() + fragment)
        return self.page

    def _started(self, context: dict[str, Any]) -> Page:
        from playwright.sync_api import sync_playwright

        playwright = self._stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=WAIT_MS
        )
        self._stack.callback(browser.close)
        page = browser.new_context(viewport={"width": 1200, "height": 900}, **context).new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda one: self._note(one.text, one.type in ("error", "warning")))
        page.on("pageerror", lambda one: self._note(str(one)))
        page.on("request", lambda one: self.requested.append(one.url))
        # A player that is taken away ends its request itself.
        page.on("requestfailed", lambda one: self._note(one.url, "ERR_ABORTED" not in str(one.failure)))
        page.on("dialog", lambda one: (self._note(f"dialog: {one.message}"), one.dismiss()))
        return page

    def _note(self, problem: str, is_one: bool = True) -> None:
        if is_one:
            self.problems.append(problem)


@pytest.fixture
def screen() -> Iterator[Screen]:
    pytest.importorskip("playwright", reason="pip install playwright")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with ExitStack() as stack:
        yield Screen(stack)
