"""What the server sends back, or does instead."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Just a moment</title></head><body>Checking you</body></html>\n"
)
"""What stands between a client and a provider now and then."""


class InputMode(enum.Enum):
    """Ways to answer a request."""

    JSON = enum.auto()
    CLIP = enum.auto()
    PAGE = enum.auto()  # HTML under status 200
    DROP = enum.auto()  # the connection is closed without a word
    HANG = enum.auto()  # nothing, until the client goes away


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a clip is sent: `data` under `size` as its Content-Length, with a pause in the middle."""

    data: bytes
    size: int
    content_type: str = "video/mp4"
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, `after_s` seconds from now."""

    how: InputMode = InputMode.JSON
    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery | None = None
    after_s: float = 0.0


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status=status, body={"error": {"code": code, "message": message}}, headers=headers or {})


TROUBLE: Final = {"drop": InputMode.DROP, "hang": InputMode.HANG, "html": InputMode.PAGE}
"""Scripted answers that are no answer."""
