"""What KIE's answers mean: may a task have been created, and is a retry safe.

Errors come as HTTP 200 with the code in the body, or as an HTTP status, or both; a missing parameter is code 500, and
so is a breakdown. So the message has to be read as well. Where it leaves open if a task was made, so does this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from runner.errors import Busy, PollFailed, ShotError, SubmitRefused, SubmitUnknown, TaskUnknown
from runner.providers import json_of, one_line, retry_after_s, text_of

from . import failures

if TYPE_CHECKING:
    import httpx

_TOP_UP: Final = "top up at kie.ai, then rerun the same command: what is made is kept"
_CAPPED: Final = "raise the key's own limit in KIE's settings, or wait until it is reset"
_KEY: Final = "check the key: KIE_API_KEY in the environment, or generator.api_key_file"
_MODEL: Final = "choose another model: generator.model=..."
_FORBIDDEN: Final = "check generator.api_url, and the list of addresses that the key may be used from"
_ADDRESS: Final = "check generator.api_url"
_CHANGE: Final = "change the prompt, then rerun the same command"
_CARD: Final = (
    "the model needs more than its card knows: set it in generator.params, add a newer card to "
    "conf/cards/kie/, or take another model"
)

# Messages of code 500 that KIE gives before it makes anything: a field is missing or wrong, or the model is paused.
_BEFORE_ANYTHING: Final = re.compile(
    r"is required|please fill in|paused|not supported|unsupported|is invalid|invalid |must be|must not|should be"
    r"|can ?not be empty|not allowed|out of range|within the range|exceeds|too long|too short|at most|at least"
    r"|not (a )?valid|does not exist|not one of|must contain|unknown model|unrecognized|greater than|less than"
    r"|expected (string|number|integer|array|object)"
)
_MISSING: Final = re.compile(r"is required|please fill in")
_GONE: Final = re.compile(r"paused|not supported|unsupported|does not exist|unknown model")
_NO_CREDIT: Final = re.compile(r"credits (are )?insufficient|insufficient (credit|balance)")
_TEXTS: Final = ("failMsg", "failCode", "errorMessage", "errorCode")

# Codes that refuse a shot for certain: what is wrong, and what helps.
_NO: Final = "KIE refused the shot"
_REFUSALS: Final = {
    400: (_NO, _CHANGE),
    401: ("KIE does not accept the key", _KEY),
    402: ("there is not enough credit at KIE", _TOP_UP),
    403: (_NO, _KEY),
    404: (_NO, _ADDRESS),
    405: (_NO, _ADDRESS),
    413: (_NO, ""),
    415: (_NO, ""),
    433: ("the key's own limit at KIE is used up", _CAPPED),
    451: ("KIE could not fetch the first frame", failures.HOST),
    505: (_NO, _MODEL),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `code` is the body's where it has one, else HTTP's; `None` where the body cannot be read.

    `own` says that KIE wrote the code, and not something in between. `message` is one line, safe to show.
    `retry_after_s` is what it asks to wait, where it states so.
    """

    code: int | None
    own: bool
    message: str
    data: Any
    http: int
    retry_after_s: float | None = None

    @property
    def line(self) -> str:
        code = f"HTTP {self.http}" if self.code is None or self.code == self.http else f"code {self.code}"
        return f"{code}: {self.message}" if self.message else code

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Whether the message matches, in any letter case."""
        return pattern.search(self.message.lower()) is not None


def read(response: httpx.Response, key: str) -> Answer:
    """Read an answer of any kind. `key` is kept out of the message, should it be echoed."""
    body, status, after_s = json_of(response), response.status_code, retry_after_s(response)
    if not isinstance(body, dict):
        # A page or nothing at all under a status of success says nothing about the request.
        return Answer(
            code=None if status < 400 else status,
            own=False,
            message=text_of(response, key),
            data=None,
            http=status,
            retry_after_s=after_s,
        )
    code = _code(body.get("code"))
    text = str(body.get("msg") or body.get("message") or body.get("error") or "")
    return Answer(
        code=status if code is None else code,
        own=code is not None,
        message=one_line(text, key),
        data=_without(body.get("data"), key),
        http=status,
        retry_after_s=after_s,
    )


def _without(data: Any, key: str) -> Any:
    """`data`, its messages without the key. URLs stay as they are."""
    if not isinstance(data, dict):
        return data
    texts = {name: data[name] for name in _TEXTS if isinstance(data.get(name), str)}
    return {**data, **{name: one_line(text, key, most=2000) for name, text in texts.items()}}


def refusal(answer: Answer) -> ShotError:
    """What an answer to createTask without a task id means."""
    meaning = failures.meaning(answer.message)
    advice = "" if meaning.transient else meaning.advice
    code = 402 if answer.says(_NO_CREDIT) else answer.code
    match code:
        case 429:
            return Busy("KIE takes no more for now", why=answer.line, retry_after_s=answer.retry_after_s)
        case 455:
            return Busy("KIE is down for maintenance", why=answer.line, retry_after_s=answer.retry_after_s)
        case 403 if not answer.own:
            return SubmitRefused(_NO, why=answer.line, hint=_FORBIDDEN)
        case 422:
            return SubmitRefused(_NO, why=answer.line, hint=advice or _wanted(answer))
        case 500 if answer.own and (advice or answer.says(_BEFORE_ANYTHING)):
            return SubmitRefused(_NO, why=answer.line, hint=advice or _wanted(answer))
        case int() if code in _REFUSALS:
            what, helps = _REFUSALS[code]
            return SubmitRefused(
                what, why=answer.line, hint=advice if advice and code in (400, 451) else helps
            )
        case 200:
            return _unknown(f"its answer names no task ({answer.line})")
        case None:
            return _unknown(f"its answer cannot be read ({answer.line})")
        case _:
            return _unknown(f"it answered {answer.line}")


def poll_problem(answer: Answer, task: str) -> ShotError:
    """What an answer to recordInfo without a record means.

    A task is unknown only where KIE says so itself, and not something in between.
    """
    match answer.code:
        case 401 | 403 if answer.own:
            return ShotError(f"KIE does not show task {task} to this key", why=answer.line, hint=_KEY)
        case 200 | 404 | 422 | 400 if answer.own:
            return TaskUnknown(f"KIE does not know task {task}", why=answer.line)
        case _:
            return PollFailed(
                f"KIE cannot report the state of task {task} now",
                why=answer.line,
                retry_after_s=answer.retry_after_s,
            )


def _wanted(answer: Answer) -> str:
    """What helps against a refusal that is about the request's fields or its model."""
    if answer.says(_MISSING):
        return _CARD
    return _MODEL if answer.says(_GONE) else ""


def _code(value: Any) -> int | None:
    """The code in a body: a number, which some answers write as text."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _unknown(why: str) -> SubmitUnknown:
    return SubmitUnknown("cannot tell whether KIE accepted this request", why=why)
