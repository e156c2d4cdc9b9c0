"""The state of a task, from recordInfo's `data` in all its shapes."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from runner.api import Result, State, Status
from runner.providers import one_line, usd

from . import failures
from .models import USD_PER_CREDIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.providers import ModelCard

# An unknown state is one of a task that is still under way.
_STATES: Final = {
    "waiting": State.QUEUED,
    "wait": State.QUEUED,
    "queuing": State.QUEUED,
    "queueing": State.QUEUED,
    "success": State.SUCCEEDED,
    "fail": State.FAILED,
    "failed": State.FAILED,
}
# Families from before createTask report a number: 3 is created and then failed, 4 that only the callback failed.
_FLAGS: Final = {0: State.RUNNING, 1: State.SUCCEEDED, 2: State.FAILED, 3: State.FAILED, 4: State.SUCCEEDED}
_LISTS: Final = ("resultUrls", "result_urls", "originUrls")
_SINGLE: Final = ("resultVideoUrl", "videoUrl", "video_url", "resultUrl", "url")
_NESTED: Final = ("data", "response", "info", "videoInfo", "resultJson", "resultObject")
_VIDEOS: Final = (".mp4", ".mov", ".webm", ".mkv", ".m4v")
_DEPTH: Final = 4
_NO_RESULT: Final = "look the task up in the logs at kie.ai; the same command run again pays for another clip"


def status(data: Mapping[str, Any], card: ModelCard | None = None) -> Status:
    """The state of the task. Success without a URL is a failure. The model's `card` may know why it failed."""
    return dataclasses.replace(_status(data, card), prompt=_prompt(data))


def _status(data: Mapping[str, Any], card: ModelCard | None) -> Status:
    state = _state(data)
    if state is State.FAILED:
        return _failed(data, card)
    cost = _cost(data)
    if state is not State.SUCCEEDED:
        return Status(state=state, progress=_progress(data), cost_usd=cost)
    found = list(dict.fromkeys(_urls(data)))
    if not found:
        return Status(
            state=State.FAILED,
            reason="KIE says that it succeeded, and names no result",
            cost_usd=cost,
            advice=_NO_RESULT,
        )
    found.sort(key=lambda url: not _names_video(url))
    return Status(state=state, results=tuple(Result(url) for url in found), cost_usd=cost)


def reports_failure(data: Any) -> bool:
    """Whether `data` is the record of a task that failed; it may come under a code of its own."""
    return isinstance(data, dict) and _state(data) is State.FAILED


def lacks_result(data: Mapping[str, Any]) -> bool:
    """Whether a task has succeeded, and no result is named (yet)."""
    return _state(data) is State.SUCCEEDED and not any(_urls(data))


def failed_answer(code: int, message: str) -> Status:
    """Codes 408 and 501 in place of a record: KIE says that the task itself failed, not what it cost."""
    return _as_failed(message or f"code {code}", str(code), None)


def _state(data: Mapping[str, Any]) -> State:
    state = data.get("state")
    if isinstance(state, str):
        return _STATES.get(state.strip().lower(), State.RUNNING)
    flag = data.get("successFlag")
    if isinstance(flag, str) and flag.strip().isdecimal() and len(flag) < 10:
        flag = int(flag)
    return _FLAGS.get(flag, State.RUNNING) if isinstance(flag, int) else State.RUNNING


def _failed(data: Mapping[str, Any], card: ModelCard | None) -> Status:
    message = str(data.get("failMsg") or data.get("errorMessage") or "")
    code = str(data.get("failCode") or data.get("errorCode") or "")
    cost = _cost(data)
    # The amount that was held is given back; records from before mid-2026 do not say so.
    return _as_failed(message, code, Decimal(0) if cost is None else cost, card)


def _as_failed(message: str, code: str, cost: Decimal | None, card: ModelCard | None = None) -> Status:
    meaning = (card.failure(message) if card is not None else None) or failures.meaning(message, code)
    reason = one_line(message, most=500) or (f"code {one_line(code)}" if code else "")
    return Status(
        state=State.FAILED,
        reason=reason,
        cost_usd=cost,
        transient=meaning.transient,
        max_retries=meaning.max_retries,
        advice=meaning.advice,
    )


def _cost(data: Mapping[str, Any]) -> Decimal | None:
    return usd(data.get("creditsConsumed"), USD_PER_CREDIT)


def _prompt(data: Mapping[str, Any]) -> str | None:
    """The prompt in `param`: JSON, its `input` mostly JSON once more."""
    found: Any = data.get("param")
    for name in ("input", "prompt"):
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                return None
        found = found.get(name, found if name == "input" else None) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _progress(data: Mapping[str, Any]) -> float | None:
    percent = data.get("progress")
    if isinstance(percent, int | float) and not isinstance(percent, bool) and 0 <= percent <= 100:
        return percent / 100
    return None


def _urls(found: Any, depth: int = 0) -> Iterator[str]:
    """Addresses in a result: a JSON text or an object, with the list at its top or one level down."""
    if isinstance(found, str) and found.lstrip()[:1] in ("{", "["):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            return
    if isinstance(found, list):
        yield from (one for one in found if _is_url(one))
    if not isinstance(found, dict) or depth > _DEPTH:
        return
    for name in _LISTS:
        value = found.get(name)
        if isinstance(value, str) and _is_url(value):
            yield value
        else:
            yield from _urls(value, depth + 1)
    for name in _SINGLE:
        if _is_url(found.get(name)):
            yield found[name]
    for name in _NESTED:
        yield from _urls(found.get(name), depth + 1)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _names_video(url: str) -> bool:
    try:
        return urlsplit(url).path.lower().endswith(_VIDEOS)
    except ValueError:
        return False
