"""Running the fake provider from a test, and reading its books.

with running(tmp_path / "books.jsonl") as fake:
    fake.script(shots={"hero/pour": {"submit": ["drop_after_accept"]}})
    ...                                       # something that submits to fake.base_url
    assert fake.books().accepted_by_shot == {"hero/pour": 1}
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
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.api import harmless_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT: Final = Path(__file__).resolve().parents[3]
_STOP_S: Final = 10
_ANSWER_S: Final = 30
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """One task. Times are seconds since 1970; `ended_at` is None while it runs."""

    token: str
    name: str
    accepted_at: float
    ended_at: float | None
    failed: bool
    billed_usd: Decimal
    refunded_usd: Decimal
    polls: int
    fetches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionEntry:
    """One submission as it came in: what the script had for it, what came of it, the tasks it made or repeated.

    `outcome` is "accepted", "repeated" (under an idempotency key), "limited" (by rate or in-flight) or "refused".
    """

    at: float
    name: str
    token: str
    answer: str
    outcome: str
    tasks: tuple[str, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What came in, was accepted and billed; of one account, or of all. A task is billed when it is accepted.

    Keys of `tasks` are task ids, of `..._by_shot` "sequence/shot". `total_usd` is what was billed and not refunded.
    """

    submissions: int
    submissions_by_token: Mapping[str, int]
    submissions_by_shot: Mapping[str, int]
    outcomes: Mapping[str, int]
    accepted: int
    accepted_by_token: Mapping[str, int]
    accepted_by_shot: Mapping[str, int]
    billed_usd: Decimal
    refunded_usd: Decimal
    total_usd: Decimal
    billed_by_token: Mapping[str, Decimal]
    max_in_window: int
    max_running: int
    tasks: Mapping[str, TaskEntry]
    log: tuple[SubmissionEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCounts(Counts):
    """Of one account. `unknown_polls` are polls of tasks that are not its own."""

    polls: int
    unknown_polls: int
    fetches: int
    finds: int
    rate_refusals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksView(Counts):
    """Of all accounts, and each by its key."""

    accounts: Mapping[str, AccountCounts]


class FakeProvider:
    """A running fake provider. `state` is the file of its books, its `base_url` stays over a restart."""

    def __init__(self, state: Path, *, canned: bool = False) -> None:
        self.state = state
        self.canned = canned
        self.base_url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, or start it again on the same books and port. Raises `RuntimeError` when it does not come up."""
        port = self.base_url.rpartition(":")[2] or "0"
        words = ["--port", port, "--state", str(self.state), "--die-with-parent"]
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __package__ or "", *words, *(["--canned"] if self.canned else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**harmless_environment(), "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("the fake provider did not start; its error output says why")
        self.base_url = json.loads(line)["base_url"]

    def stop(self) -> None:
        """Ask it to stop, and wait until it did."""
        self._end(kill=False)

    def kill(self) -> None:
        """SIGKILL. `start` brings it back with its books."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with process:  # closes its pipes
            if kill:
                process.kill()
            else:
                process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def script(self, **keys: Any) -> None:
        """Behave by this script from now on, see `fake_provider.script`. Raises `ValueError` if it is not one."""
        try:
            self._ask("/_script", json.dumps(keys, default=str).encode())
        except urllib.error.HTTPError as problem:
            with problem:
                raise ValueError(problem.read().decode()) from None

    def books(self, *, window_s: float = 10.0) -> BooksView:
        """What came in so far; `max_in_window` is over any `window_s` seconds."""
        raw = self._ask(f"/_books?window_s={window_s}")
        accounts = {key: AccountCounts(**_typed(counts)) for key, counts in raw.pop("accounts").items()}
        return BooksView(**_typed(raw), accounts=accounts)

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.base_url}{path}", data=body, headers={"Content-Type": "application/json"}
        )
        with _OPENER.open(request, timeout=_ANSWER_S) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running(state: Path, *, canned: bool = False) -> Iterator[FakeProvider]:
    """A fake provider with its books in the file `state`; it stops at the end, and with this process."""
    provider = FakeProvider(state, canned=canned)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


def _typed(raw: dict[str, Any]) -> dict[str, Any]:
    tasks = {id: TaskEntry(**_in_dollars(task)) for id, task in raw.pop("tasks").items()}
    log = tuple(SubmissionEntry(**{**entry, "tasks": tuple(entry["tasks"])}) for entry in raw.pop("log"))
    by_token = {token: Decimal(usd) for token, usd in raw.pop("billed_by_token").items()}
    return {**_in_dollars(raw), "tasks": tasks, "log": log, "billed_by_token": by_token}


def _in_dollars(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name.endswith("_usd") else value for name, value in raw.items()}
