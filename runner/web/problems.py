"""Errors of the API as RFC 9457 has them: `application/problem+json`, with the dotted keys of a configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse

from runner.errors import (
    ConfigError,
    JournalError,
    NotAffordable,
    NotConfirmed,
    OutputError,
    RunnerError,
    UsageError,
)
from runner.outgoing import outgoing
from runner.web.jobs import TooManyJobs

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyProblem:
    """One fault of a request."""

    key: str
    """Dotted, as it stands in the body or in an override."""
    message: str
    value: str = ""
    """As it was found."""
    allowed: str = ""
    """What may stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDetails:
    """Why a request was refused, or failed."""

    type: str = "about:blank"
    title: str
    """One sentence."""
    status: int
    detail: str = ""
    hint: str = ""
    """What to do about it."""
    problems: tuple[KeyProblem, ...] = ()
    """All that is wrong with the configuration, not the first."""


class Refused(Exception):
    """A request that cannot be answered, for a reason of HTTP."""

    def __init__(self, status: int, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.hint = hint


def problem(status: int, title: str, hint: str = "") -> JSONResponse:
    """An answer that says what is wrong."""
    return _answer(ProblemDetails(title=title, status=status, hint=hint))


def of_error(error: RunnerError) -> JSONResponse:
    """An error of the program as an answer. All problems of a configuration are in it."""
    found = error.problems if isinstance(error, ConfigError) else ()
    answer = _answer(
        ProblemDetails(
            type=f"urn:film-runner:{type(error).__name__}",
            title=outgoing(error.what),
            status=status_of(error),
            detail=outgoing(error.why),
            hint=outgoing(error.hint),
            problems=tuple(
                KeyProblem(key=one.key, message=one.message, value=one.value, allowed=one.allowed)
                for one in found
            ),
        )
    )
    if isinstance(error, TooManyJobs):
        answer.headers["retry-after"] = "30"
    return answer


def status_of(error: RunnerError) -> int:
    """The status of HTTP that says the same."""
    match error:
        case TooManyJobs():
            return 429
        case NotAffordable() | NotConfirmed():
            return 402
        case ConfigError():
            return 422
        case UsageError():
            return 409
        case JournalError() | OutputError():
            return 503
    return 500


def _answer(details: ProblemDetails) -> JSONResponse:
    return JSONResponse(dataclasses.asdict(details), status_code=details.status, media_type=MEDIA_TYPE)
