"""The provider's books: every event changes them in one place, live and when they are read back from the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from runner.testing.fake_provider.script import Director, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.testing.fake_provider.log import Log


@dataclass(slots=True, kw_only=True)
class Task:
    """A task as the provider knows it. Times are seconds since 1970; `ended_at` is None while it runs.

    `clip` names its result, made at `made_at`; `unmade` says why there will be none. `polls`, `fetches` and `number`
    (of the submission) count from the last script on. Addresses handed out before the one numbered `valid_from` no
    longer hold.
    """

    id: str
    account: str
    token: str
    name: str
    number: int
    body: Mapping[str, Any]
    accepted_at: float
    billed_usd: Decimal
    refunded_usd: Decimal = Decimal(0)
    ended_at: float | None = None
    failed: bool = False
    reason: str = ""
    clip: str = ""
    made_at: float = 0.0
    unmade: str = ""
    polls: int = 0
    fetches: int = 0
    all_polls: int = 0
    all_fetches: int = 0
    valid_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One POST /tasks. `answer` is the script's, `outcome` what came of it, `tasks` those that it made or repeated."""

    at: float
    account: str
    token: str
    name: str
    body: Mapping[str, Any]
    answer: str
    outcome: str
    tasks: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """What one key did. `unknown_polls` are polls of tasks that are not its own."""

    submissions: list[Submission] = field(default_factory=list)
    running: dict[str, Task] = field(default_factory=dict)
    accepted_at: list[float] = field(default_factory=list)
    by_token: dict[str, list[str]] = field(default_factory=dict)
    by_idempotency_key: dict[str, str] = field(default_factory=dict)
    polls: int = 0
    unknown_polls: int = 0
    fetches: int = 0
    finds: int = 0
    rate_refusals: int = 0


class Books:
    """All that happened. `record` is the only way to change them.

    `submissions` counts those since the last script.
    """

    def __init__(self, log: Log | None = None) -> None:
        self.director = Director(read({}))
        self.accounts: dict[str, Account] = {}
        self.tasks: dict[str, Task] = {}
        self.submissions = 0
        self._given: dict[tuple[str, str, str], int] = {}
        self._log: Log | None = None
        for event in log.past() if log is not None else ():
            self.record(event)
        self._log = log

    def account(self, key: str) -> Account:
        if key not in self.accounts:
            self.accounts[key] = Account()
        return self.accounts[key]

    def given(self, account: str, layer: str, name: str) -> int:
        """How many answers of this layer of the script this shot has had."""
        return self._given.get((account, layer, name), 0)

    def record(self, event: Mapping[str, Any]) -> None:
        """Write the event down, then apply it."""
        if self._log is not None:
            self._log.append(event)
        match event["event"]:
            case "submission":
                self._submission(event)
            case "poll":
                self._poll(event)
            case "fetch":
                task = self.tasks[event["task"]]
                task.fetches += 1
                task.all_fetches += 1
                self.account(task.account).fetches += 1
                if event["answer"] == "expired":
                    task.valid_from = max(task.valid_from, event["address"] + 1)
            case "find":
                self.account(event["account"]).finds += 1
            case "made":
                self._made(event)
            case "unmade":
                self.tasks[event["task"]].unmade = event["reason"]
            case "ended":
                self._ended(event)
            case "script":
                self._script(event["script"])

    def _submission(self, event: Mapping[str, Any]) -> None:
        self.submissions += 1
        account = self.account(event["account"])
        submission = Submission(
            at=event["at"],
            account=event["account"],
            token=event["token"],
            name=event["name"],
            body=event["body"],
            answer=event["answer"],
            outcome=event["outcome"],
            tasks=tuple(event["tasks"]),
        )
        account.submissions.append(submission)
        if submission.outcome == "limited":
            account.rate_refusals += 1
        else:
            counted = (submission.account, event["layer"], submission.name)
            self._given[counted] = self._given.get(counted, 0) + 1
        if submission.outcome == "accepted":
            self._accepted(account, submission, event)

    def _accepted(self, account: Account, submission: Submission, event: Mapping[str, Any]) -> None:
        for id in submission.tasks:
            task = Task(
                id=id,
                account=submission.account,
                token=submission.token,
                name=submission.name,
                number=self.submissions,
                body=submission.body,
                accepted_at=submission.at,
                billed_usd=Decimal(event["price_usd"]),
            )
            self.tasks[id] = account.running[id] = task
            account.accepted_at.append(submission.at)
            account.by_token.setdefault(submission.token, []).append(id)
        if event["idempotency_key"]:
            account.by_idempotency_key.setdefault(event["idempotency_key"], submission.tasks[0])

    def _poll(self, event: Mapping[str, Any]) -> None:
        account = self.account(event["account"])
        account.polls += 1
        task = self.tasks.get(event["task"])
        if task is None or task.account != event["account"]:
            account.unknown_polls += 1
            return
        task.polls += 1
        task.all_polls += 1

    def _made(self, event: Mapping[str, Any]) -> None:
        task = self.tasks[event["task"]]
        task.clip, task.made_at = event["clip"], event["at"]

    def _ended(self, event: Mapping[str, Any]) -> None:
        task = self.tasks[event["task"]]
        task.ended_at = event["at"]
        task.failed = event["failed"]
        task.reason = event["reason"]
        task.refunded_usd = Decimal(event["refunded_usd"])
        self.accounts[task.account].running.pop(task.id, None)

    def _script(self, raw: object) -> None:
        self.director = Director(read(raw))
        self._given.clear()
        self.submissions = 0
        for task in self.tasks.values():
            task.polls = task.fetches = task.number = 0
