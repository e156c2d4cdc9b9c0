"""Everything that can be set when the emulator is started."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from runner.api import Rate
from runner.errors import UsageError
from runner.testing.provider.options import (
    Listening,
    option,
    read_decimal,
    read_positive,
    read_rate,
    read_seconds,
)

from .script import Script, load

DEFAULT_KEY: Final = "emulator"


def _fps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 60:
        raise ValueError(f"{text!r} is not between 1 and 60")
    return int(text)


def _side(text: str) -> int:
    if not text.isdecimal() or int(text) < 64:
        raise ValueError(f"{text!r} is less than 64")
    return int(text)


def _states(text: str) -> tuple[str, ...]:
    states = tuple(filter(None, text.split(",")))
    if not states:
        raise ValueError("name at least one state")
    return states


@dataclass(frozen=True, kw_only=True)
class Options(Listening):
    """How this emulator behaves towards everybody."""

    public_url: str = option("", "URL", "how its files are called from outside", shown="where it listens")
    key: list[str] | None = option(
        None, "KEY", "an account's API key, repeatable", shown=DEFAULT_KEY, action="append"
    )
    credits: Decimal = option(Decimal(1000), "N", "of each account at the start", read_decimal)
    no_credit: int = option(402, None, "the code when they run out", int, choices=(402, 500, 429))
    error_style: str = option(
        "envelope", None, "errors as HTTP 200, or as themselves", choices=("envelope", "http")
    )
    rate: Rate = option(Rate(20, 10.0), "N/S", "creations per account, 0 for any", read_rate, shown="20/10")
    poll_rate: Rate = option(Rate(10, 1.0), "N/S", "polls per account, 0 for any", read_rate, shown="10/1")
    task_seconds: float = option(2.0, "S", "how long a task takes", read_seconds)
    speed: float = option(1.0, "X", "divides the seconds of a task", read_positive)
    grace_seconds: float = option(0.0, "S", "how long a new task is not known yet", read_seconds)
    states: tuple[str, ...] = option(
        ("waiting", "generating"), "A,B", "on the way", _states, shown="waiting,generating"
    )
    script: Path | None = option(None, "FILE", "how to misbehave, YAML or JSON", Path, shown="")
    legacy_sora: bool = option(False, None, "run the sora-2 models, which are paused")
    upload_hours: float = option(24.0, "H", "life of an upload", read_positive)
    result_days: float = option(14.0, "D", "life of a result", read_positive)
    result_url_hours: float = option(
        24.0,
        "H",
        "life of a result's address; download-url gives another while the result lives",
        read_positive,
    )
    callback_shape: str = option(
        "union",
        None,
        "which documented body; union, the default, is both in one",
        shown="",
        choices=("union", "envelope", "short"),
    )
    callback_twice: bool = option(False, None, "deliver every callback twice")
    callback_timeout: float = option(15.0, "S", "for an answer to a callback", read_positive)
    webhook_key: str = option("", "KEY", "sign callbacks with it", shown="")
    fetch_timeout: float = option(30.0, "S", "for an input picture, clip or sound", read_positive)
    fps: int = option(16, "N", "frames a second of the clips", _fps)
    max_short_side: int = option(0, "PX", "no clip is larger, whatever is requested", _side, shown="")
    quiet: bool = option(False, None, "no line per creation", short=("-q",))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.key or (DEFAULT_KEY,))

    def rules(self) -> Script:
        """The script. Raises `UsageError`."""
        if self.script is None:
            return Script()
        try:
            return load(self.script)
        except (OSError, ValueError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise UsageError("the script cannot be used", where=str(self.script), why=why or "") from None
