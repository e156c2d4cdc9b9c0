"""Running the emulator from a test, and reading its books.

with running("--task-seconds", "0.2") as emulator:
    emulator.script(rules=[{"match": {"prompt": "pour"}, "create": ["drop_after"]}])
    ...                                       # something that speaks to emulator.url
    assert emulator.books().account().creations_by_prompt == {"pour": 1}
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.api import harmless_environment

from .options import DEFAULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ROOT: Final = Path(__file__).resolve().parents[4]
_NAME: Final = "kie"
_STOP_S: Final = 10
_ANSWER_S: Final = 30
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """One account. Credits are spendable, held by running tasks, and gone; `refusals` counts by code."""

    id: str
    balance: float
    held: float
    consumed: float
    creations: int
    creations_by_prompt: Mapping[str, int]
    billed_by_prompt: Mapping[str, float]
    refusals: Mapping[str, int]
    polls: int
    unknown_polls: int
    uploads: int
    running: int
    max_running: int
    creation_times: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task. Times are seconds of the emulator's clock; `ended_at` is None while it runs."""

    key: str
    model: str
    prompt: str
    created_at: float
    ended_at: float | None
    fail_code: str | None
    fail_msg: str | None
    credits: float
    price_known: bool
    refunded: bool
    polls: int
    urls: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksView:
    """What came in so far, oldest first.

    creations   at, key, model, prompt, step, outcome ("accepted" or "refused"), code, msg, task
    polls       at, key, task, step           uploads     at, key, how, path, url, size
    downloads   at, method, path, headers (lower case; a key in them is shown as ***), step, status
    callbacks   at, task, url, number, status, problem
    fetches     at, url, size, problem: what the emulator itself asked for
    unauthorized counts requests without a key that it knows
    """

    now: float
    accounts: Mapping[str, AccountEntry]
    tasks: Mapping[str, TaskEntry]
    creations: Sequence[Mapping[str, Any]]
    polls: Sequence[Mapping[str, Any]]
    uploads: Sequence[Mapping[str, Any]]
    downloads: Sequence[Mapping[str, Any]]
    callbacks: Sequence[Mapping[str, Any]]
    fetches: Sequence[Mapping[str, Any]]
    unauthorized: int

    def account(self, key: str = DEFAULT_KEY) -> AccountEntry:
        return self.accounts[key]


class Emulator:
    """A running emulator. `url` serves the API, the uploads and the files; `key` is its default account's."""

    key = DEFAULT_KEY

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.pid = process.pid

    def books(self) -> BooksView:
        """What came in so far."""
        raw = self._ask("books")
        accounts = {key: AccountEntry(**one) for key, one in raw.pop("accounts").items()}
        tasks = {id: TaskEntry(**one) for id, one in raw.pop("tasks").items()}
        return BooksView(**raw, accounts=accounts, tasks=tasks)

    def requests(self) -> list[Mapping[str, Any]]:
        """The creations and uploads as they came in: at, method, path, headers, body (of creations)."""
        return list(self._ask("requests"))

    def script(self, **keys: Any) -> None:
        """Behave by this script from now on; tasks that there are keep theirs. Raises `ValueError` if it is none."""
        self._ask("script", keys)

    def advance(self, seconds: float) -> None:
        """Move its clock forward: tasks end, files expire, rates recover."""
        self._ask("clock", {"advance": seconds})

    def account(self, key: str, credits: float = 1000) -> str:
        """Register an account (or start it afresh) and return its key."""
        self._ask("accounts", {"key": key, "credits": credits})
        return key

    def _ask(self, call: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_emulator/{call}",
            data=None if body is None else json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=_ANSWER_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                raise ValueError(json.load(problem)["problem"]) from None


@contextlib.contextmanager
def running(*options: str) -> Iterator[Emulator]:
    """An emulator in its own process, started with these options; it stops at the end, and with this process.

    Raises `RuntimeError` when it does not come up.
    """
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "emulate", _NAME, "-q", "--die-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**harmless_environment(), "PYTHONPATH": os.pathsep.join(paths)},
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().partition(": ")[2].strip()
            if not url:
                raise RuntimeError("the emulator did not start; its error output says why")
            yield Emulator(url, process)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
