"""For what a request is sent: a context variable that the engine sets around each call of a plugin."""

from __future__ import annotations

import contextlib
import contextvars
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The call of a plugin that a request belongs to."""

    method: str = ""
    """Of the plugin protocol: `submit`, `poll`, `put`; empty where the runner itself asks."""
    shot: str = ""
    """The key of the shot that it is for; empty for none."""
    token: str = ""
    """Of the attempt: another one each time."""


_NOTHING: Final = Asking()
_asking: Final = contextvars.ContextVar("asking", default=_NOTHING)


@contextlib.contextmanager
def asking(what: Asking) -> Iterator[None]:
    """Requests that are sent in the body belong to this call."""
    token = _asking.set(what)
    try:
        yield
    finally:
        _asking.reset(token)


def current() -> Asking:
    """The call that a request of the current task belongs to."""
    return _asking.get()
