"""Running the emulator from a test, and reading its books.

with running("--task-seconds", "0.2") as emulator:
    emulator.script(rules=[{"match": {"prompt": "pour"}, "create": ["drop_after"]}])
    ...                                       # something that speaks to emulator.url
    assert emulator.books().account().creations_by_prompt == {"pour": 1}
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from runner.testing.provider.client import ChildProvider

from .books import VIEW, BooksView
from .options import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Emulator(ChildProvider):
    """A running emulator. `url` serves the API, the uploads and the files; `key` is its default account's."""

    key = DEFAULT_KEY

    def books(self) -> BooksView:
        """What came in so far."""
        return VIEW.validate_python(self.ask("/_emulator/books"))

    def requests(self) -> list[Mapping[str, Any]]:
        """The creations and uploads as they came in: at, method, path, headers, body (of creations)."""
        return list(self.ask("/_emulator/requests"))

    def script(self, **keys: Any) -> None:
        """Behave by this script from now on; tasks that there are keep theirs. Raises `ValueError` if it is none."""
        self.ask("/_emulator/script", keys)

    def advance(self, seconds: float) -> None:
        """Move its clock forward: tasks end, files expire, rates recover."""
        self.ask("/_emulator/clock", {"advance": seconds})

    def account(self, key: str, credits: float = 1000) -> str:
        """Register an account (or start it afresh) and return its key."""
        self.ask("/_emulator/accounts", {"key": key, "credits": credits})
        return key


@contextlib.contextmanager
def running(*options: str) -> Iterator[Emulator]:
    """An emulator in its own process, started with these options; it stops at the end, and with this process.

    Raises `RuntimeError` when it does not come up.
    """
    with Emulator(["runner", "emulate", "kie", "-q", *options]) as emulator:
        yield emulator
