"""A task, from the creation to its end, and how recordInfo tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .clock import milliseconds

if TYPE_CHECKING:
    from decimal import Decimal

    from .accounts import Account
    from .model import Model
    from .script import Rule

SUCCESS: Final = "success"
FAIL: Final = "fail"


@dataclass(slots=True, kw_only=True)
class Task:
    """`due_at` is when it may end; it ends then, or when its clip is drawn, whichever is later. Times in seconds."""

    id: str
    account: Account
    model: Model
    given: dict[str, Any]
    callback: str
    credits: Decimal
    price_known: bool
    created_at: float
    due_at: float
    known_at: float
    rule: Rule
    states: tuple[str, ...]
    ended_at: float | None = None
    fail_code: str | None = None
    fail_msg: str | None = None
    refunded: bool = False
    result_json: Any = ""
    urls: list[str] = field(default_factory=list)
    clip: str = ""
    polls: int = 0

    @property
    def prompt(self) -> str:
        return str(self.given.get("prompt", ""))

    def state(self, now: float) -> str:
        """The running states share the task's time equally; the last of them goes on until the end."""
        if self.ended_at is not None:
            return SUCCESS if self.fail_code is None else FAIL
        if self.rule.stuck:
            return self.states[0]
        whole = self.due_at - self.created_at
        share = (now - self.created_at) / whole if whole > 0 else 1.0
        return self.states[min(len(self.states) - 1, max(0, int(share * len(self.states))))]

    def record(self, now: float) -> dict[str, Any]:
        """The `data` of a market task, its keys in the order that was recorded."""
        ended, failed = self.ended_at, self.fail_code is not None
        return {
            "taskId": self.id,
            "model": self.model.name,
            "state": self.state(now),
            "param": self._param(),
            "resultJson": self.result_json,
            "failCode": self.fail_code,
            "failMsg": self.fail_msg,
            "costTime": self._cost_time() if ended is not None and not failed else None,
            "completeTime": None if ended is None else milliseconds(ended),
            "createTime": milliseconds(self.created_at),
            "creditsConsumed": 0.0 if self.refunded else float(self.credits),
        }

    def flagged(self, now: float) -> dict[str, Any]:
        """The same in the shape of the older families: `successFlag`."""
        ended, failed = self.ended_at, self.fail_code is not None
        done = ended is not None and not failed
        return {
            "taskId": self.id,
            "paramJson": self._param(),
            "response": {"taskId": self.id, "resultUrls": self.urls, "resolution": "720p"} if done else None,
            "completeTime": None if ended is None else milliseconds(ended),
            "createTime": milliseconds(self.created_at),
            "successFlag": 0 if ended is None else 3 if failed else 1,
            "errorCode": _number(self.fail_code),
            "errorMessage": self.fail_msg,
        }

    def _cost_time(self) -> int:
        """Whole seconds: what the documentation calls milliseconds."""
        assert self.ended_at is not None
        return (milliseconds(self.ended_at) - milliseconds(self.created_at)) // 1000

    def _param(self) -> str:
        return compact({"input": compact(self.model.completed(self.given)), "model": self.model.name})


def compact(value: object) -> str:
    """JSON as the API writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(code: str | None) -> int | None:
    return int(code) if code is not None and code.isdecimal() else None
