"""Named checks and what came of them."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from runner.errors import PluginError, PluginFailed, RunnerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

QUICK_S: Final = 120.0
"""How many seconds a check may take that waits for nothing but an answer."""


class Verdict(enum.StrEnum):
    """What came of a check."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One check of one plugin. `subject` is such as "generator mine"; `why` may also be a remark on an `OK`."""

    subject: str
    check: str
    verdict: Verdict
    why: str = ""


class Failed(Exception):
    """A contract is broken; the message says how."""


class Skipped(Exception):
    """A check that cannot be made here; the message says why."""


def require(holds: object, why: str) -> None:
    """Raise `Failed` unless it holds."""
    if not holds:
        raise Failed(why)


class Checks:
    """Makes the checks of one plugin, tells each result as it comes, and keeps them."""

    def __init__(self, subject: str, tell: Callable[[Result], None]) -> None:
        self.subject = subject
        self.results: list[Result] = []
        self._tell = tell

    async def run(self, name: str, work: Callable[[], Awaitable[T]], *, limit_s: float = QUICK_S) -> T | None:
        """Make one check: its result, `None` where it did not pass. A text that it returns is a remark."""
        try:
            async with asyncio.timeout(limit_s) as limit:
                made = await work()
        except Skipped as skipped:
            self.note(name, Verdict.SKIPPED, str(skipped))
        except Failed as failed:
            self.note(name, Verdict.FAILED, str(failed))
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            self.note(name, Verdict.FAILED, f"it took more than {limit_s:g} s" if late else told(error))
        else:
            self.note(name, Verdict.OK, made if isinstance(made, str) else "")
            return made
        return None

    def skip(self, name: str, why: str) -> None:
        self.note(name, Verdict.SKIPPED, why)

    def note(self, name: str, verdict: Verdict, why: str = "") -> None:
        result = Result(self.subject, name, verdict, " ".join(why.split()))
        self.results.append(result)
        self._tell(result)


def told(error: BaseException) -> str:
    """An exception in one line, by its class and what it says."""
    if isinstance(error, PluginError | PluginFailed):  # in the words of a run
        place = f" ({error.where})" if error.where else ""
        step = f"; next: {error.hint}" if error.hint and "conformance" not in error.hint else ""
        return f"{error.line}{place}{step}"
    text = error.line if isinstance(error, RunnerError) else str(error)
    return f"{type(error).__name__}: {text}".removesuffix(": ")
