"""Answers as the API words them: the envelope, the two styles of errors, and answers that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from runner.testing.provider import faults

from .record import compact

if TYPE_CHECKING:
    from runner.testing.provider.script import Step

UNAUTHORIZED: Final = (
    "Unauthorized – Authentication failed. Please check that your Authorization and Content-Type headers "
    "are correctly set."
)
UNKNOWN_MODEL: Final = (
    "The model name you specified is not supported. Please verify your input and use one of the supported "
    "models provided by KIE."
)
SERVER_ERROR: Final = "Server exception, please try again later or contact customer service"

MESSAGES: Final = {
    400: "taskId parameter is required",
    401: UNAUTHORIZED,
    402: "The current credits are insufficient. Please top up.",
    404: "Task not found",
    405: "Request method not supported",
    408: "timed out",
    422: "recordInfo is null",
    429: "Rate limit exceeded",
    433: "The current number of points used by apiKey has exceeded the daily limit",
    451: "Failed to fetch the image. Kindly verify any access limits set by you or your service provider.",
    455: "The service is currently undergoing maintenance",
    500: SERVER_ERROR,
    501: "Generation failed",
    505: "This feature is currently disabled",
}
"""What a code says where nothing else is known. Those of 405, 455, 501 and 505 are ours."""


class Refused(Exception):
    """The API says no. `bare`: without the `data` key."""

    def __init__(self, code: int, msg: str = "", *, http: int | None = None, bare: bool = False) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg or MESSAGES.get(code, SERVER_ERROR)
        self.http = http
        self.bare = bare


def success(data: object) -> web.Response:
    return reply({"code": 200, "msg": "success", "data": data})


def reply(body: object, *, status: int = 200) -> web.Response:
    response = web.Response(
        # A lone surrogate in a prompt cannot be told back.
        body=compact(body).encode("utf-8", "replace"),
        status=status,
        headers={"Content-Type": "application/json;charset=UTF-8"},
    )
    response.enable_compression()
    return response


def refusal(problem: Refused, style: str, **first: object) -> web.Response:
    """In the style `envelope` every error is HTTP 200; in `http` it has its own status. `first` stand in front."""
    body: dict[str, Any] = {**first, "code": problem.code, "msg": problem.msg}
    if not problem.bare:
        body["data"] = None
    own = problem.code if style == "http" and 400 <= problem.code <= 599 else 200
    return reply(body, status=problem.http or own)


async def instead(step: Step | None, when: str = "") -> web.Response | None:
    """Carry out a step that stands in for an answer; None where the true answer goes out.

    With `when` ("before" or "after") only the steps of that moment are carried out: those before keep the request
    from being dealt with.
    """
    if step is None or (when and step.after != (when == "after")):
        return None
    answer = await faults.trouble(step)
    if step.code is not None:
        raise Refused(step.code, step.msg, http=step.http, bare=step.code == 401)
    return success(None) if step.name == "no_data" else answer
