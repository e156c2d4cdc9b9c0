"""Progress for a person: live bars on a terminal, plain lines elsewhere. Goes to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.api import Event
    from runner.planning.plan import Plan


class Show(Protocol):
    """Something that shows events until it is closed."""

    def observe(self, event: Event) -> None: ...

    def close(self) -> None: ...


def show(plan: Plan, *, quiet: bool) -> Show:
    """The display that fits where standard error goes."""
    if quiet:
        return _Silent()
    if sys.stderr.isatty():
        from runner.report.progress_live import Live

        return Live(plan)
    from runner.report.headway import Headway
    from runner.report.progress_plain import Plain

    return Plain(headway=Headway(plan))


class _Silent:
    def observe(self, event: Event) -> None:
        pass

    def close(self) -> None:
        pass
