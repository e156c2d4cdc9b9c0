"""Running the fake provider from a test, and reading its books.

with running(tmp_path / "books.jsonl") as fake:
    fake.script(shots={"hero/pour": {"submit": ["drop_after_accept"]}})
    ...                                       # something that submits to fake.base_url
    assert fake.books().accepted_by_shot == {"hero/pour": 1}
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from runner.testing.fake_provider.counts import VIEW, BooksView
from runner.testing.provider.client import ChildProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeProvider(ChildProvider):
    """A running fake provider: `kill` and `start` bring it back with its books, at the same URL."""

    @property
    def base_url(self) -> str:
        return self.url

    def script(self, **keys: Any) -> None:
        """Behave by this script from now on, see `fake_provider.script`. Raises `ValueError` if it is not one."""
        self.ask("/_script", keys)

    def books(self, *, window_s: float = 10.0) -> BooksView:
        """What came in so far; `max_in_window` is over any `window_s` seconds."""
        return VIEW.validate_python(self.ask(f"/_books?window_s={window_s}"))


@contextlib.contextmanager
def running(state: Path, *, canned: bool = False) -> Iterator[FakeProvider]:
    """A fake provider with its books in the file `state`; it stops at the end, and with this process."""
    words = [__package__ or "", "--state", str(state), *(["--canned"] if canned else [])]
    with FakeProvider(words) as provider:
        yield provider
