"""A task as recordInfo tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from runner.testing.provider.tasks import Task

if TYPE_CHECKING:
    from .model import Model
    from .script import Rule

SUCCESS: Final = "success"
FAIL: Final = "fail"


@dataclass(slots=True, kw_only=True)
class Creation:
    """What a task is for. Times in seconds: it may end at `due_at`, and is not known before `known_at`.

    `urls` and `result_json` are set when it succeeds.
    """

    model: Model
    given: dict[str, Any]
    callback: str
    rule: Rule
    states: tuple[str, ...]
    price_known: bool
    due_at: float
    known_at: float
    urls: list[str] = field(default_factory=list)
    result_json: Any = ""

    @property
    def prompt(self) -> str:
        return str(self.given.get("prompt", ""))


KieTask: TypeAlias = Task[Creation]


def state(task: KieTask, now: float) -> str:
    """The running states share the task's time equally; the last of them goes on until the end."""
    if task.ended_at is not None:
        return SUCCESS if task.failure is None else FAIL
    states = task.request.states
    if task.request.rule.stuck:
        return states[0]
    whole = task.request.due_at - task.created_at
    share = (now - task.created_at) / whole if whole > 0 else 1.0
    return states[min(len(states) - 1, max(0, int(share * len(states))))]


def record(task: KieTask, now: float) -> dict[str, Any]:
    """The `data` of a market task, its keys in the order that was recorded."""
    created, completed, failure = milliseconds(task.created_at), _completed(task), task.failure
    return {
        "taskId": task.id,
        "model": task.request.model.name,
        "state": state(task, now),
        "param": _param(task),
        "resultJson": task.request.result_json,
        "failCode": failure and failure.code,
        "failMsg": failure and failure.message,
        # Whole seconds: what the documentation calls milliseconds.
        "costTime": (completed - created) // 1000 if completed is not None and failure is None else None,
        "completeTime": completed,
        "createTime": created,
        "creditsConsumed": 0.0 if task.refunded else float(task.price),
    }


def flagged(task: KieTask) -> dict[str, Any]:
    """The same in the shape of the older families: `successFlag`."""
    ended, failure = task.ended_at is not None, task.failure
    result = {"taskId": task.id, "resultUrls": task.request.urls, "resolution": "720p"}
    return {
        "taskId": task.id,
        "paramJson": _param(task),
        "response": result if ended and failure is None else None,
        "completeTime": _completed(task),
        "createTime": milliseconds(task.created_at),
        "successFlag": 0 if not ended else 1 if failure is None else 3,
        "errorCode": int(failure.code) if failure and failure.code.isdecimal() else None,
        "errorMessage": failure and failure.message,
    }


def result_json(model: Model, shape: str, urls: list[str]) -> Any:
    """The field of a task that succeeded: mostly a string of JSON, and whatever else the script's `result` says."""
    plain: dict[str, Any] = {"resultUrls": urls}
    if model.legacy_sora:
        plain["resultWaterMarkUrls"] = urls
    shapes: dict[str, Any] = {
        "snake_case": compact({"result_urls": urls}),
        "under_data": compact({"data": plain}),
        "snake_under_data": compact({"data": {"result_urls": urls}}),
        "object": plain,
        "empty_urls": compact({"resultUrls": []}),
        "empty_object": "{}",
        "empty_string": "",
        "bad_json": compact(plain)[:-3],
    }
    return shapes.get(shape, compact(plain))


def compact(value: object) -> str:
    """JSON as the API writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def milliseconds(at: float) -> int:
    """The API's own unit of time."""
    return int(at * 1000)


def _completed(task: KieTask) -> int | None:
    return None if task.ended_at is None else milliseconds(task.ended_at)


def _param(task: KieTask) -> str:
    model = task.request.model
    return compact({"input": compact(model.completed(task.request.given)), "model": model.name})
